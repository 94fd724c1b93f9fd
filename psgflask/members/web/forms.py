"""The forms of joining, one for each step: the steps in order, their fields, and error messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import (
    EmailField,
    Field,
    Form,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.form import BaseForm
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput

from psgflask.accounts.forms import email_address
from psgflask.members import person_fields
from psgflask.members.models import CHEQUE, NAME_LENGTH, POSTCODE_LENGTH, STANDING_ORDER
from psgflask.members.person_fields import (
    ADDRESS_LENGTH,
    HAS_LINK,
    INVALID,
    TOO_LONG,
    TOO_MANY,
    FieldRefused,
    clean_line,
    clean_lines,
)
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION

MEMBERSHIP, YOU, CONTACT = "membership", "you", "contact"
PAYMENT, AGREEMENTS, CHECK, SEND = "payment", "agreements", "check", "send"

# The fields of each step, by name.
FIELDS: dict[str, tuple[str, ...]] = {
    MEMBERSHIP: ("tier",),
    YOU: ("organisation", "name", "household"),
    CONTACT: ("email", "phone", "address", "postcode", "country"),
    PAYMENT: ("payment",),
    AGREEMENTS: ("consents",),
}
QUESTIONS = tuple(FIELDS)
STEPS = (*QUESTIONS, CHECK)
PLACES = (*STEPS, SEND)  # where a form can be sent to

# What was typed so far: the values of each field, by name.
Typed = Mapping[str, tuple[str, ...]]
PLAIN = {"spellcheck": "false", "autocapitalize": "none"}


@dataclass(frozen=True)
class FormContext:
    """What the forms depend on: language, memberships, consent wordings, what was chosen."""

    language: str
    tiers: Mapping[str, tuple[str, str]]  # label and hint by key
    wordings: Mapping[str, str]  # by channel
    kind: str = ""  # of the membership chosen


class StepForm(Form):
    """The questions of one step."""

    def prepare(self, context: FormContext) -> None:
        """Adapt the questions to the applicant."""


class RadioChoice(RadioField):
    """Radio buttons, each with a hint of its own."""

    grouped = True  # rendered as a fieldset

    def __init__(self, *args: Any, missing: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invalid_choice_message = missing
        self.hints: Mapping[str, str] = {}


class CountryField(SelectField):
    """A country by its code, chosen by name."""

    def __init__(self, *args: Any, missing: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invalid_choice_message = missing


class Checkboxes(SelectMultipleField):
    """Any number of choices, each with a checkbox."""

    grouped = True
    option_widget = CheckboxInput()


@contextmanager
def refused_as(messages: Mapping[str, str]) -> Iterator[None]:
    """Turn a FieldRefused into the error message for its reason."""
    try:
        yield
    except FieldRefused as error:
        raise StopValidation(messages[error.reason]) from error


def person_name(_form: BaseForm, field: Field) -> None:
    """Refuse text that is no name of a person: a validator of WTForms. Raises StopValidation."""
    messages = {
        INVALID: _("Enter your name."),
        TOO_LONG: _("Your name must be %(most)s characters or fewer.", most=NAME_LENGTH),
        HAS_LINK: _("Enter your name without a web address."),
    }
    with refused_as(messages):
        person_fields.parse_name(field.data, links=False)


class MembershipForm(StepForm):
    """Which membership."""

    tier = RadioChoice(_l("Which membership would you like?"), missing=_l("Choose a membership."))

    def prepare(self, context: FormContext) -> None:
        """Offer the memberships."""
        self.tier.choices = [(key, label) for key, (label, _hint) in context.tiers.items()]
        self.tier.hints = {key: hint for key, (_label, hint) in context.tiers.items()}


class YouForm(StepForm):
    """Who applies; the fields depend on the membership."""

    organisation = StringField(
        _l("Name of the organisation"),
        filters=[clean_line],
        render_kw={"autocomplete": "organization", "spellcheck": "false"},
    )
    name = StringField(
        _l("Your full name"),
        filters=[clean_line],
        validators=[person_name],
        render_kw={"autocomplete": "name", "spellcheck": "false"},
    )
    household = TextAreaField(
        _l("The other people in your household"),
        description=_l("Everybody who wants to be a member, one name on each line."),
        filters=[clean_lines],
        render_kw={"autocomplete": "off", "spellcheck": "false", "rows": 4},
    )

    def prepare(self, context: FormContext) -> None:
        """Ask for an organisation or a household only where the membership has one."""
        if context.kind == ORGANISATION:
            self.name.label.text = _("Name of the person we write to")
        else:
            del self.organisation
        if context.kind != HOUSEHOLD:
            del self.household

    def validate_organisation(self, field: Field) -> None:
        messages = {
            INVALID: _("Enter the name of the organisation."),
            TOO_LONG: _(
                "The name of the organisation must be %(most)s characters or fewer.",
                most=NAME_LENGTH,
            ),
            HAS_LINK: _("Enter the name of the organisation without a web address."),
        }
        with refused_as(messages):
            person_fields.parse_name(field.data, links=False)

    def validate_household(self, field: Field) -> None:
        missing = _("Enter the name of at least one other person in your household.")
        messages = {
            INVALID: missing,
            TOO_MANY: _("Enter at most %(most)s names.", most=person_fields.HOUSEHOLD_SIZE - 1),
            TOO_LONG: _("Each name must be %(most)s characters or fewer.", most=NAME_LENGTH),
            HAS_LINK: _("Enter the names without a web address."),
        }
        with refused_as(messages):
            if not person_fields.parse_household(field.data, links=False):
                raise StopValidation(missing)


class ContactForm(StepForm):
    """How to reach the applicant."""

    email = EmailField(
        _l("E-mail address"),
        description=_l("We send a link to it, to make sure that it is yours."),
        validators=[email_address],
        render_kw={"autocomplete": "email", "inputmode": "email", **PLAIN},
    )
    phone = TelField(
        _l("Telephone (optional)"),
        description=_l("In case a letter comes back. From abroad, with the code of the country."),
        filters=[clean_line],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )
    address = TextAreaField(
        _l("Address"),
        description=_l("House, street and town, on as many lines as you need."),
        filters=[clean_lines],
        render_kw={"autocomplete": "street-address", "spellcheck": "false", "rows": 3},
    )
    postcode = StringField(
        _l("Postcode"),
        description=_l("Outside the United Kingdom, if there is one."),
        filters=[clean_line],
        render_kw={
            "autocomplete": "postal-code",
            "spellcheck": "false",
            "autocapitalize": "characters",
            "class": "short",
        },
    )
    country = CountryField(
        _l("Country"), missing=_l("Choose a country."), render_kw={"autocomplete": "country"}
    )

    def prepare(self, context: FormContext) -> None:
        """List the countries; in English the United Kingdom is the default."""
        self.country.choices = list(person_fields.country_names(context.language).items())
        if context.language == "es":
            self.country.choices.insert(0, ("", _("Choose a country")))
        elif self.country.data is None:
            self.country.data = person_fields.UNITED_KINGDOM

    def validate_phone(self, field: Field) -> None:
        messages = {
            INVALID: _(
                "Enter a telephone number, such as 0113 496 0000 or +51 1 619 0000, or none."
            ),
            TOO_LONG: _("Enter one telephone number."),
        }
        with refused_as(messages):
            person_fields.parse_phone(field.data, self.country.data or "")

    def validate_address(self, field: Field) -> None:
        if not any(map(str.isalnum, field.data or "")):
            raise StopValidation(_("Enter your address."))
        too_long = _("Your address must be %(most)s characters or fewer.", most=ADDRESS_LENGTH)
        with refused_as({TOO_LONG: too_long}):
            person_fields.parse_address(field.data)

    def validate_country(self, field: Field) -> None:
        if not field.data and not field.errors:
            raise StopValidation(_("Choose a country."))

    def validate_postcode(self, field: Field) -> None:
        if self.country.data == person_fields.UNITED_KINGDOM and not field.data:
            raise StopValidation(_("Enter your postcode."))
        messages = {
            INVALID: _("Enter a postcode, such as LS1 4DY."),
            TOO_LONG: _(
                "Your postcode must be %(most)s characters or fewer.", most=POSTCODE_LENGTH
            ),
        }
        with refused_as(messages):
            person_fields.parse_postcode(field.data, self.country.data or "")


class PaymentForm(StepForm):
    """How the applicant will pay."""

    payment = RadioChoice(
        _l("How would you like to pay?"),
        description=_l("Paying by card and by direct debit is to come."),
        missing=_l("Choose how you will pay."),
    )

    def prepare(self, context: FormContext) -> None:
        """Offer the methods, each with a hint."""
        self.payment.choices = [
            (STANDING_ORDER, _("By standing order")),
            (CHEQUE, _("By cheque")),
        ]
        self.payment.hints = {
            STANDING_ORDER: _("You print a form for your bank, and it pays for you."),
            CHEQUE: _("You post it to us."),
        }


class AgreementsForm(StepForm):
    """Consents: never ticked in advance, and none is required."""

    consents = Checkboxes(
        _l("What may we send you?"),
        description=_l("Tick both, one or none. You can change your mind at any time."),
    )

    def prepare(self, context: FormContext) -> None:
        """Ask in the exact words that are stored with the consent."""
        self.consents.choices = list(context.wordings.items())

    def validate_consents(self, field: Field) -> None:
        if field.errors:
            field.errors = [_("Choose from what is listed.")]


class CheckForm(StepForm):
    """The check page: no questions, only errors about sending."""


FORMS: dict[str, type[StepForm]] = {
    MEMBERSHIP: MembershipForm,
    YOU: YouForm,
    CONTACT: ContactForm,
    PAYMENT: PaymentForm,
    AGREEMENTS: AgreementsForm,
    CHECK: CheckForm,
}


def build(step: str, typed: Typed, context: FormContext) -> StepForm:
    """Return the form of a step, with what was typed so far."""
    values = [(name, value) for name in FIELDS.get(step, ()) for value in typed.get(name, ())]
    form = FORMS[step](MultiDict(values) if values else None)
    form.prepare(context)
    return form


def next_step(step: str) -> str:
    """Return the place that the main button of a step leads to."""
    return PLACES[PLACES.index(step) + 1]


def previous_step(step: str) -> str | None:
    """Return the step before this one, None for the first."""
    index = PLACES.index(step)
    return PLACES[index - 1] if index else None


def first_unanswered(place: str, is_answered: Callable[[str], bool]) -> str:
    """Return the first step before a place that is not answered, or else the place.

    So no question can be skipped, whatever address a form is sent to.
    """
    earlier = QUESTIONS[: PLACES.index(place)]
    return next((step for step in earlier if not is_answered(step)), place)


def collect(fields: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return what was typed so far, of all fields that a browser sent; others are dropped."""
    known = {name for names in FIELDS.values() for name in names}
    typed: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        if name in known:
            typed[name] = (*typed.get(name, ()), value)
    return typed


def hidden_fields(typed: Typed, step: str) -> list[tuple[str, str]]:
    """Return the hidden fields of a step: the answers to all other steps."""
    own = FIELDS.get(step, ())
    return [(name, value) for name, values in typed.items() if name not in own for value in values]
