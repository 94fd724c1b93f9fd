"""Composes a mail: its text and its HTML part, in its own language, outside any request."""

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

from psgflask.core import personal_data
from psgflask.core.language_names import PREFIXES
from psgflask.core.site_address import site_address
from psgflask.mail import greeting, outbox
from psgflask.mail.models import Message
from psgflask.mail.transports import RenderedMail

WIDTH = 72
MAX_VALUE_LENGTH = 300
NO_BREAK_SPACE = "\xa0"
PAPER_FORM = "/members/join/form"
RIGHTS_PAGE = "/members/rights"
SENDER_NAME = "Peru Support Group"


class NoRecipient(Exception):
    """The mail is for the secretary, whose address is not configured."""


class HeadersBroken(Exception):
    """A value has added a header."""


def compose(app: Flask, message: Message, now: datetime) -> RenderedMail:
    """Compose a mail of the outbox, ready to be sent.

    Raises NoRecipient, HeadersBroken, and what jinja2 raises when a template or one of its
    values is missing.
    """
    recipient = message.recipient
    if recipient == outbox.SECRETARY:
        recipient = str(app.config["SECRETARY_EMAIL"])
        if not recipient:
            raise NoRecipient("SECRETARY_EMAIL is not set")
    subject, text, html = render(app, message.kind, message.language, message.values)
    sender = sender_address(app)
    mail = EmailMessage(policy=SMTP if recipient.isascii() else SMTPUTF8)
    mail["From"] = _address(sender, SENDER_NAME)
    mail["To"] = _address(recipient)
    mail["Subject"] = subject
    mail["Date"] = now
    # The same at every try, so that a duplicate can be recognised.
    mail["Message-ID"] = f"<{message.message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: no automatic reply, please
    mail["X-Auto-Response-Suppress"] = "All"  # for Exchange
    if app.config["CONTACT_EMAIL"]:
        mail["Reply-To"] = _address(str(app.config["CONTACT_EMAIL"]))
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = message.language  # last, or it goes to the first part
    name = f"{message.id:06}-{message.kind}-{message.message_id[:8]}"
    return RenderedMail(message.id, name, sender, recipient, _serialised(mail))


def render(app: Flask, kind: str, language: str, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Render the subject, the text and the HTML of a kind of mail in a language."""
    with app.app_context(), force_locale(language):
        base = site_address(app) + PREFIXES[language]
        context = {
            **{name: _one_line(value) for name, value in values.items()},
            "name": displayed_name(values.get("name", "")),
            **_link(app, values),
            "language": language,
            "site_address": f"{base}/",
            "paper_form": base + PAPER_FORM,
            "contact": app.config["CONTACT_EMAIL"],
            "rights_page": base + RIGHTS_PAGE,
            "ico": personal_data.ICO,
        }
        templates = _templates(app)
        source = templates.get_template(f"mail/{kind}.txt").render(
            {name: _no_breaks(value) for name, value in context.items()}
        )
        heading, _end, text = source.partition("\n")
        subject = heading.replace(NO_BREAK_SPACE, " ").strip()
        html = templates.get_template(f"mail/{kind}.html").render(
            context, subject=subject, heading=heading.strip()
        )
    return subject, wrap(text), html


def displayed_name(name: object) -> str:
    """Return a name that is safe to greet by, or nothing: anybody may have typed it."""
    text = str(_one_line(name))
    return text if greeting.is_name(text) else ""


def _link(app: Flask, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the link of a mail, if it has one, with the site's address in front of a path.

    Whoever enqueued the mail may not have known where the site is served.
    """
    link = values.get("link")
    if not isinstance(link, str) or not link.startswith("/"):
        return {}
    return {"link": site_address(app) + link}


def wrap(text: str) -> str:
    """Wrap a text at 72 characters; addresses are not broken."""
    lines = [
        textwrap.fill(line.strip(), WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.strip().splitlines()
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace(NO_BREAK_SPACE, " ") + "\n"


def sender_address(app: Flask) -> str:
    """Return the sender's address: MAIL_FROM, or a no-reply address."""
    return str(app.config["MAIL_FROM"]) or f"no-reply@{local_hostname(app)}"


def local_hostname(app: Flask) -> str:
    """Return the host name for EHLO and Message-ID."""
    host = urlsplit(site_address(app)).hostname or ""
    return host if re.search(r"\.[a-z]", host) else "localhost"


def _serialised(mail: EmailMessage) -> bytes:
    """Serialise a mail, and check that its headers are exactly those that we set."""
    content = mail.as_bytes()
    head = content.partition(b"\r\n\r\n")[0].decode("utf-8").split("\r\n")
    names = [line.partition(":")[0] for line in head if not line.startswith((" ", "\t"))]
    if names != mail.keys():
        raise HeadersBroken
    return content


def _address(address: str, name: str = "") -> Address:
    local_part, _at, domain = address.rpartition("@")
    return Address(name, username=local_part, domain=domain)


def _one_line(value: object) -> object:
    """Turn a text into one line of bounded length."""
    if not isinstance(value, str):
        return value
    text = "".join(c if c.isprintable() else " " for c in value)
    # Python decodes an encoded word (RFC 2047) in a subject, with the line breaks encoded in it.
    return " ".join(text.replace("=?", "= ?").split())[:MAX_VALUE_LENGTH]


def _no_breaks(value: object) -> object:
    """Prevent line breaks within a value such as "PSG 1042-7"."""
    return value.replace(" ", NO_BREAK_SPACE) if isinstance(value, str) else value


def _templates(app: Flask) -> Environment:
    """Return the site's Jinja environment, with StrictUndefined."""
    environment: Environment | None = app.extensions.get("psg_mail_templates")
    if environment is None:
        environment = app.jinja_env.overlay(undefined=StrictUndefined)
        app.extensions["psg_mail_templates"] = environment
    return environment
