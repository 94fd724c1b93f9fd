"""The pages of the issues: every series, and one numbered issue such as Update 134."""

from flask import abort, render_template
from flask_babel import gettext as _

from psgflask.caching import cacheable
from psgflask.database import db
from psgflask.news import catalogue, listing
from psgflask.news.catalogue import Scope
from psgflask.news.models import MAIN_SERIES, Article, Issue
from psgflask.news.views import blueprint, scope_of_all


@blueprint.get("/updates/")
@cacheable
def updates() -> str:
    """Show the issues of every series."""
    scope = scope_of_all()
    leads = _first_of_each(scope)
    series: dict[str, list[tuple[Issue, Article | None, int]]] = {}
    for issue, number in catalogue.issues_with_counts(db.session(), scope):
        series.setdefault(issue.series, []).append((issue, leads.get(issue.id), number))
    ordered = sorted(series.items(), key=lambda item: (item[0] != MAIN_SERIES, item[0]))
    return render_template("news/updates.html", series=ordered)


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
    numbered = [
        other
        for other, _count in catalogue.issues_with_counts(db.session(), scope)
        if other.series == issue.series
    ]
    place = numbered.index(issue)
    return render_template(
        "news/update.html",
        issue=issue,
        days=listing.by_day(articles),
        later=numbered[place - 1] if place else None,
        earlier=numbered[place + 1] if place + 1 < len(numbered) else None,
    )


def _first_of_each(scope: Scope) -> dict[int, Article]:
    """Return issue id -> the article that stands first in it."""
    chosen = catalogue.listing(scope).where(Article.issue_id.is_not(None))
    leads: dict[int, Article] = {}
    for article in db.session.scalars(chosen):
        leads.setdefault(article.issue_id or 0, article)
    return leads
