"""Pages: the form by which one joins, page by page, and the page after it was sent."""

from dataclasses import asdict
from datetime import datetime, timedelta

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import DatabaseError

from psgflask.accounts import email_confirmation, networks
from psgflask.accounts.forms import CSRFForm
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.accounts.views import confirmation_link, waiting_time_text
from psgflask.core import clock_watch, failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members import applications
from psgflask.members.models import ONLINE
from psgflask.members.web import form_tokens, steps, words
from psgflask.members.web.fields import Asking
from psgflask.members.web.page import TRAP, Page
from psgflask.members.web.sheet import Sheet
from psgflask.web import languages
from psgflask.web.caching import cacheable
from psgflask.web.errors import database_unavailable

blueprint = Blueprint("members", __name__, url_prefix="/members/join")
PLACES = f"<any({', '.join(steps.PLACES)}):place>"
TOO_OFTEN, BUSY = 429, 503


@blueprint.get("")
@cacheable
def start() -> str:
    """Say what joining needs, what it costs, and that there is a form on paper."""
    return render_template("members/start.html", tiers=words.offer())


@blueprint.route(f"/{PLACES}", methods=["GET", "POST"])
def step(place: str) -> ResponseReturnValue:
    """Show a page of the form to who sent the one before: whatever was typed travels along."""
    if request.method != "POST":
        if place != steps.MEMBERSHIP:  # without what was typed before there is nothing to show
            return redirect(url_for("members.start"))
        stamp = form_tokens.new(_secret(), now=utc_now())
        return Page(steps.MEMBERSHIP, _sheet({}), stamp).answer()
    came_from = request.form.get("from", "")
    sheet = _sheet(steps.kept(request.form.items(multi=True)))
    sent = Page(
        came_from if came_from in steps.PAGES else steps.MEMBERSHIP,
        sheet,
        request.form.get("stamp", ""),
        changing="changing" in request.form,
    )
    if complaint := _not_from_a_person():
        return sent.turned_to(steps.to_show(sent.page, sheet.answered)).answer(complaint)
    wanted = steps.to_show(place, sheet.answered)
    if wanted == steps.SEND:
        return _send(sent.turned_to(steps.CHECK))
    shown = sent.turned_to(wanted)
    # Only who meant to leave a page hears what it lacks; others see its questions for the first
    # time, and who sends at last hears it whichever page it is.
    lacking = wanted != place and (wanted == sent.page or sent.page == steps.CHECK)
    return shown.answer(judged=lacking)


@blueprint.get("/sent/<word>")
def sent(word: str) -> str:
    """Tell the reference and what happens next. It can be asked for again: nothing is sent here."""
    found = form_tokens.unseal(_secret(), word)
    if found is None:
        abort(404)
    return render_template(
        "members/sent.html",
        sent=found,
        word=word,
        tier=words.membership(found.tier),
        hours=email_confirmation.HOURS,
        **_own_address("members.sent", word),
    )


@blueprint.get("/form")
@cacheable
def paper_form() -> str:
    """Show the application on paper, to be printed and posted."""
    return render_template(
        "members/form.html", tiers=words.offer(), wordings=words.wordings().values()
    )


@blueprint.get("/mandate")
@cacheable
def mandate() -> str:
    """Show the standing-order mandate without a reference."""
    return render_template("members/mandate.html", sent=None, tier=None)


@blueprint.get("/mandate/<word>")
def own_mandate(word: str) -> str:
    """Show the standing-order mandate of who has just applied."""
    found = form_tokens.unseal(_secret(), word)
    if found is None:
        abort(404)
    return render_template(
        "members/mandate.html",
        sent=found,
        tier=words.membership(found.tier),
        **_own_address("members.own_mandate", word),
    )


