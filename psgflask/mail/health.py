"""Health checks of mail: is it delivered, and does any wait or lie undelivered?"""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.core.networks import is_loopback
from psgflask.core.site_address import site_address
from psgflask.mail import outbox, transports

# The worker sends every few seconds, and tries a server that is down again within ten minutes.
LATE, VERY_LATE = timedelta(minutes=15), timedelta(hours=1)


def check_transport(app: Flask) -> Iterator[Finding]:
    """Check that mail is delivered, and encrypted on the way to the mail server."""
    host, security = str(app.config["SMTP_HOST"]), str(app.config["SMTP_SECURITY"])
    public = urlsplit(site_address(app)).scheme == "https"
    if not host and public:
        text = "No mail server is set: mails are written to instance/outbox, and nobody gets them"
        yield Finding("mail", FAULT, text, "Set SMTP_HOST and what belongs to it in config.py")
    elif not host:
        yield Finding("mail", OK, "Is written to instance/outbox, one .eml file each")
    elif security == transports.PLAIN and not is_loopback(host):
        text = f"Goes to {host} in the open, with its links and the password"
        yield Finding("mail", FAULT, text, "SMTP_SECURITY = 'starttls' (587) or 'tls' (465)")
    else:
        text = f"Goes to {host}, port {app.config['SMTP_PORT']}, security: {security}"
        yield Finding("mail", OK, text)


def check_dead_mails(app: Flask) -> Iterator[Finding]:
    """Check that no mail was given up that can be tried again, and that nobody has dismissed."""
    dead = outbox.status(db.session(), utc_now()).dead
    if dead:
        advice = (
            "psgflask mail list --state dead says why; psgflask mail retry tries again, psgflask"
            " mail dismiss leaves it"
        )
        yield Finding("dead mails", FAULT, f"{dead} could not be delivered", advice)


def check_waiting(app: Flask) -> Iterator[Finding]:
    """Check that mail is sent soon after it is due."""
    now = utc_now()
    status = outbox.status(db.session(), now)
    age = now - status.overdue_since if status.overdue_since else timedelta()
    if age <= LATE:
        yield Finding("outbox", OK, f"Waiting: {status.waiting}" if status.waiting else "Empty")
        return
    text = f"Waiting: {status.waiting}; one has been due for {_rounded(age)}"
    if status.overdue_error:
        text += f": {status.overdue_error}"
        advice = "Look after the mail server; psgflask mail test ADDRESS tries it"
    else:
        advice = "Start the server, or psgflask worker"
    yield Finding("outbox", FAULT if age > VERY_LATE else ATTENTION, text, advice)


def _rounded(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2 * 24 * 60 else f"{minutes // 60 // 24} days"
