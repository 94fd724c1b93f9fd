"""Addresses as people type them, and the one spelling in which they are compared."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.accounts import networks
from psgflask.accounts.networks import AddressUnreadable


@pytest.mark.parametrize(
    ("typed", "same"),
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
    ],
)
def test_one_address_has_one_spelling(typed: str, same: str) -> None:
    assert networks.same(typed) == same
    assert networks.same(same) == same


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "jane", "jane@", "@example.org", "jane@localhost", "jane@example", "a b@x.org"),
        *("jane@@example.org", "jane..doe@example.org", "jane@-x.org", "jane@192.168.0.1"),
        *("jane@example.org\nBcc: all@example.org", "jane\r\n@example.org", "jane@ex\0ample.org"),
        *("jane@example.org, all@example.org", "Jane <jane@example.org>", "jane@psg.invalid"),
        *("x" * 65 + "@example.org", "jane@" + "x." * 130 + "org", "jane\u200b@example.org"),
    ],
)
def test_what_no_mail_could_reach_is_no_address(typed: str) -> None:
    with pytest.raises(AddressUnreadable) as refused:
        networks.read(typed)
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
def test_two_mailboxes_are_never_one_address(one: str, other: str) -> None:
    assert networks.same(one) != networks.same(other)


def test_mails_are_sent_as_the_address_was_typed() -> None:
    assert networks.read(" Jane.Doe@EXAMPLE.org ").written == "Jane.Doe@example.org"


@given(st.emails())
def test_the_spelling_is_stable_and_a_mail_to_it_reaches_the_same_box(email: str) -> None:
    try:
        found = networks.read(email)
    except AddressUnreadable:
        return
    assert networks.same(found.same) == found.same
    assert networks.same(found.written) == found.same
    assert "\n" not in found.written
    assert "\r" not in found.written


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(typed: str) -> None:
    with suppress(AddressUnreadable):
        assert "@" in networks.same(typed)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("unix:", "unknown"),
        ("203.0.113.7, 10.0.0.1", "unknown"),
        ("203.0.113.9:52114", "203.0.113.9"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("[fe80::1%eth0]:80", "fe80::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        (' "203.0.113.9:52114" ', "203.0.113.9"),
        ('"[2001:db8:1:2::1]:443"', "2001:db8:1:2::/64"),
        ("203.0.113.9:", "unknown"),
        ("203.0.113.9:123456", "unknown"),
        ("203.0.113.9:80:80", "unknown"),
        ("203.0.113.999:80", "unknown"),
        ("[203.0.113.9", "unknown"),
        ("[[2001:db8::1]]:443", "unknown"),
        ("203.0.113.09", "unknown"),
        ("٢٠٣.0.113.9:80", "unknown"),
        ("example.org:80", "unknown"),
        ("' OR 1=1 --", "unknown"),
        ("\x00", "unknown"),
    ],
)
def test_a_network_is_an_ipv4_address_or_half_an_ipv6_one(address: str, network: str) -> None:
    assert networks.network_of(address) == network
    assert len(network) <= 45


@pytest.mark.parametrize(
    ("network", "wider"),
    [
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8::/64", "2001:db8::/48"),
        ("203.0.113.7", "203.0.113.0/24"),
        ("unknown", "unknown"),
        ("by command: PSG 1042-9", "by command: PSG 1042-9"),
    ],
)
def test_a_wider_network_is_a_site_or_256_addresses(network: str, wider: str) -> None:
    assert networks.wider(network) == wider
    assert len(wider) <= 45
