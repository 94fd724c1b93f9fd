"""Complaints and requests for access, correction or erasure: recorded, acknowledged, answered.

Whoever sends the form is told the same, by the same statements, whether we know them or not: no
person is looked up before the secretary does.
"""

import re
from calendar import monthrange
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.accounts import email_addresses, rate_limits
from psgflask.core import personal_data
from psgflask.core.clock import london_day, long_date
from psgflask.mail import outbox
from psgflask.members import audit
from psgflask.members.applications import SubmittedForm
from psgflask.members.digest import HOUR, MAX_SINGLE_MAILS
from psgflask.members.models import (
    COMPLAINT,
    CORRECTION,
    DONE,
    ERASURE,
    OUTCOMES,
    REFERENCE_PREFIX,
    REFUSED,
    USER_NAME_LENGTH,
    MembershipRefused,
    Person,
    RightsRequest,
)
from psgflask.members.person_fields import clean_lines

TEXT_LENGTH = 3_000
ANSWER_LENGTH = 3_000
# What has to say what it is about; what we hold can be asked for without a word.
NEED_TEXT = frozenset({COMPLAINT, CORRECTION})
# The law asks for an answer within a month (UK GDPR, article 12(3)), and that a complaint is
# acknowledged within 30 days (Data Protection Act 2018, section 164A).
ANSWER_WITHIN = timedelta(days=30)
RETENTION = personal_data.REQUESTS.periods["answered"]
RECEIVED, ANSWERED, TO_SECRETARY = "rights_received", "rights_answered", "rights_to_secretary"
REFERENCE = re.compile(r"R?([0-9]{1,9})")


@dataclass(frozen=True)
class RightsAnswers:
    """The parsed answers of the form; `right` is of RIGHTS, `language` that of the form."""

    right: str
    name: str
    email: str
    text: str
    language: str


class AlreadySent(MembershipRefused):
    """This form was sent before with the same answers; `request` is the one stored then."""

    def __init__(self, request: RightsRequest) -> None:
        super().__init__("This request has been sent already")
        self.request = request


class RequestFormUsed(MembershipRefused):
    """This form was sent before with other answers: another request needs another form."""

    def __init__(self) -> None:
        super().__init__("A request was sent with this form already")


class RequestNotFound(MembershipRefused):
    """There is no such request; the message says what a reference looks like."""

    field = "reference"


class AnswerRefused(MembershipRefused):
    """An answer that cannot be recorded; the message says why."""

    field = "answer"


def due_day(sent_on: date) -> date:
    """Return the last day for an answer: 30 days later, or a month where that is shorter."""
    year, month = sent_on.year + sent_on.month // 12, sent_on.month % 12 + 1
    in_a_month = date(year, month, min(sent_on.day, monthrange(year, month)[1]))
    return min(sent_on + ANSWER_WITHIN, in_a_month)


def submit(
    session: Session,
    answers: RightsAnswers,
    *,
    form: SubmittedForm,
    network: str,
    secret: str,
    now: datetime,
) -> RightsRequest:
    """Store a request, mail the sender that it has come, and the secretary its reference.

    No mail goes out where a rate limit holds it: `acknowledged_at` is then None. `secret` is as in
    `rate_limits.consume`. Raises AlreadySent, RequestFormUsed and RateLimitExceeded (then nothing
    is written), and InvalidEmailAddress.
    """
    address = email_addresses.parse(answers.email)
    _check_unused(session, form)
    may_mail = rate_limits.consume(
        session, "rights", email=answers.email, network=network, secret=secret, now=now
    )
    request = RightsRequest(
        right=answers.right,
        name=answers.name,
        email=address.as_typed,
        email_folded=address.normalised,
        text=answers.text,
        language=answers.language,
        form_hash=form.form_hash,
        answers_hash=form.answers_hash,
        sent_at=now,
        due_on=due_day(london_day(now)),
    )
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError:
        # The same form came twice at once, and the other transaction was first.
        _check_unused(session, form)
        raise
    if may_mail:
        acknowledge(session, request, now=now)
    recent = select(func.count()).where(RightsRequest.sent_at > now - HOUR)
    if (session.scalar(recent) or 0) <= MAX_SINGLE_MAILS:  # `doctor` and the list name the others
        outbox.enqueue(
            session,
            kind=TO_SECRETARY,
            to=outbox.SECRETARY,
            language="en",
            values=_values(request, "en"),
            about=request.reference,
            now=now,
        )
    return request


