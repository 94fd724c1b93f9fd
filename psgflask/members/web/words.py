"""What the form says in the reader's language: memberships and prices, headings, answers given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from flask import current_app
from flask_babel import gettext as _

from psgflask.core.clock import london_day, utc_now
from psgflask.members import consents, countries, tiers
from psgflask.members.applications import Answers
from psgflask.members.models import CHEQUE, STANDING_ORDER
from psgflask.members.tiers import LIFE, Tier
from psgflask.members.web import form_tokens, steps
from psgflask.web import languages


@dataclass(frozen=True)
class Offer:
    """A membership as the reader is told of it; `figure` is the bare amount, "" while unknown."""

    key: str
    name: str
    description: str
    figure: str
    price: str
    once: bool

    @property
    def label(self) -> str:
        """The words to choose by."""
        return f"{self.name}: {self.price}"


@dataclass(frozen=True)
class Row:
    """One answer on the page that shows all: its lines, and the page that asks for it."""

    label: str
    lines: tuple[str, ...]
    page: str


def memberships() -> dict[str, Tier]:
    """Return the memberships that one can apply for, by their keys, in order."""
    return tiers.offered(Path(current_app.instance_path))


def offer() -> list[Offer]:
    """Return the memberships in the reader's words."""
    return [_offered(tier) for tier in memberships().values()]


def membership(key: str) -> Offer | None:
    """Return one membership in the reader's words, also one that is offered no more."""
    tier = tiers.load(Path(current_app.instance_path)).get(key)
    return _offered(tier) if tier else None


def wordings() -> dict[str, str]:
    """Return what may be agreed to, in the words that are kept with it."""
    here = languages.current_language()
    return {what: consents.WORDINGS[what, here].text for what in consents.WHAT}


def pounds(amount: Decimal) -> str:
    """Write an amount as the bank takes it: "£30", "£7.50"."""
    return f"£{amount:,.2f}".removesuffix(".00")


def heading(page: str) -> str:
    """Return what stands at the top of a page of the form."""
    headings: dict[str, str] = {
        steps.MEMBERSHIP: _("Your membership"),
        steps.YOU: _("Who you are"),
        steps.CONTACT: _("How to reach you"),
        steps.PAYMENT: _("How you will pay"),
        steps.AGREEMENTS: _("What you agree to"),
        steps.CHECK: _("Check your answers"),
    }
    return headings[page]


def rows(answers: Answers) -> list[Row]:
    """Return the answers for a last look, each with where it is changed."""
    tier, told = _offered(answers.tier), wordings()
    ways = {STANDING_ORDER: _("By standing order"), CHEQUE: _("By cheque")}
    agreed = tuple(words for what, words in told.items() if what in answers.consents)
    where = (*answers.address.split("\n"), answers.postcode, _country(answers.country))
    found = [
        Row(_("Membership"), (tier.label,), steps.MEMBERSHIP),
        Row(_("Organisation"), (answers.organisation,), steps.YOU),
        Row(_("Name"), (answers.name,), steps.YOU),
        Row(_("Others in the household"), answers.household, steps.YOU),
        Row(_("E-mail address"), (answers.email,), steps.CONTACT),
        Row(_("Telephone"), (answers.phone or _("Not given"),), steps.CONTACT),
        Row(_("Address"), tuple(filter(None, where)), steps.CONTACT),
        Row(_("Payment"), (ways[answers.payment],), steps.PAYMENT),
        Row(_("You agree to"), agreed or (_("Nothing"),), steps.AGREEMENTS),
    ]
    return [row for row in found if any(row.lines)]


def not_yet(refused: form_tokens.StampRefused) -> str:
    """Say why a form is not taken at once, and that nothing is lost."""
    said: Mapping[type[form_tokens.StampRefused], Callable[[], str]] = {
        form_tokens.TooSoon: lambda: _(
            "That was quicker than people can type, so we want to be sure: press the button once"
            " more."
        ),
        form_tokens.TooOld: lambda: _(
            "This form was begun more than a day ago. Look whether everything is still right, then"
            " press the button once more."
        ),
        form_tokens.Unknown: lambda: _(
            "This form has changed since you began. Look whether everything is still right, wait"
            " five seconds, then press the button once more."
        ),
    }
    return said[type(refused)]()


def used() -> str:
    """Say that a form is good for one application, and how to send another one."""
    said: str = _(
        "You have sent an application with this form already, and we have it. If this is another"
        " one, or you have put something right, look whether everything is as it should be, wait"
        " five seconds, then press the button once more."
    )
    return said


def _offered(tier: Tier) -> Offer:
    here, today = languages.current_language(), _today()
    amount = tiers.amount_on(tier, today)
    if amount is None:
        figure, price = "", _("amount to be confirmed by PSG")
    else:
        figure = pounds(amount)
        price = (
            _("%(amount)s, once", amount=figure)
            if tier.kind == LIFE
            else _("%(amount)s a year", amount=figure)
        )
    return Offer(
        tier.key, tier.name[here], tier.description[here], figure, price, tier.kind == LIFE
    )


def _country(code: str) -> str:
    return countries.names(languages.current_language()).get(code, code)


def _today() -> date:
    return london_day(utc_now())
