"""Atom and RSS: the news, a topic, a kind, in each language, with conditional GET."""

from collections.abc import Sequence
from email.utils import format_datetime

from flask import Blueprint, Flask, Response, abort
from flask_babel import gettext as _

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import ALL_KINDS, ANYBODY, NEWS_KINDS
from psgflask.news.models import EVENT, PUBLICATION, Article, Topic
from psgflask.news.web.list_pages import current_scope
from psgflask.web import languages
from psgflask.web.caching import cacheable
from psgflask.web.languages import absolute_url
from psgflask.web.rendering import markdown, xml_response

LENGTH = 30
KINDS = {"news": NEWS_KINDS, "publications": (PUBLICATION,), "events": (EVENT,)}
FORMS = {"atom": "application/atom+xml", "rss": "application/rss+xml"}

blueprint = Blueprint("feeds", __name__)


def init_app(app: Flask) -> None:
    """Serve the feeds."""
    app.register_blueprint(blueprint)


@blueprint.get("/<any(news, publications, events):name>.<any(atom, rss):form>")
@cacheable
def kind(name: str, form: str) -> Response:
    """Serve the feed of the news, the publications or the events."""
    titles = {"news": _("News"), "publications": _("Publications"), "events": _("Events")}
    endpoint = {"news": "news.listing"}.get(name, f"news.{name}")
    return _feed(form, _articles(KINDS[name]), titles[name], languages.address(endpoint))


@blueprint.get("/topics/<slug>.<any(atom, rss):form>")
@cacheable
def topic(slug: str, form: str) -> Response:
    """Serve the feed of a topic."""
    found = catalogue.find_topic(db.session(), slug)
    if found is None:
        abort(404)
    page = languages.address("topics.topic", slug=slug)
    name = found.name(languages.current_language())
    return _feed(form, _articles(ALL_KINDS, found), name, page)


def _articles(kinds: tuple[str, ...], topic: Topic | None = None) -> Sequence[Article]:
    scope = current_scope(*kinds, topic_id=topic.id if topic else None)
    return db.session.scalars(catalogue.feed(scope).limit(LENGTH)).all()


def _feed(form: str, articles: Sequence[Article], title: str, page: str) -> Response:
    now = utc_now()
    updated = max((a.changed_at for a in articles), default=now)
    response = xml_response(
        f"news/feed.{form}.xml",
        FORMS[form],
        articles=articles,
        title=title,
        page=absolute_url(page),
        updated=updated,
        content=_content,
        rfc822=format_datetime,
    )
    # Now, not when an article changed: a withdrawal is a change too.
    response.last_modified = now
    return response


def _content(article: Article) -> str:
    """Return the HTML of an article for a feed; a members-only one has none."""
    return markdown(article.body) if catalogue.may_read_body(article, ANYBODY) else ""
