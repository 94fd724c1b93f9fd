"""Fixtures of the mail tests: a mail server, and a clock that the test sets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from psgflask.core import clock_watch
from psgflask.core.clock_watch import TimeBounds
from tests.mail.mail_server import CERTIFICATE, MailServer


class Clock:
    """Tells the time that a test has set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Let time pass: `forward(minutes=5)`."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Noon on the first of March, until the test sets it on; it has gone right for a day."""
    telling = Clock()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(telling(), telling()))
    return telling


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that takes every mail, until its `at` says otherwise."""
    with MailServer() as running:
        yield running


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the certificate of the tests' mail server be one that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
