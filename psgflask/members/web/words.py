"""Texts of the form in the reader's language: memberships and prices, headings, messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from flask import current_app
from flask_babel import gettext as _

from psgflask.core.clock import london_day, utc_now
from psgflask.members import consents, person_fields, tiers
from psgflask.members.applications import Answers
from psgflask.members.models import CHEQUE, STANDING_ORDER
from psgflask.members.tiers import LIFE, Tier
from psgflask.members.web import forms
from psgflask.members.web.form_tokens import (
    FormExpired,
    FormTokenInvalid,
    FormTokenRefused,
    FormTooNew,
)
from psgflask.web import languages


@dataclass(frozen=True)
class TierOffer:
    """A membership in the reader's language; `figure` is the bare amount, "" while unknown."""

    key: str
    name: str
    description: str
    figure: str
    price: str
    once: bool

    @property
    def label(self) -> str:
        """The label of its radio button."""
        return f"{self.name}: {self.price}"


@dataclass(frozen=True)
class SummaryRow:
    """An answer on the check page: its lines, and the step that asks for it."""

    label: str
    lines: tuple[str, ...]
    step: str


def offered_tiers() -> dict[str, Tier]:
    """Return the memberships that are open to applicants, by key, in order."""
    return tiers.offered(Path(current_app.instance_path))


def tier_offers() -> list[TierOffer]:
    """Return the memberships that are open to applicants, in the reader's language."""
    return [_tier_offer(tier) for tier in offered_tiers().values()]


def tier_offer(key: str) -> TierOffer | None:
    """Return a membership in the reader's language, also one that is no longer offered."""
    tier = tiers.load(Path(current_app.instance_path)).get(key)
    return _tier_offer(tier) if tier else None


def wordings() -> dict[str, str]:
    """Return the consent wordings by channel."""
    here = languages.current_language()
    return {channel: consents.WORDINGS[channel, here].text for channel in consents.CHANNELS}


def heading(step: str) -> str:
    """Return the heading of a step."""
    headings: dict[str, str] = {
        forms.MEMBERSHIP: _("Your membership"),
        forms.YOU: _("Who you are"),
        forms.CONTACT: _("How to reach you"),
        forms.PAYMENT: _("How you will pay"),
        forms.AGREEMENTS: _("What you agree to"),
        forms.CHECK: _("Check your answers"),
    }
    return headings[step]


def summary_rows(answers: Answers) -> list[SummaryRow]:
    """Return the answers for the check page."""
    tier = _tier_offer(answers.tier)
    payments = {STANDING_ORDER: _("By standing order"), CHEQUE: _("By cheque")}
    agreed = tuple(text for channel, text in wordings().items() if channel in answers.consents)
    names = person_fields.country_names(languages.current_language())
    country = names.get(answers.country, answers.country)
    address = (*answers.address.split("\n"), answers.postcode, country)
    rows = [
        SummaryRow(_("Membership"), (tier.label,), forms.MEMBERSHIP),
        SummaryRow(_("Organisation"), (answers.organisation,), forms.YOU),
        SummaryRow(_("Name"), (answers.name,), forms.YOU),
        SummaryRow(_("Others in the household"), answers.household, forms.YOU),
        SummaryRow(_("E-mail address"), (answers.email,), forms.CONTACT),
        SummaryRow(_("Telephone"), (answers.phone or _("Not given"),), forms.CONTACT),
        SummaryRow(_("Address"), tuple(filter(None, address)), forms.CONTACT),
        SummaryRow(_("Payment"), (payments[answers.payment],), forms.PAYMENT),
        SummaryRow(_("You agree to"), agreed or (_("Nothing"),), forms.AGREEMENTS),
    ]
    return [row for row in rows if any(row.lines)]


def token_refused(error: FormTokenRefused) -> str:
    """Return the message about a form that is not accepted yet."""
    messages: Mapping[type[FormTokenRefused], Callable[[], str]] = {
        FormTooNew: lambda: _(
            "That was quicker than people can type, so we want to be sure: press the button once"
            " more."
        ),
        FormExpired: lambda: _(
            "This form was begun more than a day ago. Look whether everything is still right, then"
            " press the button once more."
        ),
        FormTokenInvalid: lambda: _(
            "This form has changed since you began. Look whether everything is still right, wait"
            " five seconds, then press the button once more."
        ),
    }
    return messages[type(error)]()


def form_used() -> str:
    """Return the message about a form that was sent before with other answers."""
    message: str = _(
        "You have sent an application with this form already, and we have it. If this is another"
        " one, or you have put something right, look whether everything is as it should be, wait"
        " five seconds, then press the button once more."
    )
    return message


def _tier_offer(tier: Tier) -> TierOffer:
    here = languages.current_language()
    amount = tiers.amount_on(tier, london_day(utc_now()))
    if amount is None:
        figure, price = "", _("amount to be confirmed by PSG")
    else:
        figure = _format_pounds(amount)
        price = (
            _("%(amount)s, once", amount=figure)
            if tier.kind == LIFE
            else _("%(amount)s a year", amount=figure)
        )
    return TierOffer(
        tier.key, tier.name[here], tier.description[here], figure, price, tier.kind == LIFE
    )


def _format_pounds(amount: Decimal) -> str:
    return f"£{amount:,.2f}".removesuffix(".00")
