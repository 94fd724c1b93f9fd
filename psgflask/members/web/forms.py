"""The forms of joining, one for each page: what is typed, and what is said when it will not do."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import EmailField, Field, StringField, TelField, TextAreaField
from wtforms.validators import StopValidation

from psgflask.accounts import email_addresses
from psgflask.members import countries, person_fields
from psgflask.members.models import CHEQUE, STANDING_ORDER
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION
from psgflask.members.web import steps
from psgflask.members.web.fields import AnyOf, Asking, Country, OneOf, PageForm

PLAIN = {"spellcheck": "false", "autocapitalize": "none"}


class MembershipForm(PageForm):
    """Which membership."""

    tier = OneOf(_l("Which membership would you like?"), missing=_l("Choose a membership."))

    def prepare(self, asking: Asking) -> None:
        """Offer the memberships that there are."""
        self.tier.choices = [(key, label) for key, (label, _hint) in asking.tiers.items()]
        self.tier.hints = {key: hint for key, (_label, hint) in asking.tiers.items()}


class YouForm(PageForm):
    """Who applies; what of this is asked depends on the membership."""

    organisation = StringField(
        _l("Name of the organisation"),
        filters=[person_fields.line],
        render_kw={"autocomplete": "organization", "spellcheck": "false"},
    )
    name = StringField(
        _l("Your full name"),
        filters=[person_fields.line],
        render_kw={"autocomplete": "name", "spellcheck": "false"},
    )
    household = TextAreaField(
        _l("The other people in your household"),
        description=_l("Everybody who wants to be a member, one name on each line."),
        filters=[person_fields.lines],
        render_kw={"autocomplete": "off", "spellcheck": "false", "rows": 4},
    )

    def prepare(self, asking: Asking) -> None:
        """Ask for an organisation, or for a household, only where there is one."""
        if asking.kind == ORGANISATION:
            self.name.label.text = _("Name of the person we write to")
        else:
            del self.organisation
        if asking.kind != HOUSEHOLD:
            del self.household

    def validate_organisation(self, field: Field) -> None:
        """Refuse what no organisation is called."""
        _check_name(
            field.data,
            missing=_("Enter the name of the organisation."),
            long=_("The name of the organisation must be 200 characters or fewer."),
            linked=_("Enter the name of the organisation without a web address."),
        )

    def validate_name(self, field: Field) -> None:
        """Refuse what nobody is called; one word will do, and so will six."""
        _check_name(
            field.data,
            missing=_("Enter your name."),
            long=_("Your name must be 200 characters or fewer."),
            linked=_("Enter your name without a web address."),
        )

    def validate_household(self, field: Field) -> None:
        """Refuse an empty list, and one that no household fills."""
        missing = _("Enter the name of at least one other person in your household.")
        people = person_fields.names(field.data)
        if not people:
            raise StopValidation(missing)
        if len(people) >= person_fields.MOST_IN_A_HOUSEHOLD:
            raise StopValidation(
                _("Enter at most %(most)s names.", most=person_fields.MOST_IN_A_HOUSEHOLD - 1)
            )
        for person in people:
            _check_name(
                person,
                missing=missing,
                long=_("Each name must be 200 characters or fewer."),
                linked=_("Enter the names without a web address."),
            )


class ContactForm(PageForm):
    """How to reach somebody."""

    email = EmailField(
        _l("E-mail address"),
        description=_l("We send a link to it, to make sure that it is yours."),
        render_kw={"autocomplete": "email", "inputmode": "email", **PLAIN},
    )
    phone = TelField(
        _l("Telephone (optional)"),
        description=_l("In case a letter comes back. From abroad, with the code of the country."),
        filters=[person_fields.line],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )
    address = TextAreaField(
        _l("Address"),
        description=_l("House, street and town, on as many lines as you need."),
        filters=[person_fields.lines],
        render_kw={"autocomplete": "street-address", "spellcheck": "false", "rows": 3},
    )
    postcode = StringField(
        _l("Postcode"),
        description=_l("Outside the United Kingdom, if there is one."),
        filters=[person_fields.line],
        render_kw={
            "autocomplete": "postal-code",
            "spellcheck": "false",
            "autocapitalize": "characters",
            "class": "short",
        },
    )
    country = Country(
        _l("Country"), missing=_l("Choose a country."), render_kw={"autocomplete": "country"}
    )

    def prepare(self, asking: Asking) -> None:
        """Name the countries; who reads English is most often in ours."""
        self.country.choices = list(countries.names(asking.language).items())
        if asking.language == "es":
            self.country.choices.insert(0, ("", _("Choose a country")))
        elif self.country.data is None:
            self.country.data = countries.FIRST[0]

    def validate_email(self, field: Field) -> None:
        """Refuse what no mail could reach."""
        if not (field.data or "").strip():
            raise StopValidation(_("Enter your e-mail address."))
        try:
            email_addresses.parse(field.data)
        except email_addresses.InvalidEmailAddress as error:
            raise StopValidation(
                _("Enter an e-mail address in the correct form, such as name@example.org.")
            ) from error

    def validate_phone(self, field: Field) -> None:
        """Refuse what is no number; any that can be dialled somewhere will do."""
        if not field.data:
            return
        if person_fields.phone(field.data, self.country.data or "") is None:
            raise StopValidation(
                _("Enter a telephone number, such as 0113 496 0000 or +51 1 619 0000, or none.")
            )
        if len(field.data) > person_fields.LONGEST_PHONE:
            raise StopValidation(_("Enter one telephone number."))

    def validate_address(self, field: Field) -> None:
        """Refuse an empty address."""
        if not any(map(str.isalnum, field.data or "")):
            raise StopValidation(_("Enter your address."))
        if len(field.data) > person_fields.LONGEST_ADDRESS:
            raise StopValidation(_("Your address must be 500 characters or fewer."))

    def validate_country(self, field: Field) -> None:
        """Refuse the line that only says what to do."""
        if not field.data and not field.errors:
            raise StopValidation(_("Choose a country."))

    def validate_postcode(self, field: Field) -> None:
        """Refuse what is no postcode in the United Kingdom; elsewhere anything short will do."""
        if self.country.data == "GB" and person_fields.british_postcode(field.data or "") is None:
            raise StopValidation(
                _("Enter a postcode, such as LS1 4DY.") if field.data else _("Enter your postcode.")
            )
        if len(field.data or "") > person_fields.LONGEST_POSTCODE:
            raise StopValidation(_("Your postcode must be 20 characters or fewer."))


class PaymentForm(PageForm):
    """How somebody will pay."""

    payment = OneOf(
        _l("How would you like to pay?"),
        description=_l("Paying by card and by direct debit is to come."),
        missing=_l("Choose how you will pay."),
    )

    def prepare(self, asking: Asking) -> None:
        """Say what each way means."""
        self.payment.choices = [
            (STANDING_ORDER, _("By standing order")),
            (CHEQUE, _("By cheque")),
        ]
        self.payment.hints = {
            STANDING_ORDER: _("You print a form for your bank, and it pays for you."),
            CHEQUE: _("You post it to us."),
        }


class AgreementsForm(PageForm):
    """What somebody agrees to; never ticked beforehand, and nothing has to be."""

    consents = AnyOf(
        _l("What may we send you?"),
        description=_l("Tick both, one or none. You can change your mind at any time."),
    )

    def prepare(self, asking: Asking) -> None:
        """Ask in the very words that are kept with the consent."""
        self.consents.choices = list(asking.wordings.items())

    def validate_consents(self, field: Field) -> None:
        """Refuse what nobody was asked, in words for people."""
        if field.errors:
            field.errors = [_("Choose from what is listed.")]


class CheckForm(PageForm):
    """The last look: it asks nothing, and shows what stands against sending."""


FORMS: dict[str, type[PageForm]] = {
    steps.MEMBERSHIP: MembershipForm,
    steps.YOU: YouForm,
    steps.CONTACT: ContactForm,
    steps.PAYMENT: PaymentForm,
    steps.AGREEMENTS: AgreementsForm,
    steps.CHECK: CheckForm,
}


def build(page: str, typed: steps.Typed, asking: Asking) -> PageForm:
    """Return the form of a page, with what was typed into it so far."""
    own = [(name, value) for name in steps.ASKED.get(page, ()) for value in typed.get(name, ())]
    form = FORMS[page](MultiDict(own) if own else None)
    form.prepare(asking)
    return form


def _check_name(text: str, *, missing: str, long: str, linked: str) -> None:
    if not person_fields.is_name(text):
        raise StopValidation(missing)
    if len(text) > person_fields.LONGEST_NAME:
        raise StopValidation(long)
    if person_fields.holds_web_address(text):
        raise StopValidation(linked)
