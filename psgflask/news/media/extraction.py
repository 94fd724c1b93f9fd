"""The text of a PDF, read by a program of its own that may fail: the file may be hostile."""

import json
from dataclasses import dataclass
from pathlib import Path

from psgflask.news.media import confined

PROGRAM = Path(__file__).with_name("pdf_text.py")
MEGABYTES, SECONDS = 700, 15
LONGEST_PROBLEM = 200


@dataclass(frozen=True)
class Extracted:
    """The first words of a file, or what kept it from being read."""

    text: str
    problem: str = ""


def extract(path: Path) -> Extracted:
    """Return the text of a PDF; whatever is in it, this ends soon.

    Raises OSError where that is not the file's fault: it may be tried again.
    """
    try:
        said = json.loads(confined.run(PROGRAM, path, megabytes=MEGABYTES, seconds=SECONDS) or b"")
        return Extracted(str(said["text"]), str(said["problem"])[:LONGEST_PROBLEM])
    except (ValueError, KeyError, TypeError):
        # The system ended the program: that is what its limits are for.
        return Extracted("", "it takes too long or too much memory to read")
