"""Bounces: mails that say that another one could not be delivered (RFC 3464), saved as files."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message

MAX_BOUNCE_SIZE = 5_000_000  # bytes
MAX_REASON_LENGTH = 300
# What mail programs call themselves that send bounces.
BOUNCERS = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon)@?", re.IGNORECASE)
ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"@]{1,64}@[^\s<>()\[\]:;,\"@]{1,255}")
# Exim's header, which Gmail writes too.
FAILED_RECIPIENTS = "X-Failed-Recipients"
MAX_ADDRESSES = 50


class NoBounce(ValueError):
    """A file that is no bounce, or one about a mail that is only late; the message says which."""


@dataclass(frozen=True)
class Bounce:
    """What a bounce says: which addresses failed, why, and the first half of the Message-ID.

    `certain` is False when the addresses are all those in its text: one of them failed.
    """

    addresses: tuple[str, ...]
    reason: str
    message_id: str
    certain: bool = True


def parse_bounce(content: bytes) -> Bounce:
    """Return what a bounce says. Raises NoBounce."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    reports = list(_recipient_reports(mail))
    message_id = _original_message_id(mail)
    if reports:
        failed = [one for one in reports if _is_failure(one)]
        if not failed:
            raise NoBounce("It says that a mail is late, not that it came back")
        # The address that we wrote to comes before the one that it was forwarded to.
        names = ("Original-Recipient", "Final-Recipient")
        addresses = [_field(one, name) for one in failed for name in names]
        reason = _field(failed[0], "Diagnostic-Code") or _field(failed[0], "Status")
        return Bounce(_addresses(addresses), _reason(reason), message_id)
    if header := str(mail.get(FAILED_RECIPIENTS, "")):
        return Bounce(_addresses([header]), _reason(_text(mail)), message_id)
    if not _is_from_a_bouncer(mail):
        raise NoBounce("It is no bounce: save the mail that says what could not be delivered")
    text = _text(mail)
    return Bounce(_addresses([text]), _reason(text), message_id, certain=False)


def _recipient_reports(mail: EmailMessage) -> Iterator[Message]:
    """Yield the fields about each recipient (RFC 3464, 2.3)."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            for block in blocks if isinstance(blocks, list) else ():
                if isinstance(block, Message) and "Final-Recipient" in block:
                    yield block


def _is_failure(report: Message) -> bool:
    """Say whether a recipient failed for good; `delayed` is another action (RFC 3464, 2.3.3)."""
    action = _field(report, "Action").casefold()
    return action == "failed" or (not action and _field(report, "Status").startswith("5"))


def _field(report: Message, name: str) -> str:
    """Return a field without its type: "rfc822; ana@example.org" gives the address."""
    kind, semicolon, value = str(report.get(name, "")).partition(";")
    return " ".join((value if semicolon else kind).split())


def _original_message_id(mail: EmailMessage) -> str:
    """Return the left half of the Message-ID of the mail that came back, if it is in there.

    That is the innermost one: somebody may have forwarded the bounce as an attachment.
    """
    found = ""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            original = email.message_from_bytes(text if isinstance(text, bytes) else b"")
        elif kind == "message/rfc822" and isinstance(part.get_payload(), list):
            original = part.get_payload(0)  # type: ignore[assignment]  # of one message
        else:
            continue
        found = str(original.get("Message-ID", "")).strip(" <>\r\n").partition("@")[0]
    return found


def _is_from_a_bouncer(mail: EmailMessage) -> bool:
    null_sender = str(mail.get("Return-Path", "")).replace(" ", "") == "<>"
    return null_sender or BOUNCERS.search(str(mail.get("From", ""))) is not None


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    try:
        return str(body.get_content()) if body is not None else ""
    except (LookupError, ValueError):  # an unknown character set
        return ""


def _addresses(texts: list[str]) -> tuple[str, ...]:
    found = [match for text in texts for match in ADDRESS.findall(_printable(text))]
    return tuple(dict.fromkeys(found))[:MAX_ADDRESSES]


def _printable(text: str) -> str:
    """Return a text without control characters and the like: it is shown in a terminal."""
    return "".join(one if one.isprintable() else " " for one in text)


def _reason(text: str) -> str:
    """Return the first line with an SMTP reply or status, without addresses; else the beginning."""
    cleaned = (" ".join(_printable(line).split()) for line in text.splitlines())
    lines = [line for line in cleaned if line]
    telling = next((one for one in lines if re.search(r"\b5\d\d\b|\b5\.\d+\.\d+", one)), "")
    return ADDRESS.sub("...", telling or " ".join(lines[:3]))[:MAX_REASON_LENGTH]
