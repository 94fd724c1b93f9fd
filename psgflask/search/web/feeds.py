"""Any search as a feed: Atom, and JSON Feed 1.1 with what the page shows beside its results."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, Flask, Response, abort
from sqlalchemy import select
from sqlalchemy.orm import selectinload, undefer

from psgflask.core.database import db
from psgflask.news.catalogue import ANYBODY, may_read_body
from psgflask.news.models import Article
from psgflask.news.slugs import article_url
from psgflask.search.engine import Answer
from psgflask.search.web.page import Hit, SearchPage
from psgflask.search.web.search_request import PARAMETERS, REPEATED, Asked, Unreadable
from psgflask.search.web.views import advice, searched
from psgflask.web import languages, slots
from psgflask.web.caching import query_parameters
from psgflask.web.compression import compressible
from psgflask.web.rendering import markdown, xml_response

ATOM, JSON = "application/atom+xml", "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"

blueprint = Blueprint("search_feeds", __name__)


def init_app(app: Flask) -> None:
    """Serve the feeds."""
    app.register_blueprint(blueprint)


@blueprint.get("/search.atom")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def atom() -> Response:
    """Serve a page of results as Atom; `sort=newest` makes a feed to follow."""
    asked, _answer, page = _searched()
    articles = list(_articles(page.hits))
    return xml_response(
        "news/feed.atom.xml",
        ATOM,
        articles=articles,
        title=page.heading,
        page=_address(asked),
        updated=max((article.changed_at for article in articles), default=asked.now),
        content=_content,
    )


@blueprint.get("/search.json")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def json_feed() -> Response:
    """Serve a page of results as JSON Feed; `_search` holds counts, facets and corrections."""
    asked, answer, page = _searched()
    feed = {
        "version": VERSION,
        "title": f"Peru Support Group – {page.heading}",
        "home_page_url": _address(asked),
        "feed_url": _address(asked, "search_feeds.json_feed", page=asked.page),
        "language": languages.current_language(),
        "items": list(map(_item, page.hits, _articles(page.hits))),
        "_search": _search(asked, answer, page),
    }
    if page.page < page.last_page:
        feed["next_url"] = _address(asked, "search_feeds.json_feed", page=page.page + 1)
    body = json.dumps(feed, ensure_ascii=False)
    return Response(body, content_type=f"{JSON}; charset=utf-8")


def _searched() -> tuple[Asked, Answer, SearchPage]:
    """Return what `searched` does; end the request with 400 where it cannot be read."""
    try:
        return searched()
    except Unreadable as error:
        abort(400, advice(error))


def _articles(hits: Sequence[Hit]) -> Iterator[Article]:
    ids = [hit.article.id for hit in hits]
    chosen = select(Article).where(Article.id.in_(ids))
    rows = db.session.scalars(chosen.options(undefer(Article.body), selectinload(Article.topics)))
    found = {article.id: article for article in rows}
    return (found[number] for number in ids)


def _content(article: Article) -> str:
    return markdown(article.body) if may_read_body(article, ANYBODY) else ""


def _item(hit: Hit, article: Article) -> dict[str, Any]:
    address = article_url(article, external=True)
    return {
        "id": address,
        "url": address,
        "title": article.title,
        "summary": article.teaser,
        "content_html": f"<p>{hit.snippet}</p>",
        "date_published": (article.publish_at or article.changed_at).isoformat(),
        "date_modified": article.changed_at.isoformat(),
        "language": article.language,
        "tags": [topic.slug for topic in article.topics],
    }


def _search(asked: Asked, answer: Answer, page: SearchPage) -> dict[str, Any]:
    slugs = {topic.id: topic.slug for topic in asked.known_topics}
    return {
        "total": answer.total,
        "page": page.page,
        "last_page": page.last_page,
        "facets": {
            "topics": {slugs[n]: count for n, count in answer.topics.items() if n in slugs},
            "languages": dict(answer.languages),
            "years": {str(year): count for year, count in sorted(answer.years.items())},
        },
        "did_you_mean": dict(answer.corrections or answer.doubt),
        "also_searched": [other.text for other in answer.also_searched],
        "relaxed": list(answer.dropped),
    }


def _address(asked: Asked, endpoint: str = "search.search", **changed: Any) -> str:
    return languages.address(endpoint, external=True, **asked.address(**changed))
