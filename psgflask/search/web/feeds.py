"""Any search as a feed: Atom, and JSON Feed 1.1 with what the page shows beside its results."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, abort
from sqlalchemy import select
from sqlalchemy.orm import selectinload, undefer

from psgflask.core.database import db
from psgflask.news.catalogue import ANYBODY, may_read_body
from psgflask.news.models import Article
from psgflask.news.slugs import article_url
from psgflask.search.engine.protocol import SearchResults
from psgflask.search.web.results_page import Hit, SearchPage
from psgflask.search.web.search_request import PARAMETERS, REPEATED, InvalidParameter, SearchRequest
from psgflask.search.web.views import advice, run_search
from psgflask.web import languages, slots
from psgflask.web.caching import query_parameters
from psgflask.web.compression import compressible
from psgflask.web.rendering import markdown, xml_response

ATOM, JSON = "application/atom+xml", "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"

blueprint = Blueprint("search_feeds", __name__)


@blueprint.get("/search.atom")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def atom() -> Response:
    """Serve a page of results as Atom; `sort=newest` makes a feed to follow."""
    request, _answer, page = _run_search()
    articles = list(_articles(page.hits))
    return xml_response(
        "news/feed.atom.xml",
        ATOM,
        articles=articles,
        title=page.heading,
        page=_address(request),
        updated=max((article.changed_at for article in articles), default=request.now),
        content=_content,
    )


@blueprint.get("/search.json")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def json_feed() -> Response:
    """Serve a page of results as JSON Feed; `_search` holds counts, facets and corrections."""
    request, results, page = _run_search()
    feed = {
        "version": VERSION,
        "title": f"Peru Support Group – {page.heading}",
        "home_page_url": _address(request),
        "feed_url": _address(request, "search_feeds.json_feed", page=request.page),
        "language": languages.current_language(),
        "items": list(map(_item, page.hits, _articles(page.hits))),
        "_search": _search(request, results, page),
    }
    if page.page < page.last_page:
        feed["next_url"] = _address(request, "search_feeds.json_feed", page=page.page + 1)
    body = json.dumps(feed, ensure_ascii=False)
    return Response(body, content_type=f"{JSON}; charset=utf-8")


def _run_search() -> tuple[SearchRequest, SearchResults, SearchPage]:
    """Return what `run_search` does; abort with 400 where a parameter is invalid."""
    try:
        return run_search()
    except InvalidParameter as error:
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


def _search(request: SearchRequest, results: SearchResults, page: SearchPage) -> dict[str, Any]:
    slugs = {topic.id: topic.slug for topic in request.all_topics}
    return {
        "total": results.total,
        "page": page.page,
        "last_page": page.last_page,
        "facets": {
            "topics": {slugs[n]: count for n, count in results.topics.items() if n in slugs},
            "languages": dict(results.languages),
            "years": {str(year): count for year, count in sorted(results.years.items())},
        },
        "did_you_mean": dict(results.corrections or results.likelier),
        "also_searched": [other.text for other in results.also_searched],
        "relaxed": list(results.dropped),
    }


def _address(request: SearchRequest, endpoint: str = "search.search", **changed: Any) -> str:
    return languages.address(endpoint, external=True, **request.address(**changed))
