"""Draws a mail: its text and its HTML part, in its own language, outside any request."""

import re
import textwrap
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask_babel import force_locale
from jinja2 import Environment, StrictUndefined

from psgflask.mail import greeting, outbox
from psgflask.mail.models import Message
from psgflask.mail.transports import Letter
from psgflask.web import languages

WIDTH = 72
LONGEST_VALUE = 300
HELD = "\xa0"  # a space where no line is broken
PAPER_FORM = "/members/join/form"
SENDER = "Peru Support Group"


class NobodyToTell(Exception):
    """The mail is for the secretary, whose address is not configured."""


class HeadersBroken(Exception):
    """A value has made a header of its own."""


def compose(app: Flask, message: Message, now: datetime) -> Letter:
    """Draw a mail of the outbox as it leaves.

    Raises NobodyToTell, HeadersBroken, and what jinja2 raises when a template or one of its
    values is missing.
    """
    recipient = message.recipient
    if recipient == outbox.SECRETARY:
        recipient = str(app.config["SECRETARY_EMAIL"])
        if not recipient:
            raise NobodyToTell("SECRETARY_EMAIL is not set")
    subject, text, html = draw(app, message.kind, message.language, message.values)
    sender = sender_of(app)
    mail = EmailMessage(policy=SMTP if recipient.isascii() else SMTPUTF8)
    mail["From"] = _address(sender, SENDER)
    mail["To"] = _address(recipient)
    mail["Subject"] = subject
    mail["Date"] = now
    # The same however often it is tried: whoever gets it twice can tell.
    mail["Message-ID"] = f"<{message.message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: no machine is to answer
    mail["X-Auto-Response-Suppress"] = "All"  # what Exchange heeds instead
    if app.config["CONTACT_EMAIL"]:
        mail["Reply-To"] = _address(str(app.config["CONTACT_EMAIL"]))
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = message.language  # now: what stood before went to the first part
    name = f"{message.id:06}-{message.kind}-{message.message_id[:8]}"
    return Letter(message.id, name, sender, recipient, _checked(mail))


def draw(app: Flask, kind: str, language: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the subject, the text and the HTML of a kind of mail in a language."""
    with app.app_context(), force_locale(language):
        base = str(app.config["BASE_URL"]).rstrip("/") + languages.PREFIXES[language]
        shown = {
            **{name: _one_line(value) for name, value in values.items()},
            "name": greeted(values.get("name", "")),
            "language": language,
            "site_address": f"{base}/",
            "paper_form": base + PAPER_FORM,
            "contact": app.config["CONTACT_EMAIL"],
        }
        templates = _templates(app)
        whole = templates.get_template(f"mail/{kind}.txt").render(
            {name: _unbroken(value) for name, value in shown.items()}
        )
        heading, _end, text = whole.partition("\n")
        subject = heading.replace(HELD, " ").strip()
        html = templates.get_template(f"mail/{kind}.html").render(
            shown, subject=subject, heading=heading.strip()
        )
    return subject, wrapped(text), html


def greeted(name: object) -> str:
    """Return a name that a mail may say, or nothing: strangers type it, with others' addresses."""
    text = str(_one_line(name))
    return text if greeting.is_name(text) else ""


def wrapped(text: str) -> str:
    """Break the lines of a text at 72 characters; an address stays whole, on its own line."""
    lines = [
        textwrap.fill(line.strip(), WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.strip().splitlines()
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace(HELD, " ") + "\n"


def sender_of(app: Flask) -> str:
    """Return the address that mails come from; without MAIL_FROM one that cannot be answered."""
    return str(app.config["MAIL_FROM"]) or f"no-reply@{own_name(app)}"


def own_name(app: Flask) -> str:
    """Return the name of this site's host, as mail knows it."""
    host = urlsplit(str(app.config["BASE_URL"])).hostname or ""
    return host if re.search(r"\.[a-z]", host) else "localhost"


def _checked(mail: EmailMessage) -> bytes:
    """Return the mail as it leaves, once its head is seen to hold the headers that we set."""
    content = mail.as_bytes()
    head = content.partition(b"\r\n\r\n")[0].decode("utf-8").split("\r\n")
    names = [line.partition(":")[0] for line in head if not line.startswith((" ", "\t"))]
    if names != mail.keys():
        raise HeadersBroken
    return content


def _address(address: str, name: str = "") -> Address:
    mailbox, _at, domain = address.rpartition("@")
    return Address(name, username=mailbox, domain=domain)


def _one_line(value: object) -> object:
    """Let a text that was handed over be one line, and no longer than a line should be."""
    if not isinstance(value, str):
        return value
    text = "".join(c if c.isprintable() else " " for c in value)
    # Python decodes an encoded word (RFC 2047) in a subject, with the line breaks encoded in it.
    return " ".join(text.replace("=?", "= ?").split())[:LONGEST_VALUE]


def _unbroken(value: object) -> object:
    """Let no line of the text part end in the middle of a value such as "PSG 1042-7"."""
    return value.replace(" ", HELD) if isinstance(value, str) else value


def _templates(app: Flask) -> Environment:
    """Return the site's templates, where a value that is missing is a fault and no blank."""
    kept: Environment | None = app.extensions.get("psg_mail_templates")
    if kept is None:
        kept = app.jinja_env.overlay(undefined=StrictUndefined)
        app.extensions["psg_mail_templates"] = kept
    return kept
