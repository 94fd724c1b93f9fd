"""One commit of the index: its token, what it consists of, and Whoosh's reader of it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex
from whoosh.reading import IndexReader

from psgflask.search.index import generations
from psgflask.search.index.checksums import NAME, toc_name
from psgflask.search.index.generations import POINTER
from psgflask.search.index.protocol import IndexBroken

# Files that change within one tick of the file system's clock seem unchanged: what changed so
# lately, in nanoseconds, is looked at again.
SETTLED = 1_000_000_000


@dataclass(frozen=True)
class State:
    """One commit: its token, its folder, and the numbers of deleted documents by segment."""

    token: tuple[str, str]
    folder: Path
    segments: dict[str, list[int]]


class CommitToken:
    """What differs after every commit and rebuild, cached until the index changes.

    Every commit renames a file in the index's folder or in that of the generation, so the cached
    token is valid as long as neither has changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pointer = folder / POINTER
        # The folder of the generation, the times of change of both, and the token then.
        self._cached: tuple[Path, tuple[int, ...], tuple[str, str]] | None = None

    def current(self) -> tuple[str, str]:
        """Return generation and table of contents. Raises IndexBroken."""
        cached = self._cached
        if cached is not None and self._changed(cached[0]) == cached[1]:
            return cached[2]
        begun = time.time_ns()
        generation = generations.current(self.folder)
        changed = self._changed(generation)
        token = generation.name, toc_name(generation)
        settled = changed and max(changed) < begun - SETTLED
        self._cached = (generation, changed, token) if settled else None
        return token

    def _changed(self, generation: Path) -> tuple[int, ...]:
        try:
            return self._pointer.stat().st_mtime_ns, generation.stat().st_mtime_ns
        except OSError:
            return ()


class _TrackingStorage(FileStorage):  # type: ignore[misc]  # Whoosh ships no types
    """Keeps track of the files that a reader opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[Any] = []

    def open_file(self, name: str, **options: Any) -> Any:
        """Open a file to read."""
        self.opened.append(super().open_file(name, **options))
        return self.opened[-1]

    def close_opened(self) -> None:
        """Close all of them."""
        for each in self.opened:
            each.file.close()


def open_reader(generation: Path) -> IndexReader:
    """Open the newest commit of a generation. Raises IndexBroken."""
    storage = _TrackingStorage(generation)
    try:
        index = FileIndex(storage, indexname=NAME)
        state = index._read_toc()
        # Whoosh would try ten times by itself, and leave open what each try had opened.
        reader = index._reader(storage, state.schema, state.segments, state.generation)
        for leaf, _start in reader.leaf_readers():
            if leaf.doc_count_all():
                # Whoosh opens these late, perhaps after a merge has taken the file away.
                leaf.stored_fields(0)
    except Exception as error:
        storage.close_opened()
        raise IndexBroken(f"{generation.name} cannot be opened: {error!r}") from error
    return reader
