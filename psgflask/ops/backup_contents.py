"""The names of what a backup holds beside the database and the media.

What else an instance has is left out, each for its reason: tests/ops/test_backup_contents.py.
"""

from psgflask.members import erasure, tiers

SETTINGS_FILE = "config.json"
# Small files of an instance, each saved where there is one.
LISTS = (tiers.FILE, erasure.LIST_FILE, erasure.UNCONFIRMED_FILE)
# Names with a dot in front: files that are being written, and what killed processes left.
TEMPORARY = "."
