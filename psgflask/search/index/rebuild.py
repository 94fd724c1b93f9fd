"""A rebuild: documents indexed into sorted runs by several processes, and resumed after a kill.

The runs lie in `index/runs/` until the rebuild is done. No reader looks there.
"""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import worker_pool
from psgflask.search.index.documents import Document, content_hash
from psgflask.search.index.inverting import inverted
from psgflask.search.index.runs import SortedRun

FOLDER = "runs"
# A run ends with so many articles, or with the one that brings it to so many characters.
MAX_ARTICLES, MAX_CHARACTERS = 1000, 4_000_000

Wanted = NDArray[np.bool_]  # of a run's documents
Progress = Callable[[int], None]


class Rebuild:
    """The runs of a rebuild in the folder of an index; the caller closes it."""

    def __init__(self, folder: Path) -> None:
        """Open the runs of an unfinished rebuild; delete those that cannot be used."""
        self.folder = folder / FOLDER
        self._runs: list[tuple[SortedRun, Wanted]] = []
        # (id, content hash) -> number of the run, position in it
        self._indexed: dict[tuple[int, str], tuple[int, int]] = {}
        self._done = 0
        for file in self.folder.glob("*"):
            run = SortedRun.open_valid(file)
            if run is None:
                file.unlink(missing_ok=True)
            else:
                self._add_earlier(run)

    def close(self) -> None:
        """Close the files; they stay for the next rebuild."""
        for run, _wanted in self._runs:
            run.close()

    def index(
        self, documents: Iterable[Document], progress: Progress, processes: int | None
    ) -> None:
        """Index all documents into runs; `progress` is called with how many are done.

        A document that an earlier run holds unchanged is not indexed again. What fits into one
        run stays in memory and is indexed in this process, as everything is where `processes` is
        1; None is one for each processor.
        """
        batches = _batches(self._new(documents, progress))
        first, second = next(batches, None), next(batches, None)
        if second is None:
            if first:
                self._add(SortedRun.in_memory(inverted(first)), progress)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        every = chain(filter(None, (first, second)), batches)
        jobs = ((self.folder / secrets.token_hex(8), batch) for batch in every)
        for run in worker_pool.write_runs(jobs, processes or worker_pool.processors()):
            self._add(run, progress)

    def runs(self) -> list[tuple[SortedRun, Wanted]]:
        """Return each run with which of its documents are wanted, by the first of their ids."""
        wanted = [(run, which) for run, which in self._runs if which.any()]
        return sorted(wanted, key=lambda each: each[0].ids[int(np.argmax(each[1]))])

    def _new(self, documents: Iterable[Document], progress: Progress) -> Iterator[Document]:
        """Yield the documents that no earlier run holds; of those with one id the first alone."""
        seen: set[int] = set()
        for document in documents:
            # Duplicate ids in a run could not be told apart, nor deleted one by one.
            if document.id in seen:
                continue
            seen.add(document.id)
            # By the hash, since a list of changes would not know of restores or plain SQL.
            found = self._indexed and self._indexed.get((document.id, content_hash(document)))
            if not found:
                yield document
                continue
            run, position = found
            self._runs[run][1][position] = True
            self._report(1, progress)

    def _add_earlier(self, run: SortedRun) -> None:
        for position, key in enumerate(zip(run.ids, run.hashes, strict=True)):
            self._indexed[key] = len(self._runs), position
        self._runs.append((run, np.zeros(len(run.ids), np.bool_)))

    def _add(self, run: SortedRun, progress: Progress) -> None:
        self._runs.append((run, np.ones(len(run.ids), np.bool_)))
        self._report(len(run.ids), progress)

    def _report(self, more: int, progress: Progress) -> None:
        self._done += more
        progress(self._done)


def done_before(folder: Path) -> int:
    """Return how many articles are in the runs of an unfinished rebuild."""
    runs = list(filter(None, map(SortedRun.open_valid, (folder / FOLDER).glob("*"))))
    for run in runs:
        run.close()
    return len({number for run in runs for number in run.ids})


def delete_runs(folder: Path) -> None:
    """Delete all runs."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield as many documents at a time as make a run."""
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.title) + len(document.body)
        if len(batch) == MAX_ARTICLES or characters >= MAX_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