def acknowledge(session: Session, request: RightsRequest, *, now: datetime) -> None:
    """Mail the sender that the request has come, and by when it is answered."""
    outbox.enqueue(
        session,
        kind=RECEIVED,
        to=request.email,
        language=request.language,
        values={**_values(request, request.language), "name": request.name},
        about=request.reference,
        now=now,
    )
    request.acknowledged_at = now
    session.flush()


def by_reference(session: Session, text: str) -> RightsRequest:
    """Return the request with a reference, however typed. Raises RequestNotFound."""
    match = REFERENCE.fullmatch("".join(re.findall(r"[^\W_]", text)).upper())
    request = session.get(RightsRequest, int(match[1])) if match else None
    if request is None:
        raise RequestNotFound(
            f"There is no request {text!r}: a reference looks like R-17, and"
            " `flask members requests list` shows them"
        )
    return request


def open_requests(session: Session) -> list[RightsRequest]:
    """Return the requests that are not answered, the one that is due first before the others."""
    query = select(RightsRequest).where(RightsRequest.answered_at.is_(None))
    return list(session.scalars(query.order_by(RightsRequest.due_on, RightsRequest.id)))


def all_requests(session: Session) -> list[RightsRequest]:
    """Return every request, the newest first."""
    return list(session.scalars(select(RightsRequest).order_by(RightsRequest.id.desc())))


def people_of(session: Session, request: RightsRequest) -> list[str]:
    """Return the numbers of the people who have the address of a request: for the secretary."""
    if not request.email_folded:
        return []
    query = select(Person.number).where(Person.email_folded == request.email_folded)
    return list(session.scalars(query.order_by(Person.id)))


def requests_from(session: Session, emails: Collection[str]) -> list[RightsRequest]:
    """Return the requests from some addresses (normalised), the oldest first."""
    theirs = RightsRequest.email_folded.in_(set(emails) - {""})
    return list(session.scalars(select(RightsRequest).where(theirs).order_by(RightsRequest.id)))


def answer(
    session: Session,
    request: RightsRequest,
    text: str,
    *,
    outcome: str,
    by: str,
    now: datetime,
    mail: bool = True,
    again: bool = False,
    anyway: bool = False,
) -> None:
    """Record what came of a request, and mail it to whoever sent it unless `mail` is false.

    Of a request for erasure that is done, and of one whose person was erased meanwhile, what it
    holds of them goes at once. Raises AnswerRefused; for one that was answered unless `again`, and
    for an erasure that is done while somebody has the address unless `anyway`.
    """
    text = clean_lines(text)
    if request.answered_at is not None and not again:
        raise AnswerRefused(
            f"{request.reference} was answered on {london_day(request.answered_at)}: add --again"
            " to answer once more"
        )
    _check_answer(text, outcome)
    if mail and not request.email:
        raise AnswerRefused(f"{request.reference} has no address any more: add --no-mail")
    is_erased = request.right == ERASURE and outcome == DONE
    if is_erased and not anyway:
        _check_erased(session, request)
    request.answered_at, request.answered_by = now, by[:USER_NAME_LENGTH]
    request.outcome, request.answer = outcome, text
    if mail:
        values = _values(request, request.language)
        outbox.enqueue(
            session,
            kind=ANSWERED,
            to=request.email,
            language=request.language,
            values={
                **values,
                "name": request.name,
                "outcome": outcome,
                "paragraphs": text.split("\n"),
            },
            about=request.reference,
            now=now,
        )
        request.acknowledged_at = request.acknowledged_at or now
    if request.empty_when_answered or is_erased:
        _empty(session, [request], by=by, now=now)
    session.flush()


