"""S17: line breaks typed into any field reach no header of any mail, by a real mail server."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from psgflask.core.database import db
from psgflask.mail import worker_task as mail_task
from psgflask.members.models import Person
from psgflask.members.web import views
from tests.mail.mail_server import MailServer
from tests.members.joining_form import HOUSEHOLD, ORGANISATION, PERSON, Applicant, Clock

BREAKS = ("\r\n", "\n", "\r", "%0d%0a", "\u2028", "\x85", "\x0b")
FIELDS = {"name", "organisation", "household", "email", "phone", "address", "postcode"}
INJECTED = "Bcc: evil@evil.example{0}Subject: Cheap pills{0}{0}Buy <b>now</b>"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(views, "utc_now", clock)
    return clock


def plain(typed: str) -> str:
    """Return what may not be in a name by itself without the reason of this test."""
    return typed.replace("evil@evil.example", "evil at evil")


@pytest.mark.parametrize("line_break", BREAKS, ids=repr)
def test_s17_every_mail_has_one_recipient_and_whole_headers_whatever_was_typed(
    make_app: Callable[..., Flask], clock: Clock, line_break: str
) -> None:
    with MailServer() as server:
        settings = server.settings(SECRETARY_EMAIL="secretary@psg.example", TRUSTED_PROXIES=1)
        app = make_app(**settings)
        injected = line_break + INJECTED.format(line_break)
        sent = 0
        for network, whole in enumerate((PERSON, HOUSEHOLD, ORGANISATION)):
            applicant = Applicant(app.test_client(), clock)
            check = applicant.to_check(whole)
            for field in FIELDS & set(whole):
                clock.on(minutes=20)  # or they are only counted for the secretary
                applicant.headers = {"X-Forwarded-For": f"203.0.{network}.{sent}"}
                typed = {"email": f"rosa{network}{sent}@example.org"}
                typed[field] = str(whole[field]) + (
                    injected if field == "email" else plain(injected)
                )
                response = applicant.press(check, typed, stamp=applicant.fresh())
                if response.status_code == 303:
                    sent += 1
                else:
                    assert field in {"email", "phone", "postcode"}
                    assert response.status_code == 400
        assert sent >= 6
        mail_task.run(app)
        assert len(server.arrived) == 2 * sent
        for arrived in server.arrived:
            mail = arrived.mail
            [recipient] = arrived.recipients
            assert recipient.startswith(("rosa", "secretary@"))
            assert "evil" not in recipient
            assert mail["To"] == recipient
            assert mail["Bcc"] is None
            assert len(mail.get_all("Subject", [])) == 1
            assert "pills" not in str(mail["Subject"])
            assert "Reply-To" not in mail or "evil" not in str(mail["Reply-To"])
            assert b"<b>now</b>" not in arrived.content
        with app.app_context():
            for person in db.session.scalars(select(Person)):
                assert not set("\r\n\x0b\x85\u2028") & set(person.name + person.organisation)
