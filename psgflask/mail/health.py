"""What `flask doctor` asks of the mail: does it leave, and does any of it lie about?"""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.mail import outbox, transports

# The worker looks every few seconds, and asks a server that is down again within ten minutes.
LATE, TOO_LATE = timedelta(minutes=15), timedelta(hours=1)


def way_out(app: Flask) -> Iterator[Finding]:
    """Does mail reach anybody, and does nobody read it on the way to the server?"""
    host, security = str(app.config["SMTP_HOST"]), str(app.config["SMTP_SECURITY"])
    public = urlsplit(str(app.config["BASE_URL"])).scheme == "https"
    if not host and public:
        text = "No mail server is set: mails are written to instance/outbox, and nobody gets them"
        yield Finding("mail", FAULT, text, "Set SMTP_HOST and what belongs to it in config.py")
    elif not host:
        yield Finding("mail", OK, "Is written to instance/outbox, one .eml file each")
    elif security == transports.PLAIN and not _is_near(host):
        text = f"Goes to {host} in the open, with its links and the password"
        yield Finding("mail", FAULT, text, "SMTP_SECURITY = 'starttls' (587) or 'tls' (465)")
    else:
        text = f"Goes to {host}, port {app.config['SMTP_PORT']}, security: {security}"
        yield Finding("mail", OK, text)


def dead_letters(app: Flask) -> Iterator[Finding]:
    """Was any mail given up?"""
    dead = outbox.standing(db.session(), utc_now()).dead
    if dead:
        advice = "psgflask mail list --state dead says why; psgflask mail retry tries again"
        yield Finding("dead mails", FAULT, f"{dead} could not be delivered", advice)


def waiting(app: Flask) -> Iterator[Finding]:
    """Does mail leave soon after it is due?"""
    now = utc_now()
    found = outbox.standing(db.session(), now)
    age = now - found.overdue_since if found.overdue_since else timedelta()
    if age <= LATE:
        yield Finding("outbox", OK, f"Waiting: {found.waiting}" if found.waiting else "Empty")
        return
    text = f"Waiting: {found.waiting}; one has been due for {_roughly(age)}"
    if found.overdue_error:
        text += f": {found.overdue_error}"
        advice = "Look after the mail server; psgflask mail test ADDRESS tries it"
    else:
        advice = "Start the server, or psgflask worker"
    yield Finding("outbox", FAULT if age > TOO_LATE else ATTENTION, text, advice)


def _is_near(host: str) -> bool:
    """Say whether this is the machine itself: nothing in between reads along."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _roughly(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2 * 24 * 60 else f"{minutes // 60 // 24} days"
