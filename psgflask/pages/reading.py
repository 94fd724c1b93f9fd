"""Which page or appeal a reader gets, in which language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.pages.models import Appeal, Page

# The home page shows these with their teasers, in this order, as the old site did.
ON_THE_HOME_PAGE = ("aims", "historical-overview", "human-rights")


@dataclass(frozen=True)
class AppealShown:
    """An appeal with its progress: `share` 0 to 1, None when target or total is not set."""

    appeal: Appeal
    share: float | None
    ended: bool


def find(session: Session, slug: str, language: str) -> Page | None:
    """Return a page in a language, in the other one where it is not translated."""
    versions = {
        page.language: page for page in session.scalars(select(Page).where(Page.slug == slug))
    }
    return versions.get(language) or next(iter(versions.values()), None)


def translated(session: Session, page: Page) -> bool:
    """Say whether a page exists in the other language too."""
    return (
        session.scalar(
            select(Page.id).where(Page.slug == page.slug, Page.language != page.language)
        )
        is not None
    )


def section(session: Session, name: str, language: str) -> Sequence[Page]:
    """Return the pages of a section in their order, each in one language."""
    rows = session.scalars(select(Page).where(Page.section == name).order_by(Page.position))
    return _one_each(rows.all(), language)


def on_the_home_page(session: Session, language: str) -> list[Page]:
    """Return the section pages whose teasers stand on the home page."""
    rows = session.scalars(select(Page).where(Page.slug.in_(ON_THE_HOME_PAGE))).all()
    pages = {page.slug: page for page in _one_each(rows, language)}
    return [pages[slug] for slug in ON_THE_HOME_PAGE if slug in pages]


def appeal(session: Session, language: str, today: date) -> AppealShown | None:
    """Return the newest appeal in a language, else in the other one."""
    rows = session.scalars(select(Appeal).order_by(Appeal.id.desc())).all()
    own = [row for row in rows if row.language == language] or rows
    if not own:
        return None
    newest = own[0]
    return AppealShown(newest, _share(newest.target, newest.total), has_ended(newest, today))


def has_ended(appeal: Appeal, today: date) -> bool:
    """Say whether an appeal is over; on its last day it still runs."""
    return appeal.ends_on is not None and appeal.ends_on < today


def _share(target: Decimal | None, total: Decimal | None) -> float | None:
    if target is None or total is None or target <= 0:
        return None
    return float(max(Decimal(0), min(Decimal(1), total / target)))


def _one_each(rows: Sequence[Page], language: str) -> list[Page]:
    chosen: dict[str, Page] = {}
    for page in rows:
        if page.slug not in chosen or page.language == language:
            chosen[page.slug] = page
    return sorted(chosen.values(), key=lambda page: (page.position, page.slug))
