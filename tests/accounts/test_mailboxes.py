"""S3: a mailbox is counted as one, however its provider lets its address be spelt."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.accounts import mailboxes, networks
from psgflask.accounts.networks import AddressUnreadable


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
def test_spellings_that_reach_one_mailbox_are_one(mailbox: str, spellings: list[str]) -> None:
    assert mailboxes.of(mailbox) == mailbox
    assert {mailboxes.of(spelt) for spelt in spellings} == {mailbox}


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
def test_what_may_be_two_mailboxes_stays_two(one: str, other: str) -> None:
    assert mailboxes.of(one) != mailboxes.of(other)


@given(st.emails())
def test_every_address_has_a_mailbox_with_a_name_and_a_domain(email: str) -> None:
    with suppress(AddressUnreadable):
        name, _at, domain = mailboxes.of(email).rpartition("@")
        assert name
        assert domain
        assert mailboxes.of(email) == mailboxes.of(networks.same(email))
