"""The search page."""

from flask import Blueprint, abort, current_app, render_template, request
from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from psgflask.database import db, utc_now
from psgflask.languages import here
from psgflask.news import catalogue
from psgflask.news.models import Article
from psgflask.search import asking, results
from psgflask.search.asking import Asked, Unreadable
from psgflask.search.engine import Answer, Engine, IndexUnusable
from psgflask.search.engine.protocol import PAGE_SIZE

MOST_BY_TITLE = 500

blueprint = Blueprint("search", __name__)


@blueprint.get("/search/")
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
        except IndexUnusable:
            degraded, answer = True, _by_title(session, asked)
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


def _by_title(session: Session, asked: Asked) -> Answer:
    """Search the titles in the database while there is no index."""
    chosen = select(Article.id).where(catalogue.published(asked.now))
    for clause in asked.query.plain:
        pattern = "%" + clause.word.folded.replace("%", "").replace("_", "") + "%"
        typed = "%" + (clause.word.accented or clause.word.folded) + "%"
        chosen = chosen.where(or_(Article.title.ilike(pattern), Article.title.ilike(typed)))
    if asked.language:
        chosen = chosen.where(Article.language == asked.language)
    ordered = chosen.order_by(
        (Article.language == here()).desc(), Article.order_date.desc(), Article.id.desc()
    )
    ids = session.scalars(ordered.limit(MOST_BY_TITLE)).all()
    start = (asked.page - 1) * PAGE_SIZE
    return Answer(len(ids), tuple(ids[start : start + PAGE_SIZE]), query=asked.query)
