"""What one commit is, and Whoosh's reader of it, opened so that no file stays open by mishap."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex
from whoosh.reading import IndexReader

from psgflask.search.index.checksums import NAME
from psgflask.search.index.generations import IndexBroken


@dataclass(frozen=True)
class State:
    """One commit: its token, its folder, and the numbers of deleted documents by segment."""

    token: tuple[str, str]
    folder: Path
    segments: dict[str, list[int]]


class _Opening(FileStorage):  # type: ignore[misc]  # Whoosh ships no types
    """Remembers the files that a reader opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[Any] = []

    def open_file(self, name: str, **said: Any) -> Any:
        """Open a file to read."""
        self.opened.append(super().open_file(name, **said))
        return self.opened[-1]

    def give_up(self) -> None:
        """Close all that was opened."""
        for each in self.opened:
            each.file.close()


def open_reader(generation: Path) -> IndexReader:
    """Open the newest commit of a generation. Raises IndexBroken."""
    storage = _Opening(generation)
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
        storage.give_up()
        raise IndexBroken(f"{generation.name} cannot be opened: {error!r}") from error
    return reader
