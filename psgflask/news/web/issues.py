"""The pages of the issues: every series, and one numbered issue such as Update 134."""

from dataclasses import dataclass

from flask import abort, render_template
from flask_babel import gettext as _

from psgflask.core.database import db
from psgflask.news import catalogue, lists, series
from psgflask.news.models import Article, Issue
from psgflask.news.web import paging
from psgflask.news.web.views import blueprint, scope_of_all
from psgflask.web.caching import cacheable, query_parameters
from psgflask.web.paging import Pager

# Titles and fonts included, a page of so many rows stays within 100 kB.
ROWS, FEWEST_ROWS = 50, 5


@dataclass(frozen=True)
class Shelf:
    """A page of one series: each issue with the article that stands first in it."""

    name: str
    issues: list[tuple[Issue, Article | None]]
    pager: Pager


@blueprint.get("/updates/")
@cacheable
@query_parameters("before", "after")
def updates() -> str:
    """Show the newest issues of every series, or those of one series next to a place in it."""
    session, scope = db.session(), scope_of_all()
    before, after = paging.requested_cursors(_issue)
    place = after or before
    known = series.issues(session, scope)
    if place is not None:
        known = {place.series: known.get(place.series, [])}
        if place not in known[place.series]:
            if catalogue.was_seen(session, place, scope.now):
                paging.redirect_to()
            paging.abort_bad_cursor()
    size = max(ROWS // max(len(known), 1), FEWEST_ROWS)
    runs = {
        name: series.run_of(issues, size=size, before=before, after=after)
        for name, issues in known.items()
    }
    leads = series.leads(session, scope, [issue for run in runs.values() for issue in run.issues])
    return render_template(
        "news/updates.html",
        shelves=[
            Shelf(name, [(issue, leads.get(issue.id)) for issue in run.issues], _pager(run))
            for name, run in runs.items()
        ],
        of_one=place.series if place else None,
    )


@blueprint.get("/updates/<slug>/")
@cacheable
def update(slug: str) -> str:
    """Show one issue: /updates/134/ is an Update, /updates/peru-news-65/ another series."""
    issue = catalogue.find_issue_by_slug(db.session(), slug)
    if issue is None:
        abort(404, _("There is no issue of that number."))
    scope = scope_of_all()
    chosen = catalogue.listing(scope).where(Article.issue_id == issue.id)
    articles = db.session.scalars(chosen.limit(200)).all()
    if not articles:
        abort(404, _("There is no issue of that number."))
    numbered = series.issues(db.session(), scope)[issue.series]
    place = numbered.index(issue)
    return render_template(
        "news/update.html",
        issue=issue,
        days=lists.group_by_dateline(articles),
        later=numbered[place - 1] if place else None,
        earlier=numbered[place + 1] if place + 1 < len(numbered) else None,
    )


def _issue(slug: str) -> Issue:
    """Return the issue that is named as a place in the list; raises ValueError."""
    found = catalogue.find_issue_by_slug(db.session(), slug)
    if found is None:
        raise ValueError(f"{slug!r} is no issue")
    return found


def _pager(run: series.Run) -> Pager:
    return paging.pager(
        before=run.issues[-1].slug if run.issues and run.earlier else None,
        after=run.issues[0].slug if run.issues and run.later else None,
    )
