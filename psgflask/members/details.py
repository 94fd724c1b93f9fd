"""What the secretary types of a person, read as leniently as the form reads it."""

from collections.abc import Sequence

from psgflask.accounts import email_addresses
from psgflask.core.folding import fold
from psgflask.core.language_names import LANGUAGES
from psgflask.members import countries, person_fields
from psgflask.members.refusals import MembershipRefused


class DetailRefused(MembershipRefused):
    """Something of a person that cannot be kept as it was typed."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def name(text: str, field: str = "name") -> str:
    """Return what somebody is called. Raises DetailRefused."""
    read = person_fields.line(text)
    if not person_fields.is_name(read):
        raise DetailRefused(field, f"{text!r} is no name")
    return _within(read, person_fields.LONGEST_NAME, field)


def household(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a household, typed one by one or several in one. Raises DetailRefused."""
    read = tuple(name(one, "household") for text in texts for one in person_fields.names(text))
    if len(read) >= person_fields.MOST_IN_A_HOUSEHOLD:
        raise DetailRefused(
            "household", f"A household has at most {person_fields.MOST_IN_A_HOUSEHOLD} members"
        )
    return read


def email(text: str) -> str:
    """Return an address as mails are sent to it; empty stays empty. Raises InvalidEmailAddress."""
    return email_addresses.parse(text).as_typed if text.strip() else ""


def phone(text: str, country_: str) -> str:
    """Return a telephone number; empty stays empty. Raises DetailRefused."""
    if not text.strip():
        return ""
    read = person_fields.phone(text, country_)
    if read is None:
        raise DetailRefused("phone", f"{text!r} is no telephone number")
    return _within(read, person_fields.LONGEST_PHONE, "phone")


def address(texts: Sequence[str]) -> str:
    """Return the lines of an address. Raises DetailRefused."""
    return _within(person_fields.lines("\n".join(texts)), person_fields.LONGEST_ADDRESS, "address")


def postcode(text: str, country_: str) -> str:
    """Return a postcode: the Royal Mail's way where it can be, else as typed. Raises DetailRefused.

    One from paper that is none is refused too, or the double of somebody would not be noticed.
    """
    read = person_fields.line(text).upper()
    if not read or country_ != "GB":
        return _within(read, person_fields.LONGEST_POSTCODE, "postcode")
    british = person_fields.british_postcode(read)
    if british is None:
        raise DetailRefused("postcode", f"{text!r} is no postcode of the United Kingdom")
    return british


def country(text: str) -> str:
    """Return the code of a country that was typed as code or name. Raises DetailRefused."""
    typed = fold(person_fields.line(text))
    for language in LANGUAGES:
        for code, called in countries.names(language).items():
            if typed in {code.lower(), fold(called)}:
                return code
    raise DetailRefused("country", f"There is no country {text!r}: write its name or code")


def _within(text: str, longest: int, field: str) -> str:
    if len(text) > longest:
        raise DetailRefused(field, f"The {field} must have {longest} characters or fewer")
    return text
