"""The pages of the issues: every series, and one numbered issue such as Update 134."""

from dataclasses import dataclass

from flask import abort, render_template
from flask_babel import gettext as _

from psgflask.core.database import db
from psgflask.news import catalogue, lists, series
from psgflask.news.catalogue import ALL_KINDS
from psgflask.news.models import Article, Issue
from psgflask.news.web import list_pages
from psgflask.news.web.list_pages import current_scope
from psgflask.news.web.views import blueprint
from psgflask.web.caching import cacheable, query_parameters
from psgflask.web.paging import Pager

# Titles and fonts included, a page of so many rows stays within 100 kB.
ROWS, MIN_ROWS = 50, 5


@dataclass(frozen=True)
class SeriesPage:
    """A page of one series: each issue with its first article."""

    name: str
    issues: list[tuple[Issue, Article | None]]
    pager: Pager


@blueprint.get("/updates/")
@cacheable
@query_parameters("before", "after")
def updates() -> str:
    """Show the newest issues of every series, or those of one series before or after a cursor."""
    session, scope = db.session(), current_scope(*ALL_KINDS)
    before, after = list_pages.requested_cursors(_issue)
    cursor = after or before
    by_series = series.issues(session, scope)
    if cursor is not None:
        by_series = {cursor.series: by_series.get(cursor.series, [])}
        if cursor not in by_series[cursor.series]:
            if catalogue.issue_was_public(session, cursor, scope.now):
                list_pages.redirect_to()
            list_pages.abort_bad_cursor()
    size = max(ROWS // max(len(by_series), 1), MIN_ROWS)
    pages = {
        name: series.issue_page(issues, size=size, before=before, after=after)
        for name, issues in by_series.items()
    }
    shown = [issue for page in pages.values() for issue in page.issues]
    articles = series.first_articles(session, scope, shown)
    return render_template(
        "news/updates.html",
        series_pages=[
            SeriesPage(
                name, [(issue, articles.get(issue.id)) for issue in page.issues], _pager(page)
            )
            for name, page in pages.items()
        ],
        only=cursor.series if cursor else None,
    )


@blueprint.get("/updates/<slug>/")
@cacheable
def update(slug: str) -> str:
    """Show one issue: /updates/134/ is an Update, /updates/peru-news-65/ another series."""
    issue = catalogue.find_issue_by_slug(db.session(), slug)
    if issue is None:
        abort(404, _("There is no issue of that number."))
    scope = current_scope(*ALL_KINDS)
    of_issue = catalogue.listing(scope).where(Article.issue_id == issue.id)
    articles = db.session.scalars(of_issue.limit(200)).all()
    if not articles:
        abort(404, _("There is no issue of that number."))
    issues = series.issues(db.session(), scope)[issue.series]
    index = issues.index(issue)
    return render_template(
        "news/update.html",
        issue=issue,
        days=lists.group_by_dateline(articles),
        later=issues[index - 1] if index else None,
        earlier=issues[index + 1] if index + 1 < len(issues) else None,
    )


def _issue(slug: str) -> Issue:
    """Return the issue that is a cursor. Raises ValueError."""
    issue = catalogue.find_issue_by_slug(db.session(), slug)
    if issue is None:
        raise ValueError(f"{slug!r} is no issue")
    return issue


def _pager(page: series.IssuePage) -> Pager:
    return list_pages.pager(
        before=page.issues[-1].slug if page.issues and page.earlier else None,
        after=page.issues[0].slug if page.issues and page.later else None,
    )
