"""The text of a file, read by a program of its own that may fail: the file may be hostile."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from psgflask.news import pdf_text
from psgflask.news.pdf_text import NO_READER

PROGRAM = Path(pdf_text.__file__)
LONGEST_SECONDS = 30.0
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
    with path.open("rb") as file:
        try:
            # Isolated: neither our settings nor the folder that it is started in are its business.
            done = subprocess.run(  # noqa: S603  # our own program; the file is its input
                [sys.executable, "-I", str(PROGRAM)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Extracted("", "it takes too long to read")
    if done.returncode == NO_READER:
        raise OSError("pypdf is not installed: no PDF can be read")
    try:
        said = json.loads(done.stdout)
        return Extracted(str(said["text"]), str(said["problem"])[:LONGEST_PROBLEM])
    except (ValueError, KeyError, TypeError):
        # The system ended the program: that is what its limits are for.
        return Extracted("", "it takes too long or too much memory to read")
