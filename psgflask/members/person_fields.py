"""What people type into the form, read leniently and written in one way."""

import re
import unicodedata

from psgflask.core.folding import normalize

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_POSTCODE, LONGEST_PHONE = 200, 500, 20, 40
MOST_IN_A_HOUSEHOLD = 12
# Longer than all that is taken; what is beyond is not read: to put accents in order (NFC) takes
# time by the square of how many stand in a row.
LONGEST_TYPED = 4_000
# Text that turns the direction of what follows it: in a list of names it would rearrange others.
TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Royal Mail's formats, with the postcode of Girobank and the numbers of the forces' post offices.
BRITISH = re.compile(
    r"(?P<out>[A-Z]{1,2}\d[A-Z\d]?|GIR|ASCN|STHL|TDCU|BBND|BIQQ|FIQQ|PCRN|SIQQ|TKCA)(?P<in>\d[A-Z]{2})"
)
FORCES = re.compile(r"BFPO(\d{1,4})")
WEB_ADDRESS = re.compile(r"://|\bwww\.|\bhttps?\b|@[^\s@.]+\.", re.IGNORECASE)


def line(text: str | None) -> str:
    """Return what was typed as one line: no control characters, one space between words."""
    shown = "".join(
        " " if unicodedata.category(sign) in {"Cc", "Zl", "Zp", "Cs", "Cn"} else sign
        for sign in TURNING.sub("", (text or "")[:LONGEST_TYPED])
    )
    return " ".join(normalize("NFC", shown).split())


def lines(text: str | None) -> str:
    """Return what was typed as lines, none of them empty."""
    parts = re.split(r"[\r\n\v\f\x85\u2028\u2029]+", (text or "")[:LONGEST_TYPED])
    return "\n".join(filter(None, map(line, parts)))


def names(text: str | None) -> tuple[str, ...]:
    """Return the names in a text that holds one on each line, or several parted by semicolons."""
    parts = re.split(r"[\n;]", lines(text))
    bare = (line(re.sub(r"^\s*(?:[-*•·]|\d{1,2}[.)])\s+", "", part)) for part in parts)
    return tuple(filter(None, bare))


def is_name(text: str) -> bool:
    """Say whether this could be what somebody is called: any word of any script will do."""
    return any(sign.isalpha() for sign in text)


def holds_web_address(text: str) -> bool:
    """Say whether a name is abused to put a link into the mails that greet by it."""
    return bool(WEB_ADDRESS.search(text))


def british_postcode(text: str) -> str | None:
    """Return a postcode of the United Kingdom as the Royal Mail writes it, None for any other."""
    bare = re.sub(r"[^A-Z\d]", "", line(text).upper())
    if found := BRITISH.fullmatch(bare):
        return f"{found['out']} {found['in']}"
    if found := FORCES.fullmatch(bare):
        return f"BFPO {found[1]}"
    return None


def phone(text: str, country: str) -> str | None:
    """Return a telephone number in the international form, or as it was typed when that is unclear.

    Read as somebody in `country` would dial it. None for what holds too few digits to be one.
    """
    # It costs start-up time, and only this form wants it.
    import phonenumbers

    typed = line(text)
    if sum(sign.isdigit() for sign in typed) < 5:
        return None
    try:
        number = phonenumbers.parse(typed, country or None)
    except phonenumbers.NumberParseException:
        return typed
    if not phonenumbers.is_valid_number(number):
        return typed
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
