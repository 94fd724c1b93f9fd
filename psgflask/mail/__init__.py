"""Mail: the outbox, its worker task, and how mails are composed and transported."""

from flask import Flask

from psgflask.core import redaction
from psgflask.core.config import ConfigurationRefused
from psgflask.mail import commands, outbox, transports, worker_task
from psgflask.mail import models as models  # registers the table
from psgflask.mail.outbox import is_single_address

ADDRESSES = ("MAIL_FROM", "SECRETARY_EMAIL", "CONTACT_EMAIL")


def init_app(app: Flask) -> None:
    """Register the package with the app. Raises ConfigurationRefused for invalid mail settings."""
    _check(app)
    app.extensions["psg_mail"] = worker_task.SenderState()
    commands.init_app(app)
    redaction.register_rows(app, outbox.redact)


def _check(app: Flask) -> None:
    settings = app.config
    for name in ADDRESSES:
        if settings[name] and not is_single_address(settings[name]):
            raise ConfigurationRefused(
                f"{name} must be one e-mail address in plain characters, such as psg@example.org"
            )
    if settings["SMTP_SECURITY"] not in transports.SECURITY_MODES:
        raise ConfigurationRefused("SMTP_SECURITY must be starttls, tls or none")
    if not 0 < settings["SMTP_PORT"] < 65536:
        raise ConfigurationRefused("SMTP_PORT must be a port, usually 587 (starttls) or 465 (tls)")
    if settings["SMTP_TIMEOUT"] < 1:
        raise ConfigurationRefused("SMTP_TIMEOUT must be a number of seconds, at least 1")
    if settings["SMTP_HOST"] and not settings["MAIL_FROM"]:
        raise ConfigurationRefused("MAIL_FROM is missing: a mail server wants to know the sender")
