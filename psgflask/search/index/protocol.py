"""The interface of the index of articles, behind which it can be replaced."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from psgflask.search.documents import Document

# The documents that changed, and the ids of those that are gone.
Changes = tuple[list[Document], list[int]]
Progress = Callable[[int], None]  # called with how many documents are done


class IndexBroken(RuntimeError):
    """The index is missing, torn, or was written by other code: it must be built anew."""


class OtherSchema(IndexBroken):
    """The index is whole, but was written by code that indexes other things or otherwise."""


class NewerSchema(OtherSchema):
    """That code is newer than this: the index is right, and this process is to be restarted."""


class ArticleIndex(Protocol):
    """The index of one installation. Readers need no lock; a writer holds `writing`."""

    folder: Path  # where those who keep it in step note how far they are

    def verify(self) -> None:
        """Compare what changed since the last look with its checksums.

        Raises IndexBroken; OtherSchema for an index that may be read but not changed.
        """
        ...

    def distrust(self) -> None:
        """Let the next look read everything, also what seems unchanged."""
        ...

    def hashes(self) -> dict[int, str]:
        """Return article id -> content hash; "" for one that is there twice. Raises IndexBroken."""
        ...

    def writing(self, *, wait: bool) -> AbstractContextManager[object] | None:
        """Take the lock of all writers, in any process; None when it is held and `wait` is off."""
        ...

    def apply(self, changed: Iterable[Document], removed: Iterable[int]) -> int:
        """Add or replace these documents, and delete others; return how many were touched.

        One that the index has already as it is does not count. Raises IndexBroken.
        """
        ...

    def tidy(self, *, purge: bool = False) -> bool:
        """Merge segments where that is due; with `purge`, leave nothing of deleted text.

        Say whether all was done: some of it has to wait while a rebuild runs. Raises IndexBroken.
        """
        ...

    def rebuild(
        self,
        documents: Iterable[Document],
        *,
        late: Callable[[list[int]], Changes],
        progress: Progress = ...,
        wait: bool = True,
    ) -> bool:
        """Build the index anew; the one in force answers until the new one is whole.

        `late` returns the final state of the articles that changed meanwhile. Return False when
        another rebuild is running and `wait` is off.
        """
        ...
