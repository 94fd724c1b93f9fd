"""Xapian in a process of the system's Python, which times itself."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psgflask.search.documents import Document
from tests.benchmarks.search.questions import Question, Unsupported

PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).with_name("xapian_program.py")
LACKING = frozenset({"likeness"})


def is_there() -> bool:
    """Say whether the system's Python has Xapian."""
    try:
        found = subprocess.run(  # its own program
            [PYTHON, "-c", "import xapian"], capture_output=True, check=False
        )
    except OSError:
        return False
    return found.returncode == 0


class Xapian:
    """A compacted database; `page_ms` returns CPU milliseconds."""

    name = "Xapian"

    def __init__(self, folder: Path, documents: Sequence[Document]) -> None:
        place = folder / "xapian"
        if not Path(f"{place}-compact").exists():
            rows = "\n".join(json.dumps(_row(each)) for each in documents)
            subprocess.run(  # its own program
                [PYTHON, PROGRAM, "build", place], input=rows, text=True, check=True
            )
        self._process = subprocess.Popen(  # its own program
            [PYTHON, PROGRAM, "serve", place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def page_ms(self, question: Question) -> float:
        """Ask for a page; return what it cost."""
        if question.kind in LACKING:
            raise Unsupported
        assert self._process.stdin is not None  # both are pipes
        assert self._process.stdout is not None
        print(
            json.dumps([question.kind, question.words, question.since]),
            file=self._process.stdin,
            flush=True,
        )
        cost, _total = json.loads(self._process.stdout.readline())
        return float(cost)


def _row(document: Document) -> dict[str, object]:
    return {
        "title": document.title,
        "body": document.body,
        "dated": str(document.dated_from or ""),
        "year": document.dated_from.year if document.dated_from else 0,
        "language": document.language,
        "topics": document.topics,
    }
