"""The search page."""

import logging

from flask import Blueprint, abort, current_app, render_template, request
from flask_babel import gettext as _

from psgflask.caching import reads
from psgflask.database import db, utc_now
from psgflask.search import asking, fallback, results, tally
from psgflask.search.asking import Unreadable
from psgflask.search.engine import Answer, Engine, IndexUnusable

log = logging.getLogger(__name__)

blueprint = Blueprint("search", __name__)


@blueprint.get("/search/")
@reads("q", "topic", "lang", "from", "to", "sort", "page")
def search() -> str:
    """Show the articles that fit the words and filters; any words get an answer."""
    session = db.session()
    try:
        asked = asking.read(request.args, session, utc_now())
    except Unreadable as error:
        abort(400, _advice(error.parameter))
    degraded = False
    if not asked.query and not asked.filtered:
        answer = Answer(0, ())
    else:
        try:
            engine: Engine = current_app.extensions["psg_search"]
            answer = engine.search(asked.query, asked.ask())
        except IndexUnusable as unusable:
            log.warning("Searching titles alone: %s", unusable)
            degraded, answer = True, fallback.by_title(session, asked)
    if asked.page > results.last_page_of(answer):
        abort(404, _("There are fewer pages of results than that. Go back to the first one."))
    if asked.page == 1:
        tally.note(asked.q, None if degraded or asked.filtered else answer.total)
    page = results.page_of(session, asked, answer, degraded=degraded)
    return render_template("search/search.html", search=page)


def _advice(parameter: str) -> str:
    advice = {
        "sort": _("Sort by relevance, newest or oldest."),
        "lang": _("The language is en or es."),
        "topic": _("There is no such topic; choose one from the list of topics."),
        "from": _("Write the first date as 2018, 2018-07 or 2018-07-15."),
        "to": _("Write the last date as 2018, 2018-07 or 2018-07-15."),
        "page": _("Pages of results go from 1 to 50."),
    }
    return str(advice[parameter])
