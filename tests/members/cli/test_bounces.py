"""A bounce is recorded on the person, by a volunteer or by the mail server's refusal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.findings import ATTENTION
from psgflask.mail import outbox, worker_task
from psgflask.mail.models import DEAD, Message
from psgflask.mail.transports import MailRejected, RenderedMail
from psgflask.members import audit
from psgflask.members.models import Person
from psgflask.ops import doctor
from tests.mail.bounce_mails import EXIM, LETTER, QMAIL, delivery_status
from tests.members.people import applied, link_of, verified

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `flask` with some words."""

    def run(*words: str, fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=words)
        assert (result.exit_code != 0) == fails, result.output
        return result

    return run


class Refusing:
    """A mail server that refuses every mail for good."""

    def send(self, mail: RenderedMail) -> None:
        raise MailRejected("550 5.1.1 no such user", code=550, permanent=True)

    def close(self) -> None:
        pass


@pytest.fixture
def ana(session: Session) -> Person:
    """Somebody whose address is ana@example.net."""
    applied(session, name="Luz Mamani", email="luz@example.net")
    application = applied(session, name="Ana Torres", email="ana@example.net")
    link_of(session, application, now=utc_now())
    person = application.person
    session.commit()
    return person


def link_mail(session: Session, person: Person) -> Message:
    query = select(Message).where(Message.about == person.number, Message.kind == "verify")
    return session.scalars(query).one()


def bounce_of(session: Session, person: Person) -> str:
    session.rollback()
    session.refresh(person)
    assert (person.bounced_at is None) == (person.bounce_reason == "")
    return person.bounce_reason


@pytest.mark.parametrize("who", ["ana@example.net", " ANA@Example.net", "1002"])
def test_a_bounce_recorded_by_address_or_number_shows_on_the_person(
    run: Run, session: Session, ana: Person, who: str
) -> None:
    who = ana.number if who == "1002" else who
    output = run("members", "bounced", who, "--reason", "mailbox full", "--by", "rosa").output
    assert f"Mail to Ana Torres ({ana.number}) comes back: mailbox full" in output
    assert "bounce: mailbox full" in run("members", "show", ana.number).output
    day = str(utc_now().date())[:4]
    for words in (("find", "ana"), ("list",), ("list", "--bounced")):
        assert day in run("members", *words).output
    listed = run("members", "list", "--bounced").output
    assert ana.number in listed
    assert "Luz" not in listed
    session.rollback()
    assert audit.entries(session, ana.number)[-1].who == "rosa"


def test_doctor_counts_the_people_whose_mail_comes_back_as_no_fault(
    app: Flask, run: Run, session: Session, ana: Person, tmp_path: Path
) -> None:
    run("members", "bounced", ana.number)
    told = json.loads(app.test_cli_runner().invoke(args=["doctor", "--json"]).stdout)
    [found] = (one for one in told if one["subject"] == "bounces")
    assert (found["state"], found["text"]) == (ATTENTION, "People whose mail comes back: 1")
    run("members", "export", str(tmp_path / "all.csv"))
    lines = (tmp_path / "all.csv").read_text("utf-8-sig").splitlines()
    [bounced] = (line for line in lines if "Ana Torres" in line)
    assert not bounced.endswith('""')


