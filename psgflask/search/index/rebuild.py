"""A rebuild: all documents as sorted runs, which bound its memory and are merged at the end."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from psgflask.search.documents import Document
from psgflask.search.index import runs
from psgflask.search.index.inverting import inverted
from psgflask.search.index.protocol import Progress
from psgflask.search.index.runs import SortedRun

# A run ends with so many articles, or with the one that brings it to so many characters.
MAX_ARTICLES, MAX_CHARACTERS = 1000, 4_000_000


def sorted_runs(
    documents: Iterable[Document], folder: Path, progress: Progress
) -> Iterator[SortedRun]:
    """Yield the documents as runs, each in a file of the folder; the caller closes them.

    `progress` is called with how many documents are done. Of those with one id the first alone is
    taken: two in a run could not be told apart, nor deleted one by one.
    """
    done = 0
    for number, batch in enumerate(_batches(documents)):
        file = folder / str(number)
        runs.write(file, inverted(batch))
        yield SortedRun.open(file)
        done += len(batch)
        progress(done)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield as many documents at a time as make a run."""
    seen: set[int] = set()
    batch: list[Document] = []
    characters = 0
    for document in documents:
        if document.id in seen:
            continue
        seen.add(document.id)
        batch.append(document)
        characters += len(document.title) + len(document.body)
        if len(batch) == MAX_ARTICLES or characters >= MAX_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
