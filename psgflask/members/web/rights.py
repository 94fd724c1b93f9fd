"""Pages: the form for a complaint, access, correction or erasure, and the page after sending."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import DatabaseError
from wtforms import EmailField, Field, StringField, TextAreaField
from wtforms.validators import StopValidation

from psgflask.accounts.forms import CSRFForm, email_address
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.accounts.views import waiting_time_text
from psgflask.core import clock_watch, networks
from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.personal_data import ICO
from psgflask.members import person_fields, rights
from psgflask.members.applications import SubmittedForm
from psgflask.members.models import (
    ACCESS,
    COMPLAINT,
    CORRECTION,
    ERASURE,
)
from psgflask.members.person_fields import clean_line, clean_lines
from psgflask.members.web import form_tokens, words
from psgflask.members.web.forms import PLAIN, RadioChoice, StepForm, person_name
from psgflask.members.web.page import CACHE_CONTROL, HONEYPOT, request_error
from psgflask.web import languages
from psgflask.web.errors import cannot_save_reason, database_unavailable

blueprint = Blueprint("rights", __name__, url_prefix="/members/rights")
BAD_REQUEST, TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 400, 429, 503
SENT = "rights"  # the purpose of the word in the address of the page after sending
OTHER_LANGUAGE = "other-language"  # the button that shows the form in it


class RightsForm(StepForm):
    """What somebody asks for, and how to answer."""

    right = RadioChoice(_l("What would you like?"), missing=_l("Choose what you would like."))
    name = StringField(
        _l("Your full name"),
        filters=[clean_line],
        validators=[person_name],
        render_kw={"autocomplete": "name", "spellcheck": "false"},
    )
    email = EmailField(
        _l("E-mail address"),
        description=_l("We tell you there that this has come, and what comes of it."),
        validators=[email_address],
        render_kw={"autocomplete": "email", "inputmode": "email", **PLAIN},
    )
    text = TextAreaField(
        _l("What is it about?"),
        description=_l(
            "Your member number, if you have one; what is wrong, and how it should be. If you only"
            " want to know what we hold about you, or want to be deleted, you may leave this empty."
        ),
        render_kw={"autocomplete": "off", "rows": 6},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.right.choices = [
            (COMPLAINT, _("Complain about how we handle what we know about you")),
            (ACCESS, _("Know what we hold about you, and have a copy")),
            (CORRECTION, _("Have something corrected")),
            (ERASURE, _("Have what we hold about you deleted")),
        ]

    def validate_text(self, field: Field) -> None:
        text = field.data or ""
        if len(text) > rights.TEXT_LENGTH:
            raise StopValidation(
                _("This must be %(most)s characters or fewer.", most=rights.TEXT_LENGTH)
            )
        if self.right.data in rights.NEED_TEXT and not any(map(str.isalnum, text)):
            raise StopValidation(_("Say what it is about."))

    def answers(self) -> rights.RightsAnswers:
        """Return the parsed answers. Only when the form is valid."""
        return rights.RightsAnswers(
            right=self.right.data,
            name=person_fields.parse_name(self.name.data or ""),
            email=person_fields.parse_email(self.email.data or ""),
            text=clean_lines(self.text.data),
            language=languages.current_language(),
        )


@blueprint.route("", methods=["GET", "POST"])
def ask() -> ResponseReturnValue:
    """Show the form, and store what is asked for; all that was typed stays in it on an error."""
    if request.method != "POST":
        return _page(RightsForm(), form_tokens.issue(_secret(), now=utc_now()))
    form, token = RightsForm(request.form), request.form.get("stamp", "")
    if error := request_error():
        return _page(form, token, error)
    if OTHER_LANGUAGE in request.form:
        return _page(form, token)
    return _send(form, token) if form.validate() else _page(form, token)


@blueprint.get("/sent/<word>")
def sent(word: str) -> str:
    """Show the reference and by when it is answered; it may be reloaded."""
    values = form_tokens.load_values(_secret(), SENT, word)
    if len(values) != 3:
        abort(404)
    reference, due, mailed = values
    other = languages.address("rights.sent", language=languages.other_language(), word=word)
    return render_template(
        "members/rights_sent.html",
        reference=reference,
        due=date.fromisoformat(str(due)),
        mailed=mailed,
        ico=ICO,
        counterpart=other,
        canonical="",
        alternates=(),
    )


@blueprint.after_request
def forbid_indexing(response: Response) -> Response:
    """Keep these pages out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _send(form: RightsForm, stamp: str) -> ResponseReturnValue:
    """Store the request if a person filled the form in; else show what to do."""
    now = utc_now()
    try:
        token = form_tokens.verify(_secret(), stamp, now=now)
    except form_tokens.FormTokenRefused as refused:
        return _page(form, refused.replacement, words.token_refused(refused))
    try:
        receipt = _store(form, token)
    except rights.RequestFormUsed:
        db.session.rollback()
        message = _(
            "You have sent something with this form already, and we have it. If this is another"
            " matter, look whether everything is as it should be, wait five seconds, then press the"
            " button once more."
        )
        return _page(form, form_tokens.issue(_secret(), now=now), message)
    except RateLimitExceeded as refused:
        db.session.rollback()
        return _too_many_requests(form, stamp, refused.retry_after)
    except DatabaseError as error:
        if not database_unavailable(error):
            raise
        db.session.rollback()
        return _unavailable(form, stamp, error)
    word = form_tokens.sign_values(_secret(), SENT, receipt)
    return redirect(url_for("rights.sent", word=word), 303)


