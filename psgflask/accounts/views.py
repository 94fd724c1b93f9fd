"""Pages that confirm an e-mail address by a mailed link, and that send a new link on request."""

from datetime import timedelta
from math import ceil

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import format_timedelta
from flask_babel import gettext as _
from sqlalchemy.exc import DatabaseError

from psgflask.accounts import confirmation_tokens, email_confirmation, rate_limits
from psgflask.accounts.confirmation_tokens import EXPIRED, JOIN, UNKNOWN, USED, TokenRejected
from psgflask.accounts.forms import ResendForm
from psgflask.core import clock_watch, networks
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.web import languages
from psgflask.web.errors import cannot_save_reason, database_unavailable

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")
STATUS = {UNKNOWN: 404, USED: 410, EXPIRED: 410}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@blueprint.after_request
def forbid_indexing(response: Response) -> Response:
    """Keep these pages out of search engines."""
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def confirmation_link(secret: str) -> str:
    """Return the link to mail for a token's secret, in the language of this request."""
    return languages.address("accounts.join", external=True, token=secret)


def waiting_time_text(wait: timedelta) -> str:
    """Format a waiting time, rounded up: "5 minutes", "2 hours"."""
    unit = HOUR if wait > 50 * MINUTE else 5 * MINUTE
    return str(format_timedelta(unit * max(1, ceil(wait / unit)), granularity="minute"))


@blueprint.route("/join/<token>", methods=["GET", "POST"])
def join(token: str) -> ResponseReturnValue:
    """Show the address that a link confirms, with a button; confirm it when that is pressed.

    Mail scanners follow links but press no buttons. The link is its own authority: it works in
    any browser, without a cookie, so the form needs no CSRF token.
    """
    session, now = db.session(), clock_watch.corrected_time(current_app, utc_now())
    try:
        if request.method != "POST":
            found = confirmation_tokens.get_valid(session, JOIN, token, now=now)
            links = _language_links(token)
            return render_template("accounts/join.html", email=found.email, **links)
        email_confirmation.confirm(session, token, now=now)
        session.commit()
    except TokenRejected as rejected:
        session.rollback()
        return _rejected(token, rejected)
    except DatabaseError as error:
        if request.method != "POST" or not database_unavailable(error):
            raise
        session.rollback()
        reason = cannot_save_reason(error)
        links = _language_links(token)
        page = render_template("accounts/join.html", busy=True, reason=reason, **links)
        return make_response(page, 503, {"Retry-After": "60" if reason is None else "3600"})
    return redirect(url_for("accounts.confirmed"), 303)


@blueprint.get("/join/confirmed")
def confirmed() -> str:
    """Say that the address is confirmed, and what happens next."""
    return render_template("accounts/confirmed.html")


@blueprint.route("/join/again", methods=["GET", "POST"])
def again() -> ResponseReturnValue:
    """Request a new link; only the mailbox shows whether the address is known."""
    form = ResendForm()
    if not form.validate_on_submit():
        page = render_template("accounts/again.html", form=form)
        return make_response(page, 400 if form.errors else 200)
    try:
        return _resend(form)
    except DatabaseError as error:
        if not database_unavailable(error):
            raise
        db.session.rollback()
        return _database_unavailable(form, error)


@blueprint.get("/join/asked")
def asked() -> str:
    """Say that a mail is on its way if somebody has applied with the address."""
    return render_template("accounts/asked.html", hours=email_confirmation.HOURS)


def _resend(form: ResendForm) -> ResponseReturnValue:
    try:
        email_confirmation.resend(
            db.session(),
            email=form.email.data or "",
            language=languages.current_language(),
            network=networks.network_of(request.remote_addr),
            secret=str(current_app.config["SECRET_KEY"]),
            link=confirmation_link,
            now=clock_watch.corrected_time(current_app, utc_now()),
        )
        db.session.commit()
    except rate_limits.RateLimitExceeded as exceeded:
        db.session.commit()  # or the earlier attempts would be lost
        return _too_many_requests(form, exceeded.retry_after)
    return redirect(url_for("accounts.asked"), 303)


def _database_unavailable(form: ResendForm, error: DatabaseError) -> Response:
    reason = cannot_save_reason(error)
    message = (
        _(
            "The site cannot save anything at the moment, because %(reason)s: try again in an"
            " hour.",
            reason=reason,
        )
        if reason is not None
        else _("The site is busy: try again in a minute.")
    )
    return _form_error(form, message, 503, retry_after=60 if reason is None else 3600)


def _too_many_requests(form: ResendForm, wait: timedelta) -> Response:
    message = _(
        "That was asked for too often. Try again in %(wait)s; the mails that came before still"
        " hold good links.",
        wait=waiting_time_text(wait),
    )
    return _form_error(form, message, 429, retry_after=int(wait.total_seconds()) + 1)


def _form_error(form: ResendForm, message: str, status: int, *, retry_after: int) -> Response:
    form.email.errors = [message]
    page = render_template("accounts/again.html", form=form)
    return make_response(page, status, {"Retry-After": str(retry_after)})


def _rejected(token: str, rejected: TokenRejected) -> Response:
    page = render_template(
        "accounts/join_refused.html",
        reason=rejected.reason,
        hours=email_confirmation.HOURS,
        **_language_links(token),
    )
    return make_response(page, STATUS[rejected.reason])


def _language_links(token: str) -> dict[str, object]:
    """Return the links of the page: only the one to the other language contains the secret."""
    other = languages.address("accounts.join", language=languages.other_language(), token=token)
    return {"counterpart": other, "canonical": "", "alternates": ()}
