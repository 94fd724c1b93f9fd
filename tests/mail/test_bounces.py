"""Bounces are parsed as each mail server writes them, and no other mail is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.mail.bounces import (
    MAX_ADDRESSES,
    MAX_REASON_LENGTH,
    NoBounce,
    parse_bounce,
)
from tests.mail.bounce_mails import EXIM, LETTER, QMAIL, delivery_status


def test_a_delivery_status_names_the_address_the_reason_and_our_mail() -> None:
    bounce = parse_bounce(delivery_status("ana@example.net", message_id="f00d"))
    assert bounce.addresses == ("ana@example.net",)
    assert bounce.reason == "550 5.1.1 <...>: Recipient address rejected: no such user"
    assert bounce.message_id == "f00d"
    assert bounce.certain


def test_a_bounce_that_was_forwarded_as_an_attachment_is_parsed() -> None:
    inner = delivery_status("ana@example.net", message_id="f00d").decode()
    forwarded = (
        "From: rosa@example.org\nSubject: Fwd: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="outer"\n\n--outer\n\nLook\n--outer\n'
        f"Content-Type: message/rfc822\n\nMessage-ID: <other@mx>\n{inner}\n--outer--\n"
    )
    bounce = parse_bounce(forwarded.encode())
    assert (bounce.addresses, bounce.message_id) == (("ana@example.net",), "f00d")


def test_the_address_that_we_wrote_to_comes_before_the_one_it_was_forwarded_to() -> None:
    bounce = parse_bounce(delivery_status("ana@work.example", original="ana@example.net"))
    assert bounce.addresses == ("ana@example.net", "ana@work.example")


@pytest.mark.parametrize(("mail", "certain"), [(EXIM, True), (QMAIL, False)])
def test_a_bounce_without_a_delivery_status_is_parsed(mail: str, certain: bool) -> None:
    bounce = parse_bounce(mail.format(address="ana@example.net").encode())
    assert bounce.addresses == ("ana@example.net",)
    assert "550" in bounce.reason
    assert bounce.certain is certain


def test_a_mail_that_is_late_is_no_bounce() -> None:
    with pytest.raises(NoBounce, match="late"):
        parse_bounce(delivery_status("ana@example.net", action="delayed", status="4.4.1"))


@pytest.mark.parametrize("content", [b"", b"\0\xff", LETTER.format(address="a@x.org").encode()])
def test_any_other_mail_is_refused(content: bytes) -> None:
    with pytest.raises(NoBounce, match="no bounce"):
        parse_bounce(content)


@given(st.binary(max_size=400), st.integers(0, 700))
def test_any_content_is_no_bounce_or_gives_few_addresses_and_a_short_reason(
    content: bytes, at: int
) -> None:
    whole = delivery_status("ana@example.net")
    for mail in (content, whole[:at] + content + whole[at:], QMAIL.encode() + content):
        try:
            bounce = parse_bounce(mail)
        except NoBounce:
            continue
        assert len(bounce.addresses) <= MAX_ADDRESSES
        assert all("@" in address for address in bounce.addresses)
        assert len(bounce.reason) <= MAX_REASON_LENGTH
        assert bounce.reason.isprintable()
        assert all(map(str.isprintable, bounce.addresses))


@pytest.mark.parametrize("reason", ["550 \x1b[2Jno such user", "550 \x00no", "no such \x9buser"])
def test_a_reason_has_no_control_characters(reason: str) -> None:
    mail = f"From: MAILER-DAEMON@mx.example\nContent-Type: text/plain; charset=utf-8\n\n{reason}\n"
    found = parse_bounce(mail.encode()).reason
    assert "no" in found
    assert found.isprintable()


def test_of_many_addresses_the_first_are_returned() -> None:
    many = " ".join(f"ana{number}@example.net" for number in range(2 * MAX_ADDRESSES))
    mail = f"From: MAILER-DAEMON@mx.example\n\n{many}\n"
    assert len(parse_bounce(mail.encode()).addresses) == MAX_ADDRESSES
