"""Mail: the outbox, the sender, and what mails look like."""

from flask import Flask

from psgflask.core.config import ConfigurationRefused
from psgflask.mail import commands, sending, transports
from psgflask.mail import models as models  # its tables are the database's, whoever asks
from psgflask.mail.outbox import ONE_ADDRESS

ADDRESSES = ("MAIL_FROM", "SECRETARY_EMAIL", "CONTACT_EMAIL")


def init_app(app: Flask) -> None:
    """Open the room. Raises ConfigurationRefused for settings that no mail could be sent by."""
    _check(app)
    app.extensions["psg_mail"] = sending.Post()
    commands.init_app(app)


def _check(app: Flask) -> None:
    settings = app.config
    for name in ADDRESSES:
        if settings[name] and not ONE_ADDRESS.fullmatch(settings[name]):
            raise ConfigurationRefused(
                f"{name} must be one e-mail address, such as psg@example.org"
            )
    if settings["SMTP_SECURITY"] not in transports.SECURITIES:
        raise ConfigurationRefused("SMTP_SECURITY must be starttls, tls or none")
    if not 0 < settings["SMTP_PORT"] < 65536:
        raise ConfigurationRefused("SMTP_PORT must be a port, usually 587 (starttls) or 465 (tls)")
    if settings["SMTP_TIMEOUT"] < 1:
        raise ConfigurationRefused("SMTP_TIMEOUT must be a number of seconds, at least 1")
    if settings["SMTP_HOST"] and not settings["MAIL_FROM"]:
        raise ConfigurationRefused("MAIL_FROM is missing: a mail server wants to know the sender")