def _store(form: RightsForm, token: form_tokens.FormToken) -> list[object]:
    """Store the request and post its mails, all or nothing; sent twice it is stored once.

    Returns what the page after sending shows.
    """
    answers = form.answers()
    try:
        stored = rights.submit(
            db.session(),
            answers,
            form=SubmittedForm(
                form_tokens.form_hash(token), form_tokens.answers_hash(token, asdict(answers))
            ),
            network=networks.network_of(request.remote_addr),
            secret=_secret(),
            now=clock_watch.corrected_time(current_app, utc_now()),
        )
    except rights.AlreadySent as duplicate:
        stored = duplicate.request
    mailed = stored.acknowledged_at is not None
    receipt: list[object] = [stored.reference, stored.due_on.isoformat(), mailed]
    db.session.commit()
    return receipt


def _page(form: RightsForm, token: str, error: str = "", *, status: int = BAD_REQUEST) -> Response:
    """Render the form with what was typed, and its errors; `status` is for a page with any."""
    if error:
        form.form_errors.append(error)
    other = languages.address("rights.ask", language=languages.other_language())
    with read_only():  # the masthead's queries must not wait for writers
        html = render_template(
            "members/rights.html",
            form=form,
            guard=CSRFForm(),
            form_token=token,
            honeypot=HONEYPOT,
            same_page=other,
            turn=OTHER_LANGUAGE,
            ico=ICO,
        )
    response = make_response(html, status if form.errors else 200)
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def _too_many_requests(form: RightsForm, stamp: str, wait: timedelta) -> Response:
    message = _(
        "Too many came within a short time, from your network or in all, so this was not taken. All"
        " that you typed is still here: try again in %(wait)s, or write to us by post or e-mail.",
        wait=waiting_time_text(wait),
    )
    response = _page(form, stamp, message, status=TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _unavailable(form: RightsForm, stamp: str, error: DatabaseError) -> Response:
    if (reason := cannot_save_reason(error)) is not None:
        message = _(
            "The site cannot save anything at the moment, because %(reason)s, so"
            " this was not taken yet. All that you typed is still here: press the button again in"
            " an hour, or write to us by post or e-mail.",
            reason=reason,
        )
    else:
        message = _(
            "The site is busy, so this was not taken yet. All that you typed is still here: press"
            " the button again in a minute."
        )
    response = _page(form, stamp, message, status=SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = "60"
    return response


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])
