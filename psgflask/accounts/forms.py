"""The form that requests a new link, and the base of every form with a CSRF token."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, Field
from wtforms.form import BaseForm
from wtforms.validators import StopValidation

from psgflask.accounts import email_addresses


class CSRFForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """A form with a CSRF token, whose failure is explained to people."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Validate the fields; a missing token is an error of the whole form, not of a field."""
        valid = bool(super().validate(extra_validators))
        csrf_token = getattr(self, "csrf_token", None)
        if csrf_token is not None and csrf_token.errors:
            csrf_token.errors = ()
            self.form_errors.append(
                _(
                    "We could not tell that this page sent the form: it was open for long, or your"
                    " browser keeps no cookies of ours. Send it again."
                )
            )
        return valid


def email_address(_form: BaseForm, field: Field) -> None:
    """Refuse text that is no e-mail address: a validator of WTForms. Raises StopValidation."""
    if not (field.data or "").strip():
        raise StopValidation(_("Enter your e-mail address."))
    try:
        email_addresses.parse(field.data)
    except email_addresses.InvalidEmailAddress as error:
        raise StopValidation(
            _("Enter an e-mail address in the correct form, such as name@example.org.")
        ) from error


class ResendForm(CSRFForm):
    """The address to mail a new link to."""

    email = EmailField(
        _l("E-mail address"),
        description=_l("The one that you gave when you applied."),
        validators=[email_address],
        render_kw={"autocomplete": "email", "spellcheck": "false", "class": "input"},
    )
