"""Input rules of a person's fields: how each is parsed, stored and compared, and its length.

The form online and the commands share them; they are lenient in how a value is written.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import product

from babel import Locale

from psgflask.accounts import email_addresses
from psgflask.core.folding import fold, normalise
from psgflask.core.language_names import LANGUAGES
from psgflask.members.models import (
    FOLDED_NAME_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    POSTCODE_LENGTH,
    MembershipRefused,
)

ADDRESS_LENGTH = 500
HOUSEHOLD_SIZE = 12  # with the applicant
INPUT_LENGTH = 4_000  # more than any field accepts: text beyond it is cut off
# Directional formatting characters would rearrange the names around them in a list.
DIRECTIONAL = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Royal Mail's formats, with the postcode of Girobank and the numbers of the forces' post offices.
BRITISH_POSTCODE = re.compile(
    r"(?P<out>[A-Z]{1,2}\d[A-Z\d]?|GIR|ASCN|STHL|TDCU|BBND|BIQQ|FIQQ|PCRN|SIQQ|TKCA)(?P<in>\d[A-Z]{2})"
)
FORCES_POSTCODE = re.compile(r"BFPO(\d{1,4})", re.ASCII)
# Postcode areas (Royal Mail), and what may follow one: no letter O, I or L stands there.
POSTCODE_AREAS = (
    "AB|AL|B|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|BX|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|"
    "DL|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|"
    "KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|"
    "RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|"
    "WF|WN|WR|WS|WV|XX|YO|ZE"
)
KNOWN_POSTCODE = re.compile(
    rf"(?:(?:{POSTCODE_AREAS})(?:\d[A-HJKMNP-Y]?|[1-9]\d)"
    r"|GIR|ASCN|STHL|TDCU|BBND|BIQQ|FIQQ|PCRN|SIQQ|TKCA)\d[ABD-HJLNP-UW-Z]{2}|BFPO\d{1,4}",
    re.ASCII,
)
# Letters and digits that look alike; a small l is a capital by then.
LOOK_ALIKES = {character: group for group in ("O0", "1IL") for character in group}
MAX_POSTCODE_CHARACTERS = 8  # without spaces
WEB_ADDRESS = re.compile(r"://|\bwww\.|\bhttps?\b|@[^\s@.]+\.", re.IGNORECASE)
APOSTROPHES = re.compile("['’‘ʼ`´]")
UNITED_KINGDOM, PERU = "GB", "PE"
FIRST_COUNTRIES = (UNITED_KINGDOM, PERU)
# Codes that CLDR names besides countries: unions, tests, islands that use another's postcodes.
NO_COUNTRIES = frozenset(
    {*("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")}
)

INVALID, TOO_LONG, TOO_MANY, HAS_LINK = "invalid", "too long", "too many", "has a link"


class FieldRefused(MembershipRefused):
    """A value that cannot be stored; `reason` is INVALID, TOO_LONG, TOO_MANY or HAS_LINK."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.field, self.reason = field, reason


def clean_line(text: str | None) -> str:
    """Return a text as one line: no control characters, single spaces."""
    printable = "".join(
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs", "Cn"} else character
        for character in DIRECTIONAL.sub("", (text or "")[:INPUT_LENGTH])
    )
    return " ".join(normalise("NFC", printable).split())


def clean_lines(text: str | None) -> str:
    """Return a text as lines, without empty ones."""
    parts = re.split(r"[\r\n\v\f\x85\u2028\u2029]+", (text or "")[:INPUT_LENGTH])
    return "\n".join(filter(None, map(clean_line, parts)))


def parse_name(text: str, field: str = "name", *, links: bool = True) -> str:
    """Return a name: any word of any script. Raises FieldRefused.

    `links=False` refuses web addresses: a name in a greeting could have them mailed to anybody.
    """
    name = clean_line(text)
    if not any(character.isalpha() for character in name):
        raise FieldRefused(field, INVALID, f"{text!r} is no name")
    _check_length(name, NAME_LENGTH, field)
    if not links and WEB_ADDRESS.search(name):
        raise FieldRefused(field, HAS_LINK, f"The {field} contains a web address")
    return name


def parse_household(text: str, *, links: bool = True) -> tuple[str, ...]:
    """Return the names of the others in a household: one per line, or separated by semicolons.

    `links` is as in `parse_name`. Raises FieldRefused.
    """
    parts = re.split(r"[\n;]", clean_lines(text))
    bare = (clean_line(re.sub(r"^\s*(?:[-*•·]|\d{1,2}[.)])\s+", "", part)) for part in parts)
    names = tuple(filter(None, bare))
    if len(names) >= HOUSEHOLD_SIZE:
        message = f"A household has at most {HOUSEHOLD_SIZE} members"
        raise FieldRefused("household", TOO_MANY, message)
    return tuple(parse_name(name, "household", links=links) for name in names)


