"""The search page."""

import logging
from dataclasses import replace

from flask import Blueprint, abort, current_app, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from psgflask.caching import reads
from psgflask.database import db, utc_now
from psgflask.languages import here
from psgflask.news.known import Known, known
from psgflask.search import asking, fallback, results, slots, suggesting, tally, ways
from psgflask.search.asking import PARAMETERS, Asked, Unreadable
from psgflask.search.engine import Answer, Engine, IndexUnusable
from psgflask.search.engine.protocol import NEWEST
from psgflask.search.glossary import Shelf
from psgflask.search.page import SearchPage, Way
from psgflask.search.query import Glossary

log = logging.getLogger(__name__)

blueprint = Blueprint("search", __name__)


@blueprint.get("/search/")
@reads(*PARAMETERS)
@slots.bounded
def search() -> str:
    """Show the articles that fit the words and filters; any words get an answer."""
    asked, answer, page = searched()
    if asked.page == 1:
        tally.note(asked.q, answer.total if _counts(asked, page) else None)
    follow = asked.address(sort=NEWEST) if asked.query or asked.filtered else None
    feed_href = url_for("search_feeds.atom", **follow) if follow else None
    return render_template("search/search.html", search=page, feed_href=feed_href)


@blueprint.get("/search/suggest")
@reads("q")
@slots.bounded
def suggest() -> str:
    """Show what a reader who has typed so far may mean, as a piece of HTML for the search box."""
    session = db.session()
    content = known(session)
    glossary = _glossary(session, content)
    typed = MultiDict({"q": request.args.get("q", "")})
    asked = asking.read(typed, content, utc_now(), glossary)
    query, begun = suggesting.as_typed_so_far(asked.query, here(), glossary)
    engine: Engine = current_app.extensions["psg_search"]
    try:
        found = suggesting.suggestions(session, engine, replace(asked, query=query), begun)
    except IndexUnusable as unusable:
        log.warning("Suggesting nothing: %s", unusable)
        found = []
    return render_template("search/suggest.html", suggestions=found)


def searched() -> tuple[Asked, Answer, SearchPage]:
    """Return what this request asks, what was found, and the page that shows it.

    Ends the request with 400 or 404 where its parameters cannot be read.
    """
    session = db.session()
    content = known(session)
    try:
        asked = asking.read(request.args, content, utc_now(), _glossary(session, content))
    except Unreadable as error:
        abort(400, _advice(error.parameter))
    degraded = False
    others: list[Way] = []
    if not asked.query and not asked.filtered:
        answer = Answer(0, ())
    else:
        try:
            engine: Engine = current_app.extensions["psg_search"]
            answer = engine.search(asked.query, asked.ask(texts=True))
            others = [] if answer.total else ways.ways(engine, asked)
        except IndexUnusable as unusable:
            log.warning("Searching titles alone: %s", unusable)
            degraded, answer = True, fallback.by_title(session, asked)
    if asked.page > results.last_page_of(answer):
        abort(404, _("There are fewer pages of results than that. Go back to the first one."))
    return asked, answer, results.page_of(session, asked, answer, degraded=degraded, ways=others)


def _glossary(session: Session, content: Known) -> Glossary:
    shelf: Shelf = current_app.extensions["psg_glossary"]
    return shelf.take(session, content.stamp)


def _counts(asked: Asked, page: SearchPage) -> bool:
    """Say whether as many articles as were found would be found by whoever types the words."""
    return not (page.degraded or asked.filtered or asked.as_typed)


def _advice(parameter: str) -> str:
    advice = {
        "sort": _("Sort by relevance, newest or oldest."),
        "lang": _("The language is en or es."),
        "topic": _("There is no such topic; choose one from the list of topics."),
        "from": _("Write the first date as 2018, 2018-07 or 2018-07-15."),
        "to": _("Write the last date as 2018, 2018-07 or 2018-07-15."),
        "words": _("Leave words out, or write words=typed for only your own words."),
        "page": _("Pages of results go from 1 to 50."),
    }
    return str(advice[parameter])
