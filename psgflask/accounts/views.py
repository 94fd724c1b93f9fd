"""Pages: an address proves itself by a link that was mailed to it, and a new link is asked for."""

from datetime import timedelta

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
from flask_babel import gettext as _
from sqlalchemy.exc import DatabaseError

from psgflask.accounts import email_confirmation, limits, networks, proofs
from psgflask.accounts.forms import AgainForm
from psgflask.accounts.words import how_long
from psgflask.core import clock_watch, failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.web import languages
from psgflask.web.errors import unavailable

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")
STATUS = {proofs.UNKNOWN: 404, proofs.USED: 410, proofs.EXPIRED: 410}


@blueprint.after_request
def keep_out_of_searches(response: Response) -> Response:
    """Let search engines keep none of these pages: they are steps of something."""
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def join_link(token: str) -> str:
    """Return the address to mail for a token, in the language of this request."""
    return languages.address("accounts.join", external=True, token=token)


@blueprint.route("/join/<token>", methods=["GET", "POST"])
def join(token: str) -> ResponseReturnValue:
    """Show whose address a link proves, and a button; spend the link when it is pressed.

    Programs that read mails follow links, and press no buttons. The link is its own authority: it
    works in any browser, without a cookie, so the form needs no other token.
    """
    session, now = db.session(), clock_watch.corrected_time(current_app, utc_now())
    try:
        if request.method != "POST":
            proof = proofs.look(session, proofs.JOIN, token, now=now)
            of_page = _secret_address(token)
            return render_template("accounts/join.html", email=proof.email, **of_page)
        email_confirmation.verify(session, token, now=now)
        session.commit()
    except proofs.ProofRefused as refused:
        session.rollback()
        return _refused(token, refused)
    except DatabaseError as fault:
        if request.method != "POST" or not unavailable(fault):
            raise
        session.rollback()
        page = render_template("accounts/join.html", busy=True, **_secret_address(token))
        return make_response(page, 503, {"Retry-After": "60"})
    return redirect(url_for("accounts.confirmed"), 303)


@blueprint.get("/join/confirmed")
def confirmed() -> str:
    """Say that the address is confirmed, and what happens next."""
    return render_template("accounts/confirmed.html")


@blueprint.route("/join/again", methods=["GET", "POST"])
def again() -> ResponseReturnValue:
    """Ask for a new link; whether the address is known, only its mailbox tells."""
    form = AgainForm()
    if not form.validate_on_submit():
        page = render_template("accounts/again.html", form=form)
        return make_response(page, 400 if form.errors else 200)
    try:
        return _asked_again(form)
    except DatabaseError as fault:
        if not unavailable(fault):
            raise
        db.session.rollback()
        return _not_taken(form, fault)


@blueprint.get("/join/asked")
def asked() -> str:
    """Say that a mail is on its way if the address is one that we wait for."""
    return render_template("accounts/asked.html", hours=email_confirmation.HOURS)


def _asked_again(form: AgainForm) -> ResponseReturnValue:
    try:
        email_confirmation.again(
            db.session(),
            email=form.email.data or "",
            language=languages.here(),
            network=networks.network_of(request.remote_addr),
            link=join_link,
            now=clock_watch.corrected_time(current_app, utc_now()),
        )
        db.session.commit()
    except limits.TooMany as refused:
        db.session.commit()  # or what was counted before would be forgotten
        return _too_many(form, refused.wait)
    return redirect(url_for("accounts.asked"), 303)


def _not_taken(form: AgainForm, fault: DatabaseError) -> Response:
    full = failures.cannot_write(fault)
    told = (
        _("The site cannot save anything at the moment: try again in an hour.")
        if full
        else _("The site is busy: try again in a minute.")
    )
    form.email.errors = [told]
    answer = make_response(render_template("accounts/again.html", form=form), 503)
    answer.headers["Retry-After"] = "3600" if full else "60"
    return answer


def _too_many(form: AgainForm, wait: timedelta) -> Response:
    words = _(
        "That was asked for too often. Try again in %(wait)s; the mails that came before still"
        " hold good links.",
        wait=how_long(wait),
    )
    form.email.errors = [words]
    answer = make_response(render_template("accounts/again.html", form=form), 429)
    answer.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return answer


def _refused(token: str, refused: proofs.ProofRefused) -> Response:
    page = render_template(
        "accounts/join_refused.html",
        reason=refused.reason,
        hours=email_confirmation.HOURS,
        **_secret_address(token),
    )
    return make_response(page, STATUS[refused.reason])


def _secret_address(token: str) -> dict[str, object]:
    """Return what the page says of its own address: to its reader the other language's alone."""
    other = languages.address("accounts.join", language=languages.other(), token=token)
    return {"counterpart": other, "canonical": "", "alternates": ()}
