"""The text of a PDF, extracted in a sandbox.

Run by its path it is the program in the sandbox, so its head imports nothing of the site. The file
comes on standard input; the output is one JSON object with the text, or with what is wrong.
"""

import io
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROGRAM = Path(__file__)
MEGABYTES, SECONDS = 700, 15
MAX_WORDS = 5000
MAX_PAGES = 300
MAX_TEXT_LENGTH = 60_000  # characters: a word may have any length
MAX_PROBLEM_LENGTH = 200

_HYPHEN_AT_END = re.compile(r"(?<=[^\W\d_])[-\u00ad]\n(?=[^\W\d_])")
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class ExtractedText:
    """The first words of a file, or why it could not be read."""

    text: str
    problem: str = ""


def extract(path: Path) -> ExtractedText:
    """Return the text of a PDF; whatever is in it, this ends soon.

    Raises OSError where the file is not to blame: it may be tried again.
    """
    from psgflask.news.media import sandbox  # not in the sandbox

    output = sandbox.run(
        PROGRAM, path, kind="PDF", library="pypdf", megabytes=MEGABYTES, seconds=SECONDS
    )
    try:
        result = json.loads(output or b"")
        return ExtractedText(str(result["text"]), str(result["problem"])[:MAX_PROBLEM_LENGTH])
    except (ValueError, KeyError, TypeError):
        # Killed: that is what the limits are for.
        return ExtractedText("", "it takes too long or too much memory to read")


def clean_text(text: str) -> str:
    """Return a text without line-end hyphens, control characters and surplus spaces."""
    text = _HYPHEN_AT_END.sub("", text.replace("\r", "\n"))
    return " ".join(_NO_TEXT.sub(" ", text).split())


def read_pdf(file: IO[bytes]) -> tuple[str, str]:
    """Return the first words of a PDF, and why it could not be read, "" if it could."""
    from pypdf import PdfReader

    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        return "", "it is locked by a password"
    words: list[str] = []
    for number in range(min(len(reader.pages), MAX_PAGES)):
        words += clean_text(reader.pages[number].extract_text()).split()
        if len(words) >= MAX_WORDS:
            break
    text = " ".join(words[:MAX_WORDS])[:MAX_TEXT_LENGTH]
    return text, "" if text else "it holds no text: are its pages pictures?"


def main() -> None:
    """Extract the text of the PDF on standard input."""
    sys.setrecursionlimit(2000)
    try:
        text, problem = read_pdf(io.BytesIO(sys.stdin.buffer.read()))
    except MemoryError:
        text, problem = "", "it wants too much memory"
    except Exception as error:  # a broken file may raise anything in the reader
        kind = type(error).__name__
        text, problem = "", f"it is broken, or of a kind that cannot be read ({kind})"
    sys.stdout.write(json.dumps({"text": text, "problem": problem}))


if __name__ == "__main__":
    main()
