"""Bounces are parsed as each mail server writes them, and no other mail is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.mail.bounces import NoBounce, parse_bounce
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
def test_no_content_makes_an_error_that_is_not_expected(content: bytes, at: int) -> None:
    whole = delivery_status("ana@example.net")
    for mail in (content, whole[:at] + content + whole[at:], QMAIL.encode() + content):
        try:
            parse_bounce(mail)
        except NoBounce:
            continue
