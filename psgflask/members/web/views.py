"""Pages: joining, step by step, the page after sending, and the forms on paper."""

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

from psgflask.accounts import email_confirmation
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.accounts.views import confirmation_link, waiting_time_text
from psgflask.core import clock_watch, networks
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members import applications
from psgflask.members.models import ONLINE
from psgflask.members.web import form_tokens, forms, words
from psgflask.members.web.forms import FormContext
from psgflask.members.web.page import FormPage, Submission, request_error
from psgflask.web import languages
from psgflask.web.caching import cacheable
from psgflask.web.errors import cannot_save_reason, database_unavailable

blueprint = Blueprint("members", __name__, url_prefix="/members/join")
PLACES = f"<any({', '.join(forms.PLACES)}):place>"
TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 429, 503


@blueprint.get("")
@cacheable
def start() -> str:
    """Show what joining needs and costs, and where the form on paper is."""
    return render_template("members/start.html", tiers=words.tier_offers())


@blueprint.route(f"/{PLACES}", methods=["GET", "POST"])
def step(place: str) -> ResponseReturnValue:
    """Show a step of the form; what was typed so far is in the request."""
    if request.method != "POST":
        if place != forms.MEMBERSHIP:  # the later steps need what was typed before
            return redirect(url_for("members.start"))
        token = form_tokens.issue(_secret(), now=utc_now())
        return FormPage(forms.MEMBERSHIP, _submission({}), token).response()
    came_from = request.form.get("from", "")
    submission = _submission(forms.collect(request.form.items(multi=True)))
    page = FormPage(
        came_from if came_from in forms.STEPS else forms.MEMBERSHIP,
        submission,
        request.form.get("stamp", ""),
        changing="changing" in request.form,
    )
    if error := request_error():
        shown = forms.first_unanswered(page.step, submission.is_answered)
        return page.turned_to(shown).response(error)
    shown = forms.first_unanswered(place, submission.is_answered)
    if shown == forms.SEND:
        return _send(page.turned_to(forms.CHECK))
    # Errors are shown to those who tried to leave this step or to send the form; others see the
    # step for the first time.
    validate = shown != place and (shown == page.step or page.step == forms.CHECK)
    return page.turned_to(shown).response(validate=validate)


@blueprint.get("/sent/<word>")
def sent(word: str) -> str:
    """Show the reference and what happens next; it may be reloaded."""
    receipt = form_tokens.load_receipt(_secret(), word)
    if receipt is None:
        abort(404)
    return render_template(
        "members/sent.html",
        receipt=receipt,
        word=word,
        tier=words.tier_offer(receipt.tier),
        hours=email_confirmation.HOURS,
        **_language_links("members.sent", word),
    )


@blueprint.get("/form")
@cacheable
def paper_form() -> str:
    """Show the application on paper, to be printed and posted."""
    return render_template(
        "members/form.html", tiers=words.tier_offers(), wordings=words.wordings().values()
    )


@blueprint.get("/mandate")
@cacheable
def mandate() -> str:
    """Show the standing-order mandate without a reference."""
    return render_template("members/mandate.html", receipt=None, tier=None)


@blueprint.get("/mandate/<word>")
def own_mandate(word: str) -> str:
    """Show the standing-order mandate of somebody who has just applied."""
    receipt = form_tokens.load_receipt(_secret(), word)
    if receipt is None:
        abort(404)
    return render_template(
        "members/mandate.html",
        receipt=receipt,
        tier=words.tier_offer(receipt.tier),
        **_language_links("members.own_mandate", word),
    )


def _send(page: FormPage) -> ResponseReturnValue:
    """Store the application if a person filled the form in; else show what to do."""
    now = utc_now()
    try:
        token = form_tokens.verify(_secret(), page.token, now=now)
    except form_tokens.FormTokenRefused as refused:
        page.token = refused.replacement
        return page.response(words.token_refused(refused))
    try:
        receipt = _store(page.submission, token, clock_watch.corrected_time(current_app, now))
    except applications.FormUsed:
        db.session.rollback()
        page.token = form_tokens.issue(_secret(), now=now)
        return page.response(words.form_used())
    except RateLimitExceeded as refused:
        db.session.rollback()
        return _too_many_requests(page, refused.retry_after)
    except DatabaseError as error:
        if not database_unavailable(error):
            raise
        db.session.rollback()
        return _unavailable(page, error)
    word = form_tokens.sign_receipt(_secret(), receipt)
    return redirect(url_for("members.sent", word=word), 303)


def _store(
    submission: Submission, token: form_tokens.FormToken, now: datetime
) -> form_tokens.Receipt:
    """Store the application and post its mails, all or nothing; sent twice it is stored once."""
    session, answers = db.session(), submission.answers()
    hashed = {**asdict(answers), "tier": answers.tier.key, "consents": sorted(answers.consents)}
    form = applications.SubmittedForm(
        form_tokens.form_hash(token), form_tokens.answers_hash(token, hashed)
    )
    try:
        application = applications.apply(
            session, answers, source=ONLINE, form=form, by="applicant", now=now
        )
        mailed = email_confirmation.request_confirmation(
            session,
            email=answers.email,
            language=answers.language,
            network=networks.network_of(request.remote_addr),
            secret=_secret(),
            link=confirmation_link,
            values=applications.mail_values(application),
            data=applications.token_data(application),
            about=application.person.number,
            now=now,
        )
    except applications.AlreadyApplied as duplicate:
        application = duplicate.application
        mailed = applications.was_mailed(session, application)
    receipt = form_tokens.Receipt(
        application.person.number, application.tier, application.payment, mailed
    )
    session.commit()
    return receipt


def _too_many_requests(page: FormPage, wait: timedelta) -> Response:
    response = page.response(
        _(
            "Too many applications came within a short time, from your network or in all, so this"
            " one was not taken. All that you typed is still here: try again in %(wait)s.",
            wait=waiting_time_text(wait),
        ),
        status=TOO_MANY_REQUESTS,
        on_paper=True,
    )
    response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _unavailable(page: FormPage, error: DatabaseError) -> Response:
    if (reason := cannot_save_reason(error)) is not None:
        message = _(
            "The site cannot save anything at the moment, because %(reason)s, so"
            " your application was not taken yet. All that you typed is still here: press the"
            " button again in an hour, or send the form on paper.",
            reason=reason,
        )
    else:
        message = _(
            "The site is busy, so your application was not taken yet. All that you typed is still"
            " here: press the button again in a minute."
        )
    response = page.response(message, status=SERVICE_UNAVAILABLE, on_paper=True)
    response.headers["Retry-After"] = "60"
    return response


def _submission(typed: forms.Typed) -> Submission:
    context = FormContext(
        language=languages.current_language(),
        tiers={tier.key: (tier.label, tier.description) for tier in words.tier_offers()},
        wordings=words.wordings(),
    )
    return Submission(typed, context, words.offered_tiers())


def _language_links(endpoint: str, word: str) -> dict[str, object]:
    """Return the address in the other language, and no canonical one: it is the reader's own."""
    other = languages.address(endpoint, language=languages.other_language(), word=word)
    return {"counterpart": other, "canonical": "", "alternates": ()}


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])
