"""E-mail addresses: parsed as people type them, normalised, and counted by mailbox (S3)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.accounts import email_addresses
from psgflask.accounts.email_addresses import InvalidEmailAddress


@pytest.mark.parametrize(
    ("typed", "normalised"),
    [
        ("Jane.Doe@Example.ORG", "jane.doe@example.org"),
        ("  jane@example.org\t", "jane@example.org"),
        ("jane@example.org.", "jane@example.org"),
        ("<jane@example.org>", "jane@example.org"),
        ("mailto:jane@example.org", "jane@example.org"),
        ("jane+psg@example.org", "jane+psg@example.org"),
        ("josé@example.org", "josé@example.org"),
        ("JOSÉ@example.org", "josé@example.org"),
        ("jose\u0301@example.org", "josé@example.org"),
        ("jane@Bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("jane@Ｅxample.org", "jane@example.org"),  # full-width, as some keyboards write it
        ("jane@sub.example.co.uk", "jane@sub.example.co.uk"),
        # As copied from a letter, a web page or a mail program.
        ("o’neill@example.org", "o'neill@example.org"),
        ("o‘neill@example.org", "o'neill@example.org"),
        ("oʼneill@example.org", "o'neill@example.org"),
        ("anne‑marie–smith@my‐site.org", "anne-marie-smith@my-site.org"),
        ("Ｊａｎｅ．Ｄｏｅ＠Ｅｘａｍｐｌｅ．ｏｒｇ", "jane.doe@example.org"),
        ("jane＠example。org", "jane@example.org"),
        ("\u200bjane@example.org\u200b", "jane@example.org"),
        ("\ufeff\u2068jane@example.org\u2069\xad", "jane@example.org"),
        ("\xa0jane@example.org\u202f\u3000", "jane@example.org"),
        ("\u2060<\u200bjane@example.org\u200d>\ufe0f", "jane@example.org"),
        ("“jane@example.org”", "jane@example.org"),
        ("‘jane@example.org’", "jane@example.org"),
        ("'mailto:jane@example.org'", "jane@example.org"),
    ],
)
def test_one_address_has_one_spelling(typed: str, normalised: str) -> None:
    assert email_addresses.normalise(typed) == normalised
    assert email_addresses.normalise(normalised) == normalised


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "jane", "jane@", "@example.org", "jane@localhost", "jane@example", "a b@x.org"),
        *("jane@@example.org", "jane..doe@example.org", "jane@-x.org", "jane@192.168.0.1"),
        *("jane@example.org\nBcc: all@example.org", "jane\r\n@example.org", "jane@ex\0ample.org"),
        *("jane@example.org, all@example.org", "Jane <jane@example.org>", "jane@psg.invalid"),
        *("x" * 65 + "@example.org", "jane@" + "x." * 130 + "org", "jane\u200b@example.org"),
        *(
            "ja\xadne@example.org",
            "ja\u034fne@exam.org",
            "ja\u3164ne@exam.org",
            "ja\u2800ne@exam.org",
        ),
        *("jane@exa\u3164mple.org", "jane@exam\ufe0fple.org", "\u200b", "'", "''", '"'),
    ],
)
def test_text_that_mail_cannot_be_delivered_to_is_rejected(typed: str) -> None:
    with pytest.raises(InvalidEmailAddress) as refused:
        email_addresses.parse(typed)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strasse@example.org", "straße@example.org"),
        ("ink@example.org", "ınk@example.org"),
        ("finn@example.org", "ﬁnn@example.org"),
        ("jane@example.org", "jané@example.org"),
        ("jane@fass.example", "jane@faß.example"),
        ("jane@example.org", "jane+psg@example.org"),
        ("jane.doe@example.org", "janedoe@example.org"),
    ],
)
def test_addresses_of_two_mailboxes_stay_different(one: str, other: str) -> None:
    assert email_addresses.normalise(one) != email_addresses.normalise(other)


def test_mail_is_sent_to_the_address_as_typed() -> None:
    assert email_addresses.parse(" Jane.Doe@EXAMPLE.org ").as_typed == "Jane.Doe@example.org"
    assert email_addresses.parse("Ｊ.O’Neill@example.org ").as_typed == "J.O'Neill@example.org"


@given(st.emails())
def test_normalisation_is_idempotent_and_the_same_for_the_typed_address(email: str) -> None:
    try:
        found = email_addresses.parse(email)
    except InvalidEmailAddress:
        return
    assert email_addresses.normalise(found.normalised) == found.normalised
    assert email_addresses.normalise(found.as_typed) == found.normalised
    assert "\n" not in found.as_typed
    assert "\r" not in found.as_typed


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_rejected(typed: str) -> None:
    with suppress(InvalidEmailAddress):
        assert "@" in email_addresses.normalise(typed)


@pytest.mark.parametrize(
    ("mailbox", "spellings"),
    [
        (
            "jane.doe@example.org",
            ["Jane.Doe@EXAMPLE.org", "jane.doe+psg@example.org", "jane.doe+a+b@example.org"],
        ),
        (
            "janedoe@gmail.com",
            ["j.a.n.e.d.o.e@gmail.com", "JaneDoe+1@googlemail.com", "jane.doe@Gmail.com"],
        ),
        ("jane@outlook.com", ["jane+x@outlook.com"]),
        ("jane@yahoo.co.uk", ["jane-shop@yahoo.co.uk", "jane+x@yahoo.co.uk"]),
        (
            "janedoe@proton.me",
            ["jane.doe@protonmail.com", "jane_doe+1@pm.me", "jane-doe@protonmail.ch"],
        ),
        ("jane@icloud.com", ["jane@me.com", "jane+x@mac.com"]),
        ("jane@fastmail.com", ["any@jane.fastmail.com", "jane+x@fastmail.com"]),
        ("janedoe@yandex.ru", ["jane-doe@ya.ru", "jane.doe@yandex.com"]),
    ],
)
def test_spellings_of_one_mailbox_are_counted_as_one(mailbox: str, spellings: list[str]) -> None:
    assert email_addresses.mailbox_of(mailbox) == mailbox
    assert {email_addresses.mailbox_of(spelt) for spelt in spellings} == {mailbox}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jane.doe@example.org", "janedoe@example.org"),
        ("jane-doe@example.org", "jane@example.org"),
        ("jane@gmail.com", "jane@outlook.com"),
        ("jane@hotmail.com", "jane@outlook.com"),
        ("jane@yahoo.com", "jane@yahoo.co.uk"),
        ("jane@fastmail.com", "jane@other.fastmail.com"),
        ("+x@example.org", "+y@example.org"),
    ],
)
def test_possibly_different_mailboxes_stay_different(one: str, other: str) -> None:
    assert email_addresses.mailbox_of(one) != email_addresses.mailbox_of(other)


@given(st.emails())
def test_every_mailbox_has_a_local_part_and_a_domain(email: str) -> None:
    with suppress(InvalidEmailAddress):
        name, _at, domain = email_addresses.mailbox_of(email).rpartition("@")
        assert name
        assert domain
        assert email_addresses.mailbox_of(email) == email_addresses.mailbox_of(
            email_addresses.normalise(email)
        )