@pytest.mark.parametrize(
    "content",
    [
        delivery_status("ana@example.net"),
        delivery_status("ana@work.example", original="ana@example.net"),
        EXIM.format(address="ana@example.net").encode(),
        QMAIL.format(address="ana@example.net").encode(),
    ],
)
def test_a_saved_bounce_is_recorded_with_its_reason(
    run: Run, session: Session, ana: Person, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "bounce.eml"
    file.write_bytes(content)
    run("members", "bounced", str(file))
    assert "550" in bounce_of(session, ana)


def test_a_bounce_of_a_forwarded_mail_is_found_by_our_message_id(
    run: Run, session: Session, ana: Person, tmp_path: Path
) -> None:
    mail = link_mail(session, ana)
    file = tmp_path / "bounce.eml"
    file.write_bytes(delivery_status("someone@work.example", message_id=mail.message_id))
    run("members", "bounced", str(file))
    assert bounce_of(session, ana)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (delivery_status("nobody@example.net"), "nobody has that"),
        (delivery_status("ana@example.net", action="delayed", status="4.4.1"), "late"),
        (LETTER.format(address="ana@example.net").encode(), "no bounce"),
        (QMAIL.format(address="ana@example.net> <luz@example.net").encode(), "the address that"),
    ],
)
def test_a_file_about_nobody_or_no_bounce_records_nothing(
    run: Run, session: Session, ana: Person, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "bounce.eml"
    file.write_bytes(content)
    assert words in run("members", "bounced", str(file), fails=True).output
    assert bounce_of(session, ana) == ""


def test_a_bounce_of_somebody_who_was_joined_is_that_of_whom_they_were_joined_to(
    run: Run, session: Session, ana: Person, tmp_path: Path
) -> None:
    other = applied(session, name="Ana Torres", email="ana@example.net").person
    numbers = other.number, ana.number
    session.commit()
    run("members", "join", *numbers)
    for who in ("ana@example.net", numbers[1]):
        run("members", "bounced", who)
    assert "was joined to" in run("members", "bounced", numbers[0], fails=True).output
    assert bounce_of(session, ana)


def test_an_unknown_address_is_told(run: Run, ana: Person) -> None:
    output = run("members", "bounced", "anna@example.net", fails=True).output
    assert "Nobody has the address anna@example.net" in output


def test_a_bounce_is_cleared_by_the_command_or_by_another_address(
    run: Run, session: Session, ana: Person
) -> None:
    run("members", "bounced", ana.number)
    run("members", "bounced", ana.number, "--clear")
    assert bounce_of(session, ana) == ""
    assert "No bounce" in run("members", "bounced", ana.number, "--clear", fails=True).output
    run("members", "bounced", ana.number)
    run("members", "correct", ana.number, "--phone", "0113 496 0001")
    assert bounce_of(session, ana)
    run("members", "correct", ana.number, "--email", "ana@example.com")
    assert bounce_of(session, ana) == ""


def test_an_address_that_is_confirmed_has_no_bounce(
    run: Run, session: Session, ana: Person
) -> None:
    run("members", "bounced", ana.number)
    session.rollback()
    verified(session, ana.applications[0], now=utc_now())
    session.commit()
    assert bounce_of(session, ana) == ""


def test_a_bounce_of_the_secretary_s_mail_is_not_recorded_on_the_applicant(
    run: Run, session: Session, ana: Person, tmp_path: Path
) -> None:
    query = select(Message).where(Message.recipient == outbox.SECRETARY)
    mail = session.scalars(query.order_by(Message.id.desc())).first()
    assert mail is not None
    file = tmp_path / "bounce.eml"
    file.write_bytes(delivery_status("secretary@example.org", message_id=mail.message_id))
    run("members", "bounced", str(file), fails=True)
    assert bounce_of(session, ana) == ""


def test_another_link_answers_one_that_could_not_be_delivered(
    app: Flask, session: Session, ana: Person
) -> None:
    worker_task.run(app, transport=Refusing())
    dead = link_mail(session, ana)
    link_of(session, ana.applications[0], now=utc_now())
    session.refresh(dead)
    assert dead.dismissed_at is not None


def test_a_mail_that_the_server_refuses_shows_on_the_person_and_is_answered_by_another(
    app: Flask, run: Run, session: Session, ana: Person
) -> None:
    worker_task.run(app, transport=Refusing())
    assert bounce_of(session, ana) == "550 5.1.1 no such user"
    assert audit.entries(session, ana.number)[-1].who == "mail server"
    dead = link_mail(session, ana)
    assert (dead.state, dead.dismissed_at) == (DEAD, None)
    run("members", "correct", ana.number, "--email", "ana@example.com")
    session.refresh(dead)
    assert dead.dismissed_at is not None


def test_a_late_bounce_of_an_address_that_was_corrected_is_not_that_of_the_new_one(
    run: Run, session: Session, ana: Person, tmp_path: Path
) -> None:
    file = tmp_path / "bounce.eml"
    message_id = link_mail(session, ana).message_id
    file.write_bytes(delivery_status("ana@work.example", message_id=message_id))
    run("members", "correct", ana.number, "--phone", "0113 496 0001")
    run("members", "bounced", str(file))
    assert bounce_of(session, ana), "another correction changes no address"
    run("members", "correct", ana.number, "--email", "ana@example.com")
    output = run("members", "bounced", str(file), fails=True).output
    assert "It names ana@work.example: nobody has that" in output
    assert bounce_of(session, ana) == ""


def test_a_shared_address_is_cleared_for_those_who_have_a_bounce(
    run: Run, session: Session, ana: Person
) -> None:
    applied(session, name="Eva Torres", email="ana@example.net")
    session.commit()
    run("members", "bounced", ana.number)
    output = run("members", "bounced", "ana@example.net", "--clear").output
    assert f"Ana Torres ({ana.number}): no bounce is recorded any more" in output
    assert "Eva" not in output
    assert bounce_of(session, ana) == ""
    assert "No bounce" in run("members", "bounced", "ana@example.net", "--clear", fails=True).output


def test_a_dead_mail_is_answered_by_resend(
    app: Flask, run: Run, session: Session, ana: Person
) -> None:
    worker_task.run(app, transport=Refusing())
    dead = link_mail(session, ana)
    number = ana.number
    session.rollback()
    run("members", "resend", number)
    session.refresh(dead)
    assert dead.dismissed_at is not None
    session.rollback()
    assert outbox.status(session, utc_now()).dead == 0


def test_a_refusal_of_an_address_that_was_corrected_meanwhile_is_not_recorded(
    app: Flask, session: Session, ana: Person
) -> None:
    ana.email = ana.email_folded = "ana@example.com"
    session.commit()
    worker_task.run(app, transport=Refusing())
    assert bounce_of(session, ana) == ""


def test_a_dismissed_mail_is_no_fault_of_the_installation_and_can_be_sent_after_all(
    app: Flask, run: Run, session: Session, ana: Person
) -> None:
    worker_task.run(app, transport=Refusing())
    dead = outbox.status(session, utc_now()).dead
    assert dead > 0
    assert "dead mails" in {one.subject for one in doctor.examine(app)}
    assert "only a dead one" not in run("mail", "dismiss", "--all").output
    assert "dead mails" not in {one.subject for one in doctor.examine(app)}
    session.rollback()
    mail = link_mail(session, ana)
    assert run("mail", "retry", "--all").output.startswith("0 ")
    assert run("mail", "retry", str(mail.id)).output.startswith("1 ")
    assert "is waiting" in run("mail", "dismiss", str(mail.id), fails=True).output
    assert "There is no mail 99" in run("mail", "dismiss", "99", fails=True).output


def test_a_refused_mail_of_somebody_who_was_joined_does_not_stop_the_worker(
    app: Flask, run: Run, session: Session, ana: Person
) -> None:
    into = applied(session, name="Ana Torres", email="ana@example.net").person
    numbers = ana.number, into.number
    session.commit()
    run("members", "join", *numbers)
    worker_task.run(app, transport=Refusing())
    assert bounce_of(session, into) == "550 5.1.1 no such user"


def test_a_refused_mail_of_somebody_who_was_joined_twice_does_not_stop_the_worker(
    app: Flask, run: Run, session: Session, ana: Person
) -> None:
    second = applied(session, name="Ana Torres", email="ana@example.net").person
    first = applied(session, name="Ana Torres", email="ana@example.net").person
    numbers = ana.number, second.number, first.number
    session.commit()
    run("members", "join", *numbers[:2])
    run("members", "join", *numbers[1:])
    worker_task.run(app, transport=Refusing())
    assert link_mail(session, ana).state == DEAD
    assert bounce_of(session, first) == "550 5.1.1 no such user"
