"""Numbered issues by series: those with public articles, and pages of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.models import MAIN_SERIES, Article, Issue


@dataclass(frozen=True)
class IssuePage:
    """Consecutive issues of one series, and whether there are others on either side."""

    issues: list[Issue]
    earlier: bool
    later: bool


def issues(session: Session, scope: Scope) -> dict[str, list[Issue]]:
    """Return series -> its issues with public articles, newest first; Updates are the first."""
    articles = catalogue.listing(scope).where(Article.issue_id.is_not(None)).order_by(None)
    by_series: dict[str, list[Issue]] = {}
    for issue in session.scalars(
        select(Issue)
        .where(Issue.id.in_(articles.with_only_columns(Article.issue_id)))
        .order_by(Issue.series != MAIN_SERIES, Issue.series, Issue.number.desc())
    ):
        by_series.setdefault(issue.series, []).append(issue)
    return by_series


def issue_page(
    issues: Sequence[Issue],
    *,
    size: int,
    before: Issue | None = None,
    after: Issue | None = None,
) -> IssuePage:
    """Return the `size` issues before or after an issue of their series, else the newest.

    By number, so a page stays the same when an issue is added.
    """
    first, last = 0, size
    if after is not None:
        last = sum(issue.number > after.number for issue in issues)
        first = max(last - size, 0)
    elif before is not None:
        first = sum(issue.number >= before.number for issue in issues)
        last = first + size
    return IssuePage(list(issues[first:last]), earlier=last < len(issues), later=first > 0)


def first_articles(session: Session, scope: Scope, issues: Iterable[Issue]) -> dict[int, Article]:
    """Return issue id -> the first article in it."""
    rank = (
        func.row_number()
        .over(
            partition_by=Article.issue_id,
            order_by=(Article.order_date.desc(), Article.id.desc()),
        )
        .label("rank")
    )
    of_issues = Article.issue_id.in_([issue.id for issue in issues])
    articles = catalogue.listing(scope).where(of_issues).order_by(None)
    ranked = articles.with_only_columns(Article.id, rank).subquery()
    first = select(ranked.c.id).where(ranked.c.rank == 1)
    rows = session.scalars(select(Article).where(Article.id.in_(first)))
    return {article.issue_id: article for article in rows if article.issue_id is not None}
