"""One pager for both kinds of list: earlier and later by cursor, or numbered pages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageLink:
    """A numbered page of search results."""

    number: int
    url: str
    current: bool


@dataclass(frozen=True)
class Pager:
    """Where to go on from a list; what is None or empty is not drawn."""

    earlier: str | None = None
    later: str | None = None
    pages: tuple[PageLink, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.earlier or self.later or self.pages)