def forget(session: Session, emails: Collection[str], *, by: str, now: datetime) -> None:
    """Empty the answered requests from addresses of erased people; the open ones once answered.

    `emails` are normalised, and nobody else's. Unsent receipts are deleted.
    """
    requests = requests_from(session, emails)
    for request in requests:
        request.empty_when_answered = request.answered_at is None
    _delete_unsent(session, requests)
    _empty(session, [one for one in requests if one.answered_at is not None], by=by, now=now)


def erase_again(
    session: Session, times: Mapping[str, datetime], *, by: str, now: datetime
) -> list[str]:
    """Empty requests that a restored backup has brought back; return their references.

    `times` are those of the erasures, by reference. A request that was sent later is another one,
    under the same reference. Each had been answered: the answer is not known any more.
    """
    back = []
    for reference, at in times.items():
        request = session.get(RightsRequest, int(reference.removeprefix(REFERENCE_PREFIX)))
        if request is not None and request.email_folded and request.sent_at <= at:
            request.answered_at = request.answered_at or at
            back.append(request)
    _empty(session, back, by=by, now=now)
    return [request.reference for request in back]


def delete_expired(session: Session, *, now: datetime) -> None:
    """Delete requests that were answered long ago.

    `now` is the earliest time that it can be (`clock_watch.time_bounds`).
    """
    expired = RightsRequest.answered_at <= now - RETENTION
    session.execute(delete(RightsRequest).where(expired))


def correct_future_dates(session: Session, *, now: datetime, latest: datetime) -> None:
    """Date requests as of now that are dated after `latest`, the latest time that it can be."""
    for column, values in (
        (RightsRequest.sent_at, {"sent_at": now, "due_on": due_day(london_day(now))}),
        (RightsRequest.answered_at, {"answered_at": now}),
    ):
        session.execute(
            update(RightsRequest)
            .where(column > latest)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def _empty(
    session: Session, requests: Collection[RightsRequest], *, by: str, now: datetime
) -> None:
    """Delete what requests hold of people; what was asked, when, and what came of it stays."""
    columns = personal_data.REQUESTS.columns["rights_requests"]
    erased = [name for name in columns if personal_data.is_erased("rights_requests", name)]
    for request in requests:
        for name in erased:
            setattr(request, name, "")
    _delete_unsent(session, requests)
    references = dict.fromkeys((request.reference for request in requests), 0)
    audit.record_erasures(session, references, by=by, now=now)
    session.flush()


def _delete_unsent(session: Session, requests: Collection[RightsRequest]) -> None:
    """Delete the unsent mails about requests, but not the answer that waits to be sent."""
    references = [request.reference for request in requests]
    outbox.delete_unsent(session, references, but=(ANSWERED,))


def _check_unused(session: Session, form: SubmittedForm) -> None:
    """Raise AlreadySent or RequestFormUsed for a form that was sent before."""
    earlier = session.scalar(select(RightsRequest).where(RightsRequest.form_hash == form.form_hash))
    if earlier is None:
        return
    if earlier.answers_hash == form.answers_hash:
        raise AlreadySent(earlier)
    raise RequestFormUsed


def _check_answer(text: str, outcome: str) -> None:
    """Raise AnswerRefused for an answer that says nothing or too much, or an unknown outcome."""
    if not text:
        raise AnswerRefused("Write what came of it: whoever asked is told so")
    if len(text) > ANSWER_LENGTH:
        raise AnswerRefused(f"Write at most {ANSWER_LENGTH} characters")
    if outcome not in OUTCOMES:
        raise AnswerRefused(f"The outcome is one of {', '.join(OUTCOMES)}, not {outcome!r}")


def _check_erased(session: Session, request: RightsRequest) -> None:
    """Raise AnswerRefused while somebody has the address of a request."""
    if there := people_of(session, request):
        raise AnswerRefused(
            f"{request.reference} asks for erasure, and {', '.join(there)} is still there: run"
            f' `flask members erase "{there[0]}"` first, or add --outcome {REFUSED}; if it is'
            " somebody else who has the same address, add --anyway"
        )


def _values(request: RightsRequest, language: str) -> dict[str, str]:
    """Return what the mails about a request say of it; never what was typed as text."""
    return {
        "reference": request.reference,
        "right": request.right,
        "due": long_date(request.due_on, language),
        "sent": long_date(london_day(request.sent_at), language),
    }
