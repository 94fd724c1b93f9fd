"""The search page, suggestions while a reader types, and the count of searches."""

import logging
from dataclasses import dataclass, replace

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.news.cards import CardCache, card_cache
from psgflask.search import search_log
from psgflask.search.engine.protocol import (
    NEWEST,
    IndexUnavailable,
    SearchEngine,
    SearchResults,
)
from psgflask.search.glossary import GlossaryCache
from psgflask.search.query.expansion import Glossary
from psgflask.search.web import notices, suggestions
from psgflask.search.web.results_page import (
    ParameterError,
    SearchPage,
    last_page_of,
    results_page,
)
from psgflask.search.web.search_request import (
    PARAMETERS,
    REPEATED,
    InvalidParameter,
    SearchRequest,
    parse_request,
)
from psgflask.search.web.title_search import search_titles
from psgflask.web import caching, slots
from psgflask.web.caching import query_parameters
from psgflask.web.compression import compressible
from psgflask.web.languages import current_language

log = logging.getLogger(__name__)

MAX_INVALID_DATE = 60  # characters of an invalid date that are shown again

blueprint = Blueprint("search", __name__)


@dataclass(frozen=True)
class SearchNote:
    """What a page of results, cached or not, knows of its search: for the count."""

    text: str
    hits: int | None


def init_app(app: Flask) -> None:
    """Serve the pages, and count searches."""
    app.register_blueprint(blueprint)
    app.after_request(_count)


def _count(response: Response) -> Response:
    """Count a search by the note of its page; a cached page has the one it was rendered with."""
    try:
        note = caching.get_note()
        counts = request.method == "GET" and response.status_code in {200, 304}
        if counts and isinstance(note, SearchNote):
            count = search_log.DailyCount(london_day(utc_now()), note.text, 1, note.hits)
            search_log.counter(current_app).add([count])
    except Exception as error:  # the reader gets the answer in any case
        log.warning("A search was not counted (%s)", type(error).__name__)
    return response


@blueprint.get("/search/")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def search() -> ResponseReturnValue:
    """Show the articles that match the words and filters; any words get an answer."""
    try:
        wanted, results, page = run_search()
    except InvalidParameter as error:
        return render_template("search/search.html", search=_error_page(error), feed_href=None), 400
    text = search_log.normalised(wanted.q)
    if wanted.page == 1 and text:
        hits = results.total if _is_unfiltered(wanted, page) else None
        caching.set_note(SearchNote(text, hits))
    follow = wanted.address(sort=NEWEST) if wanted.query or wanted.filtered else None
    feed_href = url_for("search_feeds.atom", **follow) if follow else None
    return render_template("search/search.html", search=page, feed_href=feed_href)


@blueprint.get("/search/suggest")
@compressible
@query_parameters("q")
@slots.use(slots.SEARCH)
def suggest() -> str:
    """Show what a reader who is typing may mean, as an HTML fragment for the search box."""
    session = db.session()
    content = card_cache(session)
    glossary = _glossary(session, content)
    typed = MultiDict({"q": request.args.get("q", "")})
    wanted = parse_request(typed, content, utc_now(), glossary)
    query, begun = suggestions.with_prefix(wanted.query, current_language(), glossary)
    engine: SearchEngine = current_app.extensions["psg_search"]
    try:
        found = suggestions.suggestions(session, engine, replace(wanted, query=query), begun)
    except IndexUnavailable as unavailable:
        log.warning("Suggesting nothing: %s", unavailable)
        found = []
    return render_template("search/suggest.html", suggestions=found)


def run_search() -> tuple[SearchRequest, SearchResults, SearchPage]:
    """Return what this request asks for, the results, and the page that shows them.

    Raises InvalidParameter; aborts with 404 where there is no such page of results.
    """
    session = db.session()
    content = card_cache(session)
    wanted = parse_request(request.args, content, utc_now(), _glossary(session, content))
    degraded = False
    alternatives: list[notices.AlternativeSearch] = []
    if not wanted.query and not wanted.filtered:
        results = SearchResults(0, ())
    else:
        try:
            engine: SearchEngine = current_app.extensions["psg_search"]
            results = engine.search(wanted.query, wanted.options(texts=True))
            alternatives = [] if results.total else notices.alternatives(engine, wanted)
        except IndexUnavailable as unavailable:
            log.warning("Searching titles alone: %s", unavailable)
            degraded, results = True, search_titles(session, wanted)
    if wanted.page > last_page_of(results):
        abort(404, _("There are fewer pages of results than that. Go back to the first one."))
    page = results_page(session, wanted, results, degraded=degraded, alternatives=alternatives)
    return wanted, results, page


def _error_page(error: InvalidParameter) -> SearchPage:
    """Return the page with all that was typed, and what is wrong with it."""
    session = db.session()
    content = card_cache(session)
    args, first = MultiDict(request.args), error
    while True:
        args.poplist(error.parameter)
        try:
            wanted = parse_request(args, content, utc_now(), Glossary())
            break
        except InvalidParameter as another:
            error = another
    page = results_page(session, wanted, SearchResults(0, ()), degraded=False)
    dates = {name: request.args.get(name, "")[:MAX_INVALID_DATE] for name in ("from", "to")}
    return replace(
        page,
        heading=str(_("Search")),
        date_from=dates["from"],
        date_to=dates["to"],
        notices=(),
        suggestions=(),
        error=ParameterError(first.parameter, advice(first)),
    )


def _glossary(session: Session, content: CardCache) -> Glossary:
    cache: GlossaryCache = current_app.extensions["psg_glossary"]
    return cache.get(session, content.stamp)


def _is_unfiltered(wanted: SearchRequest, page: SearchPage) -> bool:
    """Return whether these words alone find as many articles as this search did."""
    return not (page.degraded or wanted.filtered or wanted.as_typed)


def advice(error: InvalidParameter) -> str:
    """Return what to write instead of what is invalid."""
    texts = {
        "sort": _("Sort by relevance, newest or oldest."),
        "lang": _("The language is en or es."),
        "topic": _("There is no such topic; choose one from the list of topics."),
        "from": _("Write the first date as 2018, 2018-07 or 2018-07-15."),
        "to": _("Write the last date as 2018, 2018-07 or 2018-07-15."),
        "words": _("Leave words out, or write words=typed for only your own words."),
        "page": _("Pages of results go from 1 to 50."),
        "order": _("The last date is before the first. Write the later one last."),
    }
    return str(texts[error.reason])
