"""The program that reads one PDF, in a process that `confined` bounds.

Started by its path: it imports nothing of the site. The file comes on standard input; out goes one
JSON object with the text, or with what is wrong.
"""

import io
import json
import re
import sys
from typing import IO

MOST_WORDS = 5000
MOST_PAGES = 300
LONGEST_TEXT = 60_000  # characters: words of any length must not make a text of any length
NO_READER = 3  # as `confined` knows it

_HYPHEN_AT_END = re.compile(r"(?<=[^\W\d_])[-\u00ad]\n(?=[^\W\d_])")
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def tidied(text: str) -> str:
    """Return a text with words put together again and without what is no text."""
    text = _HYPHEN_AT_END.sub("", text.replace("\r", "\n"))
    return " ".join(_NO_TEXT.sub(" ", text).split())


def read(file: IO[bytes]) -> tuple[str, str]:
    """Return the first words of a PDF, and what kept it from being read, "" when nothing did."""
    from pypdf import PdfReader

    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        return "", "it is locked by a password"
    words: list[str] = []
    for number in range(min(len(reader.pages), MOST_PAGES)):
        words += tidied(reader.pages[number].extract_text()).split()
        if len(words) >= MOST_WORDS:
            break
    text = " ".join(words[:MOST_WORDS])[:LONGEST_TEXT]
    return text, "" if text else "it holds no text: are its pages pictures?"


def main() -> None:
    """Read standard input, and say what came of it."""
    try:
        import pypdf  # noqa: F401  # before the file is touched
    except ImportError:
        sys.exit(NO_READER)
    sys.setrecursionlimit(2000)
    try:
        text, problem = read(io.BytesIO(sys.stdin.buffer.read()))
    except MemoryError:
        text, problem = "", "it wants too much memory"
    except Exception as error:  # a broken file breaks the reader in any way
        kind = type(error).__name__
        text, problem = "", f"it is broken, or of a kind that cannot be read ({kind})"
    sys.stdout.write(json.dumps({"text": text, "problem": problem}))


if __name__ == "__main__":
    main()