def parse_email(text: str) -> str:
    """Return an e-mail address as mails are sent to it; empty stays empty.

    Raises InvalidEmailAddress.
    """
    return email_addresses.parse(text).as_typed if text.strip() else ""


def parse_phone(text: str, country: str) -> str:
    """Return a telephone number in the international format, or unchanged where that is unclear.

    Parsed as dialled in `country`; empty stays empty. Raises FieldRefused.
    """
    # Slow to import, and only this form needs it.
    import phonenumbers

    number = clean_line(text)
    if not number:
        return ""
    if sum(character.isdigit() for character in number) < 5:
        raise FieldRefused("phone", INVALID, f"{text!r} is no telephone number")
    try:
        parsed = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is not None and phonenumbers.is_valid_number(parsed):
        number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return _check_length(number, PHONE_LENGTH, "phone")


def parse_address(text: str) -> str:
    """Return the lines of a postal address. Raises FieldRefused."""
    return _check_length(clean_lines(text), ADDRESS_LENGTH, "address")


def parse_postcode(text: str, country: str) -> str:
    """Return a postcode in capitals, a British one as the Royal Mail writes it; empty stays empty.

    In a British one O and 0, and I, L and 1, are exchanged where only that makes it a postcode.
    Raises FieldRefused, for British ones from paper too: duplicates are found by postcode.
    """
    postcode = normalise("NFKC", clean_line(text)).upper()
    if not postcode or country != UNITED_KINGDOM:
        return _check_length(postcode, POSTCODE_LENGTH, "postcode")
    bare = _without_look_alikes(re.sub(r"[^A-Z0-9]", "", postcode))
    if match := BRITISH_POSTCODE.fullmatch(bare):
        return f"{match['out']} {match['in']}"
    if match := FORCES_POSTCODE.fullmatch(bare):
        return f"BFPO {match[1]}"
    raise FieldRefused("postcode", INVALID, f"{text!r} is no postcode of the United Kingdom")


def _without_look_alikes(bare: str) -> str:
    """Return the known postcode that was meant by one without spaces; unchanged if unclear.

    "E1O5AA" gives "E105AA": of those that look like it, the one with the fewest changes.
    """
    if KNOWN_POSTCODE.fullmatch(bare) or len(bare) > MAX_POSTCODE_CHARACTERS:
        return bare
    readings = map("".join, product(*(LOOK_ALIKES.get(character, character) for character in bare)))
    known = [reading for reading in readings if KNOWN_POSTCODE.fullmatch(reading)]
    changes = [sum(map(str.__ne__, bare, reading)) for reading in known]
    fewest = min(changes, default=0)
    return known[changes.index(fewest)] if changes.count(fewest) == 1 else bare


def parse_country(text: str) -> str:
    """Return the code (ISO 3166) of a country by its code or name. Raises FieldRefused."""
    folded = fold(clean_line(text))
    for language in LANGUAGES:
        for code, name in country_names(language).items():
            if folded in {code.lower(), fold(name)}:
                return code
    message = f"There is no country {text!r}: write its name or code"
    raise FieldRefused("country", INVALID, message)


@lru_cache(maxsize=2)
def country_names(language: str) -> dict[str, str]:
    """Return the names of countries by code (ISO 3166): ours first, then in alphabetical order."""
    names = {
        code: str(name)
        for code, name in Locale.parse(language).territories.items()
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
    }
    others = sorted(names.keys() - set(FIRST_COUNTRIES), key=lambda code: fold(names[code]))
    return {code: names[code] for code in (*FIRST_COUNTRIES, *others)}


def fold_name(text: str) -> str:
    """Return the form of a name that is compared: words of letters and digits, folded.

    "Anne-Marie O’Brien" and "ANNE MARIE OBRIEN" give "anne marie obrien".
    """
    words = re.findall(r"[^\W_]+", fold(APOSTROPHES.sub("", text)))
    return " ".join(words)[:FOLDED_NAME_LENGTH]


def fold_postcode(text: str) -> str:
    """Return the form of a postcode that is compared: "LS1 4DY" gives "ls14dy"."""
    return "".join(re.findall(r"[^\W_]", fold(text)))[:POSTCODE_LENGTH]


def _check_length(text: str, length: int, field: str) -> str:
    if len(text) > length:
        raise FieldRefused(field, TOO_LONG, f"The {field} must have {length} characters or fewer")
    return text
