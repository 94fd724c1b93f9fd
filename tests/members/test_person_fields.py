"""What people type is read leniently and written in one way; nothing typed breaks a line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members import countries, person_fields


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
    assert person_fields.line(typed) == read


@given(st.text())
def test_no_text_breaks_out_of_a_line(typed: str) -> None:
    read = person_fields.line(typed)
    assert not any(unicodedata.category(sign) in {"Cc", "Zl", "Zp"} for sign in read)
    assert person_fields.line(read) == read
    assert person_fields.lines(read) == read


def test_lines_keep_none_that_is_empty() -> None:
    assert person_fields.lines(" 12 Road \r\n\r\n  Leeds\x0bUK ") == "12 Road\nLeeds\nUK"


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
def test_names_stand_one_on_a_line(typed: str, read: tuple[str, ...]) -> None:
    assert person_fields.names(typed) == read


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
    assert person_fields.is_name(name)
    assert not person_fields.holds_web_address(name)


@pytest.mark.parametrize("name", ["", "-", "123", "....", "'; --", "😀"])
def test_what_has_no_letter_is_no_name(name: str) -> None:
    assert not person_fields.is_name(name)


@pytest.mark.parametrize(
    "name",
    ["Win https://evil.example", "www.evil.example", "WWW.Evil", "x://y", "a@b.example now"],
)
def test_a_name_that_would_put_a_link_into_a_mail_is_known(name: str) -> None:
    assert person_fields.holds_web_address(name)


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
        ("LS1", None),
        ("15001", None),
        ("LS1 4DYX", None),
        ("", None),
    ],
)
def test_a_postcode_is_read_however_it_is_spaced(typed: str, read: str | None) -> None:
    assert person_fields.british_postcode(typed) == read


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
        ("abc", "GB", None),
        ("1234", "GB", None),
    ],
)
def test_a_telephone_number_is_read_as_it_is_dialled(
    typed: str, country: str, read: str | None
) -> None:
    assert person_fields.phone(typed, country) == read


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_country_has_its_name_and_ours_come_first(language: str) -> None:
    names = countries.names(language)
    assert list(names)[:2] == ["GB", "PE"]
    assert len(names) > 240
    assert {"EU", "UN", "ZZ", "XA"} & set(names) == set()
    assert names["PE"] == {"en": "Peru", "es": "Perú"}[language]
    assert len(set(names.values())) == len(names)


def test_countries_follow_the_alphabet_whatever_their_accents() -> None:
    names = list(countries.names("en").values())
    assert names.index("Åland Islands") < names.index("Albania") < names.index("Zimbabwe")


def test_what_is_far_too_long_is_read_no_further_than_it_must_be_to_be_refused() -> None:
    for much in ("a" * 100_000, "a" + "\u0301\u0316" * 100_000, "a\n" * 100_000):
        for read in (person_fields.line, person_fields.lines):
            assert person_fields.LONGEST_ADDRESS < len(read(much)) <= person_fields.LONGEST_TYPED
    assert (
        person_fields.MOST_IN_A_HOUSEHOLD * (person_fields.LONGEST_NAME + 1)
        < person_fields.LONGEST_TYPED
    )
