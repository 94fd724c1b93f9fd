"""The list of topics, and one topic's articles."""

from typing import Any

from flask import Blueprint, abort, render_template, url_for
from flask_babel import gettext as _

from psgflask.core.database import db
from psgflask.news import catalogue, counting, lists
from psgflask.news.catalogue import ALL_KINDS
from psgflask.news.models import ORGANISATION, PLACE, THEME, Topic
from psgflask.news.web import list_pages
from psgflask.news.web.list_pages import current_scope
from psgflask.web import languages
from psgflask.web.caching import cacheable, query_parameters

blueprint = Blueprint("topics", __name__, url_prefix="/topics")


@blueprint.get("/")
@cacheable
def index() -> str:
    """Show the topics that have articles: themes, places, organisations."""
    language = languages.current_language()
    counted = counting.by_topic(current_scope(*ALL_KINDS))
    groups = [
        (label, sorted(chosen, key=lambda pair: pair[0].name(language).casefold()))
        for kind, label in (
            (THEME, _("Themes")),
            (PLACE, _("Places")),
            (ORGANISATION, _("Organisations")),
        )
        if (chosen := [pair for pair in counted if pair[0].kind == kind])
    ]
    return render_template("topics/index.html", groups=groups)


@blueprint.get("/<slug>")
@cacheable
@query_parameters("before", "after")
def topic(slug: str) -> str:
    """Show the articles of a topic, newest first."""
    found = catalogue.find_topic(db.session(), slug)
    if found is None:
        abort(404, _("There is no such topic."))
    scope = current_scope(*ALL_KINDS, topic_id=found.id)
    page = list_pages.requested_page(scope)
    return render_template(
        "topics/topic.html",
        topic=found,
        days=lists.group_by_dateline(page.articles),
        pager=list_pages.pager(page.before, page.after),
        feed_href=url_for("feeds.topic", slug=slug, form="atom"),
        years=lists.year_cords(counting.by_year(scope), lambda year: _search(found, year)),
    )


def _search(topic: Topic, year: int) -> str:
    values: dict[str, Any] = {"topic": topic.slug, "from": year, "to": year}
    return url_for("search.search", **values)
