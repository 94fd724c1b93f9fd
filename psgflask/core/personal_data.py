"""All personal data that the site holds: what, why, on which lawful basis, how long, who sees it.

The one table of it. The privacy page prints it; `flask members access` answers with what it names;
an erasure deletes what it names; whatever is deleted by age takes its period from here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from flask_babel import LazyString, format_timedelta
from flask_babel import lazy_gettext as _l

# Where to complain about how an organisation handles personal data.
ICO = "https://ico.org.uk/make-a-complaint/"
DAY, YEAR = timedelta(days=1), timedelta(days=365)
# Instead of a name: a column that repeats another one in the form in which it is compared, or that
# holds a hash or a secret. Nobody is given it, and an erasure deletes it like the others.
UNNAMED = None
Columns = Mapping[str, LazyString | None]


@dataclass(frozen=True)
class PersonalData:
    """One kind of personal data.

    `columns` are those of tables, each by what people call it; `outlive` are those that an erasure
    leaves, as "table.column". `periods` are filled into `_kept` by name.
    """

    key: str
    what: LazyString
    why: LazyString
    basis: LazyString
    _kept: LazyString
    seen_by: LazyString
    columns: Mapping[str, Columns] = field(default_factory=dict)
    outlive: frozenset[str] = frozenset()
    periods: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def kept(self) -> str:
        """How long it is kept, in the language of the moment."""
        return str(self._kept) % {name: _format(time) for name, time in self.periods.items()}


def is_erased(table: str, column: str) -> bool:
    """Say whether a column is personal data that an erasure deletes."""
    named = any(column in data.columns.get(table, {}) for data in PERSONAL_DATA)
    return named and f"{table}.{column}" not in OUTLIVE


def tables() -> Iterator[tuple[PersonalData, str, Columns]]:
    """Yield each table that has personal data, with its columns."""
    for data in PERSONAL_DATA:
        for table, columns in data.columns.items():
            yield data, table, columns


def _format(time: timedelta) -> str:
    unit = "year" if time >= YEAR else "day" if time >= DAY else "hour"
    # Never in the next larger unit: "90 days" is exact, "3 months" is not.
    return str(format_timedelta(time, granularity=unit, threshold=1e9))


SECRETARY = _l("The membership secretary, and who looks after the server for the PSG.")
CONTRACT = _l(
    "A contract, your membership, and what you asked of us before it (UK GDPR, article 6(1)(b))."
)
LEGAL_OBLIGATION = _l("A duty that the law lays on us (UK GDPR, article 6(1)(c)).")
LEGITIMATE_INTERESTS = _l(
    "Our legitimate interest in it, which does you no harm (UK GDPR, article 6(1)(f))."
)
BY = _l("Written by")

PEOPLE = PersonalData(
    "people",
    what=_l("Your name and how to reach you"),
    why=_l("To know who is a member, and to write to you about your membership."),
    basis=CONTRACT,
    _kept=_l(
        "Until you ask us to delete it. If you applied online, did not confirm your e-mail address"
        " and have paid nothing, it is deleted after %(unconfirmed)s."
    ),
    seen_by=SECRETARY,
    columns={
        "people": {
            "number": _l("Member number"),
            "name": _l("Name"),
            "organisation": _l("Organisation"),
            "address": _l("Address"),
            "postcode": _l("Postcode"),
            "country": _l("Country"),
            "phone": _l("Telephone"),
            "email": _l("E-mail address"),
            "bounced_at": _l("Mail last came back"),
            "bounce_reason": _l("Why mail came back"),
            "language": _l("Language"),
            "left_reason": _l("Why no longer a member"),
            "left_on": _l("Member until"),
            "created_at": _l("With us since"),
            "erased_at": _l("Deleted"),
            **dict.fromkeys(("name_folded", "organisation_folded", "postcode_folded"), UNNAMED),
            "email_folded": UNNAMED,
        },
        "household_members": {"name": _l("Name in your household"), "name_folded": UNNAMED},
    },
    outlive=frozenset({"people.number", "people.created_at", "people.erased_at"}),
    periods={"unconfirmed": 90 * DAY},
)
APPLICATIONS = PersonalData(
    "applications",
    what=_l("Your application"),
    why=_l("To admit you, and to know which membership you chose and how you pay."),
    basis=CONTRACT,
    _kept=_l("As long as your name."),
    seen_by=SECRETARY,
    columns={
        "applications": {
            "tier": _l("Membership"),
            "amount": _l("Amount"),
            "payment": _l("Way to pay"),
            "source": _l("How it came"),
            "language": _l("Language"),
            "sent_at": _l("Received"),
            "verified_at": _l("E-mail address confirmed"),
            "paid_at": _l("Payment recorded"),
            # The last would say that somebody else is known.
            **dict.fromkeys(("stamp", "answers", "perhaps_because"), UNNAMED),
        },
    },
)
CONSENTS = PersonalData(
    "consents",
    what=_l("What you agreed to, in the words that you saw"),
    why=_l("To send you news only if you want it, and to be able to show that you did."),
    basis=_l("Your consent, which you can take back at any time (UK GDPR, article 6(1)(a))."),
    _kept=_l("As long as your name, also when you have taken it back."),
    seen_by=SECRETARY,
    columns={
        "consents": {
            "what": _l("For news by"),
            "wording": _l("In these words"),
            "wording_version": _l("Version of the words"),
            "language": _l("Language"),
            "basis": UNNAMED,
            "given_at": _l("Given"),
            "withdrawn_at": _l("Taken back"),
        },
    },
)
PAYMENTS = PersonalData(
    "payments",
    what=_l("Your payments"),
    why=_l("To know who has paid, and to keep the accounts of the charity."),
    basis=LEGAL_OBLIGATION,
    _kept=_l(
        "Amount, way and day stay under a number when everything else is deleted: the law on the"
        " accounts of charities asks for at least six years. We hold no bank or card details."
    ),
    seen_by=_l("The membership secretary, the treasurer and who examines the accounts."),
    columns={
        "payments": {
            "amount": _l("Amount"),
            "method": _l("Way to pay"),
            "received_on": _l("Arrived"),
            "year": _l("For the year"),
            "noted_at": _l("Recorded"),
            "noted_by": BY,
        },
    },
    outlive=frozenset(
        f"payments.{name}"
        for name in ("amount", "method", "received_on", "year", "noted_at", "noted_by")
    ),
)
NOTES = PersonalData(
    "notes",
    what=_l("Notes about what you told us"),
    why=_l("So that you need not tell us twice, such as when you rang about a standing order."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l("As long as your name."),
    seen_by=SECRETARY,
    columns={"notes": {"text": _l("Note"), "by": BY, "at": _l("Date")}},
)
ACCOUNTS = PersonalData(
    "accounts",
    what=_l("That your e-mail address is yours"),
    why=_l("So that nobody else can have our mails sent to you."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l("As long as your name, or until you have another address."),
    seen_by=SECRETARY,
    columns={
        "accounts": {
            "email": _l("E-mail address"),
            "language": _l("Language"),
            "created_at": _l("First confirmed"),
            "verified_at": _l("Confirmed"),
            "closed_at": _l("Closed"),
        },
    },
)
LINKS = PersonalData(
    "links",
    what=_l("The links that we mailed to you"),
    why=_l("To confirm your e-mail address."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l("%(unused)s; once used, %(used)s. The link itself is in the mail alone."),
    seen_by=SECRETARY,
    columns={
        "proofs": {
            "purpose": _l("For"),
            "email": _l("Mailed to"),
            "created_at": _l("Mailed"),
            "expires_at": _l("Good until"),
            "used_at": _l("Used"),
            **dict.fromkeys(("token_hash", "data"), UNNAMED),
        },
    },
    periods={"unused": 90 * DAY, "used": 30 * DAY},
)
ATTEMPTS = PersonalData(
    "attempts",
    what=_l("That a form was sent, from which network and with which e-mail address"),
    why=_l("To stop programs that send many. Both are stored as codes that cannot be read back."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l("%(counted)s, since no limit looks further back."),
    seen_by=_l("Nobody: only the program that counts compares the codes."),
    columns={
        "attempts": {
            "what": _l("Form"),
            "at": _l("Date"),
            **dict.fromkeys(("address", "mailbox", "network", "wide"), UNNAMED),
        }
    },
    periods={"counted": DAY},
)
MAILS = PersonalData(
    "mails",
    what=_l("The mails that we send you"),
    why=_l("To send them, and to see which could not be delivered."),
    basis=CONTRACT,
    _kept=_l(
        "Your address and the text until the mail has left; that there was one, %(sent)s longer."
        " Of a mail that could not be delivered, everything for %(undelivered)s."
    ),
    seen_by=_l("Who looks after the server for the PSG, and the company that carries our mail."),
    columns={
        "outbox": {
            "kind": _l("Mail"),
            "recipient": _l("Mailed to"),
            "language": _l("Language"),
            "state": _l("State"),
            "error": _l("Why it could not be delivered"),
            "created_at": _l("Written"),
            "sent_at": _l("Left"),
            **dict.fromkeys(("about", "values"), UNNAMED),
        },
    },
    periods={"sent": 30 * DAY, "undelivered": 30 * DAY},
)
AUDIT = PersonalData(
    "audit",
    what=_l("Who changed what about you, and when"),
    why=_l("To find mistakes, and to show who did what."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l(
        "As long as your name. After that what was changed is deleted; that something was, when and"
        " by whom stays under a number."
    ),
    seen_by=SECRETARY,
    columns={
        "audit": {
            "subject": UNNAMED,
            "at": _l("Date"),
            "who": _l("Done by"),
            "what": _l("What was done"),
            "before": _l("Before"),
            "after": _l("After"),
        },
    },
    outlive=frozenset(f"audit.{name}" for name in ("subject", "at", "who", "what")),
)
REQUESTS = PersonalData(
    "requests",
    what=_l("Complaints and requests that you sent with the form"),
    why=_l("To answer you, and to be able to show that we did and when."),
    basis=LEGAL_OBLIGATION,
    _kept=_l(
        "%(answered)s after our answer. If you asked to be deleted, your name, address and words go"
        " with the answer."
    ),
    seen_by=_l("The membership secretary, and whoever your complaint is for."),
    columns={
        "rights_requests": {
            "right": _l("You asked for"),
            "name": _l("Name"),
            "email": _l("E-mail address"),
            "text": _l("In your words"),
            "language": _l("Language"),
            "sent_at": _l("Received"),
            "due_on": _l("To be answered by"),
            "acknowledged_at": _l("Receipt mailed"),
            "answered_at": _l("Answered"),
            "answered_by": _l("Answered by"),
            "outcome": _l("Outcome"),
            "answer": _l("Our answer"),
            **dict.fromkeys(("email_folded", "answers_hash"), UNNAMED),
        },
    },
    outlive=frozenset(
        f"rights_requests.{name}"
        for name in (
            *("right", "language", "sent_at", "due_on", "acknowledged_at"),
            *("answered_at", "answered_by", "outcome"),
        )
    ),
    periods={"answered": 2 * YEAR},
)
ERASED = PersonalData(
    "erased",
    what=_l("That you were deleted: your member number, the reference of your request, and when"),
    why=_l("So that no backup brings you back, and your number is given to nobody else."),
    basis=LEGAL_OBLIGATION,
    _kept=_l("For good. Nothing in it says who you were."),
    seen_by=_l("Who looks after the server for the PSG."),
)
BACKUPS = PersonalData(
    "backups",
    what=_l("Copies of all this in our backups"),
    why=_l("So that nothing is lost when a machine fails."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l(
        "Until newer ones have taken their place, as a rule %(oldest)s. Who was deleted since is"
        " deleted again when one is restored."
    ),
    seen_by=_l("Who looks after the server for the PSG."),
    periods={"oldest": 8 * DAY},
)
SEARCHES = PersonalData(
    "searches",
    what=_l("The words that are searched for, without whoever searched"),
    why=_l("To see what readers look for and do not find."),
    basis=_l("None is needed: they say nothing about persons."),
    _kept=_l(
        "As numbers for each day, %(days)s; then for each month, %(months)s. The code of words that"
        " were not seen on three different days, %(unnamed)s."
    ),
    seen_by=_l("Who looks after the site for the PSG."),
    periods={"days": 90 * DAY, "months": 3 * 366 * DAY, "unnamed": 30 * DAY},
)
COOKIE = PersonalData(
    "cookie",
    what=_l("A cookie, on pages with a form that you fill in"),
    why=_l("So that no other site can send the form in your name. It holds a random code alone."),
    basis=_l("What you asked for cannot be done without it (PECR, regulation 6(4))."),
    _kept=_l("Until you close your browser."),
    seen_by=_l("Your browser, and the program behind this site."),
)
VOLUNTEERS = PersonalData(
    "volunteers",
    what=_l("For our volunteers: who wrote or changed what"),
    why=_l("To find mistakes, and to know whom to ask."),
    basis=LEGITIMATE_INTERESTS,
    _kept=_l("As long as what was changed."),
    seen_by=_l("The other volunteers."),
    columns={
        name: {"saved_by": BY} for name in ("revisions", "page_revisions", "appeal_revisions")
    },
    outlive=frozenset(
        f"{name}.saved_by" for name in ("revisions", "page_revisions", "appeal_revisions")
    ),
)

PERSONAL_DATA = (
    *(PEOPLE, APPLICATIONS, CONSENTS, PAYMENTS, NOTES, ACCOUNTS, LINKS, MAILS, ATTEMPTS, AUDIT),
    *(REQUESTS, ERASED, BACKUPS, COOKIE, SEARCHES, VOLUNTEERS),
)
OUTLIVE = frozenset(column for data in PERSONAL_DATA for column in data.outlive)
