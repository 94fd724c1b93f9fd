"""The search page."""

import logging
from dataclasses import replace

from flask import Blueprint, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.cards import CardCache, card_cache
from psgflask.search.engine import Answer, Engine, IndexUnusable
from psgflask.search.engine.protocol import NEWEST
from psgflask.search.glossary.glossary import Shelf
from psgflask.search.query import Glossary
from psgflask.search.search_log import tally
from psgflask.search.web import alternatives, fallback, results, search_request, suggestions
from psgflask.search.web.page import Fault, SearchPage, Way
from psgflask.search.web.search_request import PARAMETERS, REPEATED, Asked, Unreadable
from psgflask.web import slots
from psgflask.web.caching import query_parameters
from psgflask.web.compression import compressible
from psgflask.web.languages import current_language

log = logging.getLogger(__name__)

LONGEST_DATE = 60  # letters of an unreadable one that are shown again

blueprint = Blueprint("search", __name__)


@blueprint.get("/search/")
@compressible
@query_parameters(*PARAMETERS, repeated=REPEATED)
@slots.use(slots.SEARCH)
def search() -> ResponseReturnValue:
    """Show the articles that fit the words and filters; any words get an answer."""
    try:
        asked, answer, page = searched()
    except Unreadable as error:
        return render_template("search/search.html", search=_to_mend(error), feed_href=None), 400
    if asked.page == 1:
        tally.note(asked.q, answer.total if _counts(asked, page) else None)
    follow = asked.address(sort=NEWEST) if asked.query or asked.filtered else None
    feed_href = url_for("search_feeds.atom", **follow) if follow else None
    return render_template("search/search.html", search=page, feed_href=feed_href)


@blueprint.get("/search/suggest")
@compressible
@query_parameters("q")
@slots.use(slots.SEARCH)
def suggest() -> str:
    """Show what a reader who has typed so far may mean, as a piece of HTML for the search box."""
    session = db.session()
    content = card_cache(session)
    glossary = _glossary(session, content)
    typed = MultiDict({"q": request.args.get("q", "")})
    asked = search_request.read(typed, content, utc_now(), glossary)
    query, begun = suggestions.as_typed_so_far(asked.query, current_language(), glossary)
    engine: Engine = current_app.extensions["psg_search"]
    try:
        found = suggestions.suggestions(session, engine, replace(asked, query=query), begun)
    except IndexUnusable as unusable:
        log.warning("Suggesting nothing: %s", unusable)
        found = []
    return render_template("search/suggest.html", suggestions=found)


def searched() -> tuple[Asked, Answer, SearchPage]:
    """Return what this request asks, what was found, and the page that shows it.

    Raises Unreadable; ends the request with 404 where there is no such page.
    """
    session = db.session()
    content = card_cache(session)
    asked = search_request.read(request.args, content, utc_now(), _glossary(session, content))
    degraded = False
    others: list[Way] = []
    if not asked.query and not asked.filtered:
        answer = Answer(0, ())
    else:
        try:
            engine: Engine = current_app.extensions["psg_search"]
            answer = engine.search(asked.query, asked.ask(texts=True))
            others = [] if answer.total else alternatives.ways(engine, asked)
        except IndexUnusable as unusable:
            log.warning("Searching titles alone: %s", unusable)
            degraded, answer = True, fallback.by_title(session, asked)
    if asked.page > results.last_page_of(answer):
        abort(404, _("There are fewer pages of results than that. Go back to the first one."))
    return asked, answer, results.page_of(session, asked, answer, degraded=degraded, ways=others)


def _to_mend(error: Unreadable) -> SearchPage:
    """Return the page with all that was typed, and what is to be mended of it."""
    session = db.session()
    content = card_cache(session)
    args, fault = MultiDict(request.args), error
    while True:
        args.poplist(error.parameter)
        try:
            asked = search_request.read(args, content, utc_now(), Glossary())
            break
        except Unreadable as another:
            error = another
    page = results.page_of(session, asked, Answer(0, ()), degraded=False)
    typed = {name: request.args.get(name, "")[:LONGEST_DATE] for name in ("from", "to")}
    return replace(
        page,
        heading=str(_("Search")),
        date_from=typed["from"],
        date_to=typed["to"],
        notices=(),
        suggestions=(),
        fault=Fault(fault.parameter, advice(fault)),
    )


def _glossary(session: Session, content: CardCache) -> Glossary:
    shelf: Shelf = current_app.extensions["psg_glossary"]
    return shelf.take(session, content.stamp)


def _counts(asked: Asked, page: SearchPage) -> bool:
    """Say whether as many articles as were found would be found by whoever types the words."""
    return not (page.degraded or asked.filtered or asked.as_typed)


def advice(error: Unreadable) -> str:
    """Return what to write in the place of what cannot be read."""
    advised = {
        "sort": _("Sort by relevance, newest or oldest."),
        "lang": _("The language is en or es."),
        "topic": _("There is no such topic; choose one from the list of topics."),
        "from": _("Write the first date as 2018, 2018-07 or 2018-07-15."),
        "to": _("Write the last date as 2018, 2018-07 or 2018-07-15."),
        "words": _("Leave words out, or write words=typed for only your own words."),
        "page": _("Pages of results go from 1 to 50."),
        "order": _("The last date is before the first. Write the later one last."),
    }
    return str(advised[error.why])
