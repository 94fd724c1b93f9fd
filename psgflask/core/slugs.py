"""The form of slugs, with which the addresses of pages, articles and topics end."""

import re

MAX_SLUG_LENGTH = 80
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
