"""S4: who applies gets the same response for the same work, whether we know the address or not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from psgflask.accounts import email_confirmation
from psgflask.core.database import Model, db
from psgflask.mail.models import Message
from tests.members.joining_form import PERSON, Applicant, Clock
from tests.statements import statements


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("psgflask.members.web.views", "psgflask.accounts.views"):
        monkeypatch.setattr(f"{module}.utc_now", clock)
    return clock


@pytest.fixture
def site(make_app: Callable[..., Flask]) -> Flask:
    return make_app(TRUSTED_PROXIES=1)


def person(name: str, postcode: str, email: str) -> dict[str, Any]:
    return {**PERSON, "name": name, "postcode": postcode, "email": email}


# Who has applied before, and whether the address was confirmed then.
BEFORE = [
    (person("Known Somebody", "LS1 4DY", "known@example.org"), True),
    (person("Waiting Somebody", "LS2 4DY", "waiting@example.org"), False),
    (person("Ana Somebody", "LS3 4DY", "ana@example.org"), True),
]
# Who applies now.
NOW = {
    "somebody new": person("New Somebody", "LS9 9DY", "new@example.org"),
    "a confirmed address": person("New Somebody", "LS9 9DY", "KNOWN@example.org"),
    "an address that waits": person("New Somebody", "LS9 9DY", "waiting@example.org"),
    "a name and postcode that we know": person("Ana Somebody", "ls34dy", "newer@example.org"),
    "somebody known in every way": BEFORE[0][0],
}


def applies(site: Flask, clock: Clock, number: int, typed: dict[str, Any]) -> dict[str, object]:
    """Send an application from a network of its own; return the response and what it cost."""
    applicant = Applicant(site.test_client(), clock)
    applicant.headers = {"X-Forwarded-For": f"203.0.113.{number}"}
    response = applicant.to_check(typed)
    clock.on(seconds=60)
    before = rows(site)
    with statements() as sent_statements:
        sent = applicant.press(response)
    after = rows(site)
    page = applicant.client.get(sent.headers["Location"])
    cookies = applicant.client._cookies or {}
    return {
        "status": (sent.status_code, page.status_code),
        "headers": [(k, _plain(v)) for k, v in (*sent.headers, *page.headers)],
        "pages": (_plain(sent.text), _plain(page.text)),
        "cookies": sorted(cookie.key for cookie in cookies.values()),
        "rows": {name: after[name] - before[name] for name in after},
        "statements": sent_statements,
    }


def _plain(text: str) -> str:
    """Take out of an response what is each application's own: the number, and what is sealed."""
    text = re.sub(r"PSG \d+-\d", "PSG ...", text)
    text = re.sub(r"(/(?:sent|mandate)/)[\w.-]+", r"\1...", text)
    return re.sub(r"^\d+$", "...", text)  # a length


def rows(site: Flask) -> dict[str, int]:
    with site.app_context():
        return {
            name: db.session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Model.metadata.tables.items()
        }


def test_s4_every_applicant_gets_the_same_response_from_the_same_statements(
    site: Flask, clock: Clock
) -> None:
    for number, (typed, confirmed) in enumerate(BEFORE):
        applies(site, clock, number, typed)
        if confirmed:
            with site.app_context():
                link = db.session.scalars(
                    select(Message.values)
                    .where(Message.kind == "verify")
                    .order_by(Message.id.desc())
                ).first()
                assert link is not None
                email_confirmation.confirm(
                    db.session(), link["link"].rpartition("/")[2], now=clock.now
                )
                db.session.commit()
    clock.on(days=2)
    seen = {
        who: applies(site, clock, 100 + number, typed)
        for number, (who, typed) in enumerate(NOW.items())
    }
    first = seen["somebody new"]
    assert first["status"] == (303, 200)
    for who, outcome in seen.items():
        for part, value in outcome.items():
            assert value == first[part], (who, part)
    with site.app_context():
        kinds = db.session.scalars(select(Message.kind).where(Message.kind.like("verify%"))).all()
    assert "verify_known" in kinds
