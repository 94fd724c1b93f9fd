"""The pager of lists: earlier and later by cursor, or numbered pages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageLink:
    """A numbered page of search results."""

    number: int
    url: str
    current: bool


@dataclass(frozen=True)
class Pager:
    """The links of a list to its other pages; what is None or empty is not rendered."""

    earlier: str | None = None
    later: str | None = None
    pages: tuple[PageLink, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.earlier or self.later or self.pages)