def _send(page: Page) -> ResponseReturnValue:
    """Take the application, if the form is one that a person filled in; else say what to do."""
    now = utc_now()
    try:
        stamp = form_tokens.read(_secret(), page.stamp, now=now)
    except form_tokens.StampRefused as refused:
        page.stamp = refused.fresh
        return page.answer(words.not_yet(refused))
    try:
        word = form_tokens.seal(
            _secret(), _take(page.sheet, stamp, clock_watch.corrected_time(current_app, now))
        )
    except applications.FormUsed:
        db.session.rollback()
        page.stamp = form_tokens.new(_secret(), now=now)
        return page.answer(words.used())
    except RateLimitExceeded as refused:
        db.session.rollback()
        return _too_often(page, refused.retry_after)
    except DatabaseError as fault:
        if not database_unavailable(fault):
            raise
        db.session.rollback()
        return _not_stored(page, fault)
    return redirect(url_for("members.sent", word=word), 303)


def _take(sheet: Sheet, stamp: form_tokens.Stamp, now: datetime) -> form_tokens.Sent:
    """Store the application and post its mails, all or nothing; sent twice it is stored once."""
    session, answers = db.session(), sheet.answers()
    told = {**asdict(answers), "tier": answers.tier.key, "consents": sorted(answers.consents)}
    form = applications.Form(form_tokens.of_form(stamp), form_tokens.of_answers(stamp, told))
    try:
        application = applications.apply(
            session, answers, source=ONLINE, form=form, by="applicant", now=now
        )
        mailed = email_confirmation.request_confirmation(
            session,
            email=answers.email,
            language=answers.language,
            network=networks.network_of(request.remote_addr),
            link=confirmation_link,
            values=applications.mail_values(application),
            data=applications.token_data(application),
            about=applications.about(application.person),
            now=now,
        )
    except applications.ApplicationSentAlready as sent_before:
        application = sent_before.application
        mailed = applications.was_mailed(session, application)
    word = form_tokens.Sent(
        application.person.number, application.tier, application.payment, mailed
    )
    session.commit()
    return word


def _too_often(page: Page, wait: timedelta) -> Response:
    answer = page.answer(
        _(
            "Too many applications came within a short time, from your network or in all, so this"
            " one was not taken. All that you typed is still here: try again in %(wait)s.",
            wait=waiting_time_text(wait),
        ),
        status=TOO_OFTEN,
        on_paper=True,
    )
    answer.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return answer


def _not_stored(page: Page, error: DatabaseError) -> Response:
    if failures.cannot_write(error):
        complaint = _(
            "The site cannot save anything at the moment, because its disk is full or closed, so"
            " your application was not taken yet. All that you typed is still here: press the"
            " button again in an hour, or send the form on paper."
        )
    else:
        complaint = _(
            "The site is busy, so your application was not taken yet. All that you typed is still"
            " here: press the button again in a minute."
        )
    answer = page.answer(complaint, status=BUSY, on_paper=True)
    answer.headers["Retry-After"] = "60"
    return answer


def _not_from_a_person() -> str:
    """Return what to tell who may be a program, or another site's page; "" for anybody else."""
    complaint = ""
    if not CSRFForm().validate():
        complaint = _(
            "We could not tell that this page sent the form: it was open for long, or your browser"
            " keeps no cookies of ours. All that you typed is still here: press the button once"
            " more."
        )
    elif request.form.get(TRAP):
        complaint = _(
            "A field that people do not see was filled in, perhaps by your browser. We have emptied"
            " it. All that you typed is still here: press the button once more."
        )
    return complaint


def _sheet(typed: steps.Typed) -> Sheet:
    asking = Asking(
        language=languages.current_language(),
        tiers={tier.key: (tier.label, tier.description) for tier in words.offer()},
        wordings=words.wordings(),
    )
    return Sheet(typed, asking, words.memberships())


def _own_address(endpoint: str, word: str) -> dict[str, object]:
    """Return what a page says of its own address: to its reader the other language's alone."""
    other = languages.address(endpoint, language=languages.other_language(), word=word)
    return {"counterpart": other, "canonical": "", "alternates": ()}


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])
