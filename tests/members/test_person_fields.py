"""What people type is parsed leniently and stored in one format; nothing typed breaks a line."""

import unicodedata
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members import person_fields
from psgflask.members.models import NAME_LENGTH
from psgflask.members.person_fields import HAS_LINK, INVALID, TOO_LONG, TOO_MANY, FieldRefused


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("  María   Castañeda ", "María Castañeda"),
        ("Jose\u0301", "José"),
        ("Ana\r\nBcc: evil@example.org", "Ana Bcc: evil@example.org"),
        ("Ana\0\t\x7f\u2028Luis", "Ana Luis"),
        ("\u202egnp.exe", "gnp.exe"),
        (None, ""),
    ],
)
def test_a_line_stays_one_line(typed: str | None, read: str) -> None:
    assert person_fields.clean_line(typed) == read


@given(st.text())
def test_no_text_breaks_out_of_a_line(typed: str) -> None:
    read = person_fields.clean_line(typed)
    assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in read)
    assert person_fields.clean_line(read) == read
    assert person_fields.clean_lines(read) == read


def test_empty_lines_are_dropped() -> None:
    assert person_fields.clean_lines(" 12 Road \r\n\r\n  Leeds\x0bUK ") == "12 Road\nLeeds\nUK"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Ana\nLuis", ("Ana", "Luis")),
        ("Ana; Luis Quispe ;", ("Ana", "Luis Quispe")),
        ("- Ana\n* Luis\n2. Rosa", ("Ana", "Luis", "Rosa")),
        ("Quispe, Ana", ("Quispe, Ana",)),
        ("", ()),
    ],
)
def test_names_are_separated_by_lines_or_semicolons(typed: str, read: tuple[str, ...]) -> None:
    assert person_fields.parse_household(typed) == read


def test_a_household_has_at_most_twelve_members_with_the_applicant() -> None:
    assert len(person_fields.parse_household("A\n" * 6 + "B;" * 5)) == 11
    with pytest.raises(FieldRefused, match="at most 12") as refused:
        person_fields.parse_household("A\n" * 12)
    assert (refused.value.field, refused.value.reason) == ("household", TOO_MANY)


@pytest.mark.parametrize(
    "name",
    [
        "Madonna",
        "Ñ",
        "O’Brien-Smith, Jr.",
        "Pablo Diego José Francisco de Paula Ruiz",
        "محمد",
        "李小龙",
        "J.R.R. Tolkien",
        "St. John of Leeds",
    ],
)
def test_any_name_is_one(name: str) -> None:
    assert person_fields.parse_name(name, links=False) == name


@pytest.mark.parametrize("name", ["", "-", "123", "....", "'; --", "😀"])
def test_what_has_no_letter_is_no_name(name: str) -> None:
    with pytest.raises(FieldRefused, match="is no name") as refused:
        person_fields.parse_name(name)
    assert refused.value.reason == INVALID


@pytest.mark.parametrize(
    "name",
    ["Win https://evil.example", "www.evil.example", "WWW.Evil", "x://y", "a@b.example now"],
)
def test_a_name_with_a_web_address_is_refused_where_links_are_not_allowed(name: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        person_fields.parse_name(name, "organisation", links=False)
    assert (refused.value.field, refused.value.reason) == ("organisation", HAS_LINK)
    assert person_fields.parse_name(name) == name


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ls1 4dy", "LS1 4DY"),
        ("LS14DY", "LS1 4DY"),
        (" l s 1 4 d y ", "LS1 4DY"),
        ("ls1-4dy.", "LS1 4DY"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("w1a0ax", "W1A 0AX"),
        ("gir0aa", "GIR 0AA"),
        ("bfpo 58", "BFPO 58"),
        ("", ""),
    ],
)
def test_a_postcode_is_parsed_however_it_is_spaced(typed: str, read: str) -> None:
    assert person_fields.parse_postcode(typed, "GB") == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("E1O 5AA", "E10 5AA"),
        ("w1a oax", "W1A 0AX"),
        ("M25 OLJ", "M25 0LJ"),
        ("0X1 2JD", "OX1 2JD"),
        ("S014 2AA", "SO14 2AA"),
        ("S01 4AA", "SO1 4AA"),  # no district is 01
        ("CFlO 3AA", "CF10 3AA"),
        ("LSl 4DY", "LS1 4DY"),
        ("LSI 4DY", "LS1 4DY"),
        ("SWIA lAA", "SW1A 1AA"),
        ("lV2 3AB", "IV2 3AB"),  # there is no area LV
        ("LS1 I AA", "LS1 1AA"),
        ("L1I 1AA", "L11 1AA"),
        ("GIR OAA", "GIR 0AA"),
        ("BFP0 5O", "BFPO 50"),
        ("ＬＳ１ ４ＤＹ", "LS1 4DY"),
        # These are right as they stand.
        ("SO1 1AA", "SO1 1AA"),
        ("L1 1LL", "L1 1LL"),
        ("OL1 1OL", "OL1 1OL"),  # perhaps not, but nothing makes it certain
        ("S0 4AA", "S0 4AA"),
    ],
)
def test_letters_typed_for_digits_in_a_postcode_are_corrected_where_it_is_certain(
    typed: str, read: str
) -> None:
    assert person_fields.parse_postcode(typed, "GB") == read
    assert person_fields.parse_postcode("LO1 IO", "FR") == "LO1 IO"


