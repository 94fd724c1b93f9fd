"""The room's form: for which address a new link is asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, Field
from wtforms.validators import ValidationError

from psgflask.accounts import networks


class OwnForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """A form that only a page of ours can send; what it says of that, it says to people."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Validate the fields; a missing token is a fault of the whole form, not of a field."""
        valid = bool(super().validate(extra_validators))
        guard = getattr(self, "csrf_token", None)
        if guard is not None and guard.errors:
            guard.errors = ()
            self.form_errors.append(
                _(
                    "We could not tell that this page sent the form: it was open for long, or your"
                    " browser keeps no cookies of ours. Send it again."
                )
            )
        return valid


class AgainForm(OwnForm):
    """The address that a new link is to be mailed to."""

    email = EmailField(
        _l("E-mail address"),
        description=_l("The one that you gave when you applied."),
        render_kw={"autocomplete": "email", "spellcheck": "false", "class": "input"},
    )

    def validate_email(self, field: Field) -> None:
        """Refuse what no mail could reach."""
        typed = (field.data or "").strip()
        if not typed:
            raise ValidationError(_("Enter your e-mail address."))
        try:
            networks.read(typed)
        except networks.AddressUnreadable as error:
            raise ValidationError(
                _("Enter an e-mail address in the correct form, such as name@example.org.")
            ) from error
