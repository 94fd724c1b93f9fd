"""The numbered issues series by series: which a reader sees, and page by page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.models import MAIN_SERIES, Article, Issue


@dataclass(frozen=True)
class Run:
    """Issues of one series that follow each other, and whether others lie on either side."""

    issues: list[Issue]
    earlier: bool
    later: bool


def issues(session: Session, scope: Scope) -> dict[str, list[Issue]]:
    """Return series -> its issues that have visible articles, newest first; Updates lead."""
    seen = catalogue.listing(scope).where(Article.issue_id.is_not(None)).order_by(None)
    found: dict[str, list[Issue]] = {}
    for issue in session.scalars(
        select(Issue)
        .where(Issue.id.in_(seen.with_only_columns(Article.issue_id)))
        .order_by(Issue.series != MAIN_SERIES, Issue.series, Issue.number.desc())
    ):
        found.setdefault(issue.series, []).append(issue)
    return found


def run_of(
    issues: Sequence[Issue],
    *,
    size: int,
    before: Issue | None = None,
    after: Issue | None = None,
) -> Run:
    """Return the `size` issues next to a place in their series, the newest without a place.

    The place is a number, so a page stays the same when an issue is added.
    """
    first, last = 0, size
    if after is not None:
        last = sum(issue.number > after.number for issue in issues)
        first = max(last - size, 0)
    elif before is not None:
        first = sum(issue.number >= before.number for issue in issues)
        last = first + size
    return Run(list(issues[first:last]), earlier=last < len(issues), later=first > 0)


def leads(session: Session, scope: Scope, issues: Iterable[Issue]) -> dict[int, Article]:
    """Return issue id -> the article that stands first in it."""
    place = (
        func.row_number()
        .over(
            partition_by=Article.issue_id,
            order_by=(Article.order_date.desc(), Article.id.desc()),
        )
        .label("place")
    )
    wanted = Article.issue_id.in_([issue.id for issue in issues])
    placed = catalogue.listing(scope).where(wanted).order_by(None)
    ranked = placed.with_only_columns(Article.id, place).subquery()
    first = select(ranked.c.id).where(ranked.c.place == 1)
    found = session.scalars(select(Article).where(Article.id.in_(first)))
    return {article.issue_id: article for article in found if article.issue_id is not None}