KNOWN = st.from_regex(person_fields.KNOWN_POSTCODE, fullmatch=True)


@given(KNOWN)
def test_a_known_postcode_is_never_changed(postcode: str) -> None:
    assert person_fields.parse_postcode(postcode, "GB").replace(" ", "") == postcode


@given(KNOWN)
def test_a_postcode_with_o_for_each_0_is_never_read_as_one_with_other_letters(
    postcode: str,
) -> None:
    typed = postcode.replace("0", "O")
    with suppress(FieldRefused):
        read = person_fields.parse_postcode(typed, "GB").replace(" ", "")
        assert read.replace("0", "O") == typed


@pytest.mark.parametrize("typed", ["LS1", "15001", "LS1 4DYX", "-", "LS1 4DYO"])
def test_a_foreign_postcode_is_refused_in_the_united_kingdom_alone(typed: str) -> None:
    with pytest.raises(FieldRefused, match="no postcode of the United Kingdom") as refused:
        person_fields.parse_postcode(typed, "GB")
    assert (refused.value.field, refused.value.reason) == ("postcode", INVALID)
    assert person_fields.parse_postcode(typed.lower(), "PE") == typed


@pytest.mark.parametrize(
    ("parse", "longest"),
    [
        (person_fields.parse_name, "x" * 200),
        (person_fields.parse_address, "x" * 500),
        (lambda text: person_fields.parse_postcode(text, "PE"), "1" * 20),
        (lambda text: person_fields.parse_phone(text, "GB"), "0" * 40),
    ],
)
def test_a_value_that_is_too_long_is_refused(parse: Callable[[str], str], longest: str) -> None:
    assert len(parse(longest)) == len(longest)
    with pytest.raises(FieldRefused, match=f"{len(longest)} characters or fewer") as refused:
        parse(longest + longest[0])
    assert refused.value.reason == TOO_LONG


@pytest.mark.parametrize(
    ("typed", "code"),
    [("gb", "GB"), ("United Kingdom", "GB"), ("perú", "PE"), ("PERU", "PE"), ("España", "ES")],
)
def test_a_country_is_parsed_by_code_or_by_name_in_either_language(typed: str, code: str) -> None:
    assert person_fields.parse_country(typed) == code


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(FieldRefused, match="no country 'Atlantis'"):
        person_fields.parse_country("Atlantis")


@pytest.mark.parametrize(
    ("typed", "country", "read"),
    [
        ("0113 496 0000", "GB", "+44 113 496 0000"),
        ("(0113) 496-0000", "GB", "+44 113 496 0000"),
        ("+44 (0)113 496 0000", "GB", "+44 113 496 0000"),
        ("01134960000 ext 12", "GB", "+44 113 496 0000 x12"),
        ("00 51 987 654 321", "GB", "+51 987 654 321"),
        ("(01) 619 0000", "PE", "+51 1 6190000"),
        # Of another country than the address: kept as it was typed rather than refused.
        ("987 654 321", "GB", "987 654 321"),
        ("0113 496 0000 / 07700 900123", "GB", "0113 496 0000 / 07700 900123"),
        ("0113 496 0000", "", "0113 496 0000"),
        ("", "GB", ""),
    ],
)
def test_a_telephone_number_is_parsed_as_it_is_dialled(typed: str, country: str, read: str) -> None:
    assert person_fields.parse_phone(typed, country) == read


@pytest.mark.parametrize("typed", ["abc", "1234", "x"])
def test_a_telephone_number_with_too_few_digits_is_refused(typed: str) -> None:
    with pytest.raises(FieldRefused, match="no telephone number") as refused:
        person_fields.parse_phone(typed, "GB")
    assert (refused.value.field, refused.value.reason) == ("phone", INVALID)


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_country_has_a_name_and_ours_come_first(language: str) -> None:
    names = person_fields.country_names(language)
    assert list(names)[:2] == ["GB", "PE"]
    assert len(names) > 240
    assert {"EU", "UN", "ZZ", "XA"} & set(names) == set()
    assert names["PE"] == {"en": "Peru", "es": "Perú"}[language]
    assert len(set(names.values())) == len(names)


def test_countries_are_in_alphabetical_order_regardless_of_accents() -> None:
    names = list(person_fields.country_names("en").values())
    assert names.index("Åland Islands") < names.index("Albania") < names.index("Zimbabwe")


def test_very_long_input_is_truncated_beyond_every_limit() -> None:
    for much in ("a" * 100_000, "a" + "\u0301\u0316" * 100_000, "a\n" * 100_000):
        for read in (person_fields.clean_line, person_fields.clean_lines):
            assert person_fields.ADDRESS_LENGTH < len(read(much)) <= person_fields.INPUT_LENGTH
    names = person_fields.HOUSEHOLD_SIZE * (NAME_LENGTH + 1)
    assert names < person_fields.INPUT_LENGTH
