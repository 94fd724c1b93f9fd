"""What `flask doctor` and a monitor learn of the mail."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.mail import health, outbox
from psgflask.ops.health import HEALTH_CHECKS, READINESS_CHECKS
from tests.mail.mails import post

PUBLIC = {"BASE_URL": "https://www.psg.example"}
SERVER = {"SMTP_HOST": "mail.example", "MAIL_FROM": "site@psg.example"}


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, OK),
        (PUBLIC, FAULT),
        ({**PUBLIC, **SERVER}, OK),
        ({**PUBLIC, **SERVER, "SMTP_SECURITY": "tls", "SMTP_PORT": 465}, OK),
        ({**PUBLIC, **SERVER, "SMTP_SECURITY": "none"}, FAULT),
        ({**PUBLIC, **SERVER, "SMTP_SECURITY": "none", "SMTP_HOST": "127.0.0.1"}, OK),
        ({**PUBLIC, **SERVER, "SMTP_SECURITY": "none", "SMTP_HOST": "localhost"}, OK),
    ],
)
def test_the_doctor_says_whether_mail_reaches_anybody_and_unread(
    make_app: Callable[..., Flask], settings: dict[str, object], state: str
) -> None:
    (finding,) = health.check_transport(make_app(**settings))
    assert finding.state == state
    assert bool(finding.advice) == (state != OK)


def waiting(app: Flask) -> Finding:
    (finding,) = health.check_waiting(app)
    return finding


def test_the_doctor_says_since_when_mail_waits_and_why(app: Flask, session: Session) -> None:
    assert (waiting(app).state, waiting(app).text) == (OK, "Empty")
    message = post(session, utc_now())
    assert waiting(app).state == OK
    message.due_at = utc_now() - timedelta(minutes=20)
    session.commit()
    assert waiting(app).state == ATTENTION
    assert "20 minutes" in waiting(app).text
    assert "worker" in waiting(app).advice
    message.due_at = utc_now() - timedelta(hours=26)
    message.error = "ConnectionRefusedError: Connection refused"
    session.commit()
    assert waiting(app).state == FAULT
    assert "26 hours: ConnectionRefusedError" in waiting(app).text
    assert "mail server" in waiting(app).advice


def test_a_refused_mail_that_will_be_retried_is_not_reported_as_a_failure(
    app: Flask, session: Session
) -> None:
    message = post(session, utc_now() - timedelta(days=2))
    message.due_at = utc_now() + timedelta(hours=12)
    session.commit()
    assert waiting(app) == Finding("outbox", OK, "Waiting: 1")


def test_r12_dead_mails_are_reported_until_they_are_retried(app: Flask, session: Session) -> None:
    message = post(session, utc_now())
    outbox.mark_dead(session, message.id, error="550 no", now=utc_now())
    session.commit()
    (finding,) = health.check_dead_mails(app)
    assert finding.state == FAULT
    assert "mail list --state dead" in finding.advice
    outbox.retry(session, message.id, now=utc_now())
    session.commit()
    assert list(health.check_dead_mails(app)) == []


def test_the_doctor_checks_all_of_it_and_monitors_what_waits() -> None:
    asked = {health.check_transport, health.check_waiting, health.check_dead_mails}
    assert asked <= set(HEALTH_CHECKS)
    assert health.check_waiting in READINESS_CHECKS
    assert health.check_dead_mails not in READINESS_CHECKS  # no reason to turn visitors away
