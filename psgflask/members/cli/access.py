"""The answer to a request for access, as a letter in the person's language."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import LazyString, force_locale, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from psgflask.accounts import rate_limits
from psgflask.core import personal_data
from psgflask.core.clock import LONDON, london_day, long_date
from psgflask.core.language_names import NATIVE_NAMES
from psgflask.core.personal_data import (
    APPLICATIONS,
    PAYMENTS,
    PEOPLE,
    PERSONAL_DATA,
    PersonalData,
)
from psgflask.members import person_fields, tiers
from psgflask.members.subject_access import Row
from psgflask.web import languages

Record = Mapping[str, list[Row]]
# What is stored as a word of the program, as people say it.
VALUES: Mapping[str, LazyString] = {
    "standing order": _l("standing order"),
    "cheque": _l("cheque"),
    "bank transfer": _l("bank transfer"),
    "cash": _l("cash"),
    "online": _l("online"),
    "paper": _l("on paper"),
    "post": _l("post"),
    "email": _l("e-mail"),
    "applicant": _l("you"),
    "mail server": _l("a mail server"),
    "retention": _l("our website, when its time was over"),
    "restore": _l("our website, when a backup was restored"),
    "applied": _l("You applied"),
    "verified": _l("Your e-mail address was confirmed"),
    "paid": _l("A payment was recorded"),
    "reversed": _l("A payment was reversed"),
    "corrected": _l("Your details were corrected"),
    "resigned": _l("You resigned"),
    "died": _l("Your death was recorded"),
    "reinstated": _l("You are a member again"),
    "joined": _l("Two entries of yours were joined"),
    "separated": _l("Entries that had been joined were separated"),
    "perhaps the same": _l("Marked as perhaps here twice"),
    "not the same": _l("Told apart from somebody else"),
    "link mailed again": _l("Another link was mailed to you"),
    "bounced": _l("Mail to you came back"),
    "bounce cleared": _l("Mail to you arrives again"),
    "noted": _l("A note was written"),
    "agreed": _l("You agreed to be sent news"),
    "withdrew": _l("You took back that you may be sent news"),
    "erased": _l("You were deleted"),
    "complaint": _l("a complaint"),
    "access": _l("to know what we hold"),
    "correction": _l("a correction"),
    "erasure": _l("to be deleted"),
    "done": _l("done"),
    "partly": _l("done in part"),
    "refused": _l("not done"),
    "rights": _l("your request about your data"),
    "rights_received": _l("Receipt of your request"),
    "rights_answered": _l("Our answer to your request"),
    "rights_to_secretary": _l("To our secretary: that you sent a request"),
    "waiting": _l("waiting to be sent"),
    "sent": _l("sent"),
    "dead": _l("could not be delivered"),
    "join": _l("joining"),
    "again": _l("asking for a new link"),
    "command": _l("a link mailed by the secretary"),
    "verify": _l("Please confirm your e-mail address"),
    "test": _l("A test of the mail from our website"),
    "applications_received": _l("To our secretary: that more people applied"),
    "verify_known": _l("Your application, and an address that we know already"),
    "application_received": _l("To our secretary: that you applied"),
}
# What an entry about a change contains besides the names of people's fields.
PARTS: Mapping[str, LazyString] = {
    "household": _l("Names in your household"),
    "consents": _l("News by"),
    "verified": _l("E-mail address confirmed"),
    "paid": _l("Paid"),
    "received on": _l("Arrived"),
    "reversed": _l("Reversed"),
    "because": _l("Because"),
    "for": _l("For the year"),
    "bounce": _l("Why mail came back"),
    "joined to": _l("Joined to"),
    "joined": _l("Joined"),
    "left": _l("Why no longer a member"),
    "left on": _l("Member until"),
    "note": _l("Note"),
    "payments kept": _l("Payments that stay"),
}


# The columns whose values are such words.
WORDED = frozenset(
    {
        *("payment", "method", "source", "what", "state", "kind", "purpose", "who", "consents"),
        *("right", "outcome", "left", "left_reason"),
    }
)


def letter(record: Record, *, now: datetime) -> str:
    """Return a letter with all that is held about somebody, in their language."""
    person = record["people"][0]  # the others were joined to them
    with force_locale(person["language"]):
        lines = [
            _("What the Peru Support Group holds about you"),
            _format(london_day(now)),
            "",
            _(
                "You asked what we hold about you (UK GDPR, article 15). This is all of it. It"
                " comes from you, or from whoever filled in the form with your name, unless it says"
                " who else wrote it."
            ),
        ]
        for data in PERSONAL_DATA:
            lines += _section(data, record)
        ask = _("You can ask us to correct or to delete what we hold, or complain, on this page:")
        ico = _(
            "If our answer does not satisfy you, you can complain to the Information Commissioner’s"
            " Office: %(address)s",
            address=personal_data.ICO,
        )
        page = languages.address("rights.ask", language=person["language"], external=True)
        lines += ["", ask, page, "", ico]
    return "\n".join(lines)


def _section(data: PersonalData, record: Record) -> Iterator[str]:
    """Yield what is held of one kind; nothing of a kind that has tables and no row in them."""
    rows = [(table, row) for table in data.columns for row in record.get(table, ())]
    if data.columns and not rows:
        return
    yield from ("", str(data.what), "-" * len(str(data.what)))
    for table, row in rows:
        yield from _row(data.columns[table], row)
        yield ""
    yield _("Why: %(why)s", why=data.why)
    yield _("Lawful basis: %(basis)s", basis=data.basis)
    yield _("How long: %(kept)s", kept=data.kept)
    yield _("Who sees it: %(seen_by)s", seen_by=data.seen_by)


def _row(columns: personal_data.Columns, row: Row) -> Iterator[str]:
    for column, label in columns.items():
        value = _text(column, row.get(column))
        if label is not None and value:
            first, *rest = value.split("\n")
            yield f"{label}: {first}"
            yield from (f"    {line}" for line in rest)


def _text(column: str, value: Any) -> str:
    """Return a value in the words of the language; empty for none."""
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, Mapping):
        parts = ((_part(name), _text(name, part)) for name, part in value.items())
        return "; ".join(f"{name}: {part}" for name, part in parts if part).replace("\n", ", ")
    if isinstance(value, list):
        return ", ".join(_text(column, one) for one in value)
    if column == "amount":
        return f"£{Decimal(value):,.2f}"
    if column == "language":
        return NATIVE_NAMES[value]
    if column == "country":
        return person_fields.country_names(_language()).get(str(value), str(value))
    if column in {"tier", "membership"}:
        tier = tiers.load(Path(current_app.instance_path)).get(value)
        return str(tier.name[_language()] if tier else value)
    if column in WORDED:
        return str(VALUES.get(str(value).removesuffix(rate_limits.HELD_SUFFIX), value))
    return _format(value)


def _part(name: str) -> str:
    """Return what people call an entry of a change."""
    fields = {**PEOPLE.columns["people"], **APPLICATIONS.columns["applications"]}
    fields |= PAYMENTS.columns["payments"]
    return str(PARTS.get(name) or fields.get(name) or name)


def _format(value: Any) -> str:
    if isinstance(value, datetime):
        here = value.astimezone(LONDON)
        return f"{long_date(here, _language())}, {here:%H:%M}"
    if isinstance(value, date):
        return long_date(value, _language())
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return str(value)


def _language() -> str:
    locale = get_locale()
    return str(locale.language) if locale else "en"
