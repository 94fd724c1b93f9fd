"""The runs of a rebuild: cut, made by several programs at once, and found again after a kill.

They lie in `index/runs/` until the rebuild is done. Readers know nothing of them.
"""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import programs
from psgflask.search.index.documents import Document, content_hash
from psgflask.search.index.inverting import inverted
from psgflask.search.index.runs import Run

FOLDER = "runs"
# A run ends with so many articles, or with the article that makes it as long as that.
MOST_ARTICLES, MOST_LETTERS = 1000, 4_000_000

Kept = NDArray[np.bool_]
Progress = Callable[[int], None]


class Building:
    """The runs of a rebuild in the folder of an index; whoever began it closes it."""

    def __init__(self, folder: Path) -> None:
        """Look for runs of a rebuild that was not finished; let go of what cannot be used."""
        self.folder = folder / FOLDER
        self._runs: list[tuple[Run, Kept]] = []
        self._known: dict[tuple[int, str], tuple[int, int]] = {}  # -> run, place in it
        self._done = 0
        for file in self.folder.glob("*"):
            run = Run.found(file)
            if run is None:
                file.unlink(missing_ok=True)
            else:
                self._add(run, kept=False)

    def close(self) -> None:
        """Let the files go; they stay for the next rebuild."""
        for run, _kept in self._runs:
            run.close()

    def fill(
        self, documents: Iterable[Document], progress: Progress, processes: int | None
    ) -> None:
        """Have all documents in runs; `progress` is told how many are.

        What a run of before holds just as it is now is used again. What fits into one run stays in
        memory and is made here, as everything is with one process; as many as processors if None.
        """
        chunks = _chunks(self._new(documents, progress))
        first, second = next(chunks, None), next(chunks, None)
        if second is None:
            if first:
                self._add(Run.of(inverted(first)), kept=True)
                self._tell(len(first), progress)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        given = chain(filter(None, (first, second)), chunks)
        named = ((self.folder / secrets.token_hex(8), chunk) for chunk in given)
        for run in programs.written(named, processes or programs.processors()):
            self._add(run, kept=True)
            self._tell(len(run.ids), progress)

    def found(self) -> list[tuple[Run, Kept]]:
        """Return each run with which of its documents are wanted, by the first of their ids."""
        wanted = [(run, kept) for run, kept in self._runs if kept.any()]
        return sorted(wanted, key=lambda each: each[0].ids[int(np.argmax(each[1]))])

    def _new(self, documents: Iterable[Document], progress: Progress) -> Iterator[Document]:
        """Yield the documents that no run of before holds; of those with one id the first alone."""
        seen: set[int] = set()
        for document in documents:
            # Of two in a run neither could be told from the other and be taken out.
            if document.id in seen:
                continue
            seen.add(document.id)
            # Hashes tell most surely what has changed since, whatever changed it.
            place = self._known and self._known.get((document.id, content_hash(document)))
            if not place:
                yield document
                continue
            number, at = place
            self._runs[number][1][at] = True
            self._tell(1, progress)

    def _add(self, run: Run, *, kept: bool) -> None:
        if not kept:
            for at, found in enumerate(zip(run.ids, run.hashes, strict=True)):
                self._known[found] = len(self._runs), at
        self._runs.append((run, np.full(len(run.ids), kept)))

    def _tell(self, more: int, progress: Progress) -> None:
        self._done += more
        progress(self._done)


def done_before(folder: Path) -> int:
    """Return how many articles are in the runs of a rebuild that was not finished."""
    found = list(filter(None, map(Run.found, (folder / FOLDER).glob("*"))))
    for run in found:
        run.close()
    return len({number for run in found for number in run.ids})


def forget(folder: Path) -> None:
    """Remove all runs."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents as many as make a run."""
    chunk: list[Document] = []
    letters = 0
    for document in documents:
        chunk.append(document)
        letters += len(document.title) + len(document.body)
        if len(chunk) == MOST_ARTICLES or letters >= MOST_LETTERS:
            yield chunk
            chunk, letters = [], 0
    if chunk:
        yield chunk
