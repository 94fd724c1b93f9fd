"""The sender against a mail server that is down, slow, unwilling or gone in the middle."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.core.clock_watch import Readings, TimeBounds
from psgflask.core.database import db
from psgflask.mail import outbox, transports, worker_task
from psgflask.mail.models import DEAD, SENT, VOID, WAITING, Message
from psgflask.mail.transports import RenderedMail
from psgflask.ops.worker import Task, Worker
from tests.mail.conftest import Clock
from tests.mail.mail_server import DROP, HANG, MailServer
from tests.mail.mails import LINK, TOKEN, only, post, rows
from tests.mail.reading import part

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def site(make_app: Callable[..., Flask], server: MailServer) -> Flask:
    """A site whose mail goes to the server of this test."""
    return make_app(**server.settings())


@pytest.fixture
def posting(site: Flask, clock: Clock) -> Callable[..., int]:
    """Post a mail on the site and return its id."""

    def do(to: str = "ana@example.org", **given: object) -> int:
        with site.app_context():
            number = post(db.session(), clock(), to, **given).id
            db.session.remove()
            return number

    return do


def quick(server: MailServer, timeout: float = 0.3) -> transports.SmtpTransport:
    """Return a way to the server that does not wait long."""
    return transports.SmtpTransport(
        transports.SmtpServer("localhost", server.port, "none", "", "", timeout, "psg.example")
    )


def states(app: Flask) -> list[str]:
    return [row.state for _number, row in sorted(rows(app).items())]


def unfinished(app: Flask) -> dict[int, Message]:
    return {number: row for number, row in rows(app).items() if row.state == WAITING}


def test_a_mail_is_sent_noted_and_blanked(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    posting()
    assert worker_task.run(site, clock=clock) == 1
    (arrived,) = server.arrived
    assert (arrived.sender, arrived.recipients) == ("site@psg.example", ["ana@example.org"])
    assert LINK in part(arrived.mail, "plain").splitlines()
    row = only(site)
    assert (row.state, row.recipient, row.values, row.sent_at) == (SENT, "", {}, clock())
    assert worker_task.run(site, clock=clock) == 0
    assert len(server.arrived) == 1


def test_mails_leave_in_the_order_in_which_they_are_due_over_one_connection(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    for number in range(30):
        posting(f"n{number}@example.org")
    assert worker_task.run(site, clock=clock) == 30
    assert [a.recipients for a in server.arrived] == [[f"n{n}@example.org"] for n in range(30)]
    assert server.connections == 1


def test_s3_a_void_mail_is_never_sent(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    posting(void=True)
    assert worker_task.run(site, clock=clock) == 0
    assert (server.arrived, server.connections) == ([], 0)
    assert states(site) == [VOID]


def test_without_due_mails_no_server_is_contacted(
    site: Flask, server: MailServer, clock: Clock
) -> None:
    worker_task.run(site, clock=clock)
    assert server.connections == 0


def test_the_secretary_is_whom_the_configuration_names(
    make_app: Callable[..., Flask],
    server: MailServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {"kind": "application_received", "values": {"name": ""}}
    nobody = make_app(**server.settings())
    with nobody.app_context():
        post(db.session(), clock(), outbox.SECRETARY, **given)
    assert worker_task.run(nobody, clock=clock) == 0
    assert (only(nobody).state, only(nobody).error) == (WAITING, "SECRETARY_EMAIL is not set")
    assert "(application_received) was refused: SECRETARY_EMAIL is not set" in caplog.text
    known = make_app(**server.settings(SECRETARY_EMAIL="secretary@psg.example"))
    clock.forward(minutes=2)
    assert worker_task.run(known, clock=clock) == 1
    assert server.arrived[0].recipients == ["secretary@psg.example"]


def test_r12_down_for_a_day_costs_no_mail_a_try_and_all_arrive_once_it_is_back(
    make_app: Callable[..., Flask], server: MailServer, clock: Clock
) -> None:
    site = make_app(**server.settings())
    with site.app_context():
        for number in range(25):
            post(db.session(), clock(), f"n{number}@example.org")
    asked = 0

    class Down:
        def send(self, letter: RenderedMail) -> None:
            nonlocal asked
            asked += 1
            raise transports.ServerUnavailable("ConnectionRefusedError: Connection refused")

        def close(self) -> None:
            pass

    for _round in range(24 * 60):
        worker_task.run(site, clock=clock, transport=Down())
        clock.forward(minutes=1)
    # One mail knocks, at most every ten minutes once the server was down for a while.
    assert 24 * 6 - 10 < asked < 24 * 9
    assert {row.tries for row in rows(site).values()} == {0}
    assert states(site) == [WAITING] * 25
    clock.forward(minutes=10)
    assert worker_task.run(site, clock=clock) == 25
    assert set(server.counted().values()) == {1}
    assert len(server.arrived) == 25


def test_r12_down_for_good_becomes_a_dead_letter_after_five_days(
    site: Flask, posting: Callable[..., int], clock: Clock, server: MailServer
) -> None:
    server.at["MAIL"] = "451 4.3.0 Out of order"
    first = posting()
    clock.forward(days=3)
    second = posting("b@example.org")
    worker_task.run(site, clock=clock)
    assert states(site) == [WAITING, WAITING]
    assert rows(site)[first].error == "451 4.3.0 Out of order"
    clock.forward(days=2)
    worker_task.run(site, clock=clock)
    assert (rows(site)[first].state, rows(site)[second].state) == (DEAD, WAITING)
    assert rows(site)[first].recipient  # `flask mail retry` can still try it


def test_r12_4xx_is_tried_again_from_a_minute_up_to_a_day_for_five_days(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["RCPT"] = "450 4.2.1 Try later"
    posting()
    begun, delays = clock(), []
    while only(site).state == WAITING:
        worker_task.run(site, clock=clock)
        row = only(site)
        if row.state == WAITING:
            delays.append(row.due_at - clock())
            worker_task.run(site, clock=clock)  # not before it is due
            assert only(site).tries == len(delays)
            clock.now = row.due_at
    *grown, rest = delays
    for tries, waited in enumerate(grown, 1):
        doubled = min(MINUTE * 2 ** (tries - 1), DAY)
        assert doubled * 0.79 < waited <= min(doubled * 1.21, DAY)
    assert rest <= DAY
    assert clock() - begun == outbox.GIVE_UP_AFTER
    assert 13 <= len(delays) <= 17
    assert only(site).error == "450 4.2.1 Try later"


def test_delays_differ_by_chance_and_stay_within_their_bounds() -> None:
    assert len({worker_task.retry_delay(5) for _ in range(50)}) > 40
    for tries in (0, 1, 2, 10, 11, 12, 60, 10_000):
        for _ in range(50):
            assert 0.8 * MINUTE <= worker_task.retry_delay(tries) <= DAY
    assert worker_task.retry_delay(11) > timedelta(hours=13)


def test_r12_5xx_is_dead_at_once_and_the_others_leave(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["RCPT"] = lambda e, to: "550 5.1.1 No such user" if to[0] == "n" else None
    for to in ("a@example.org", "no@example.org", "b@example.org"):
        posting(to)
    assert worker_task.run(site, clock=clock) == 2
    assert states(site) == [SENT, DEAD, SENT]
    assert server.connections == 1
    clock.forward(days=10)
    assert worker_task.run(site, clock=clock) == 0


def test_r12_a_listener_that_fails_keeps_no_refused_mail_at_the_head_of_the_queue(
    site: Flask,
    server: MailServer,
    posting: Callable[..., int],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(session: Session, message: Message, reason: str, now: object) -> None:
        outbox.mark_sent(session, message.id, now=clock())
        raise OperationalError(f"about {message.recipient}", None, Exception())

    monkeypatch.setattr(outbox, "_undeliverable_listeners", [fail])
    server.at["RCPT"] = lambda e, to: "550 5.1.1 No such user" if to[0] == "a" else None
    posting("ana@example.org")
    posting("luz@example.org")
    with caplog.at_level(logging.ERROR):
        assert worker_task.run(site, clock=clock) == 1
    assert states(site) == [DEAD, SENT]
    assert "OperationalError" in caplog.text
    assert "ana@example.org" not in caplog.text


def test_r12_a_refusal_for_policys_sake_waits_for_somebody_to_put_it_right(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["RCPT"] = "554 5.7.1 Relay access denied"
    posting()
    worker_task.run(site, clock=clock)
    assert states(site) == [WAITING]
    server.at.clear()
    clock.forward(minutes=2)
    assert worker_task.run(site, clock=clock) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "content"])
def test_r12_slow_ends_by_its_timeout_and_locks_nobody_out_meanwhile(
    site: Flask,
    server: MailServer,
    posting: Callable[..., int],
    clock: Clock,
    stage: str,
) -> None:
    written: list[str] = []

    def write_and_hang(envelope: object, address: str) -> str:
        """Write into the database while the sender waits for us."""
        file = Path(site.instance_path, "psg.sqlite")
        with closing(sqlite3.connect(file, timeout=0)) as other, other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE outbox SET about = 'written meanwhile'")
            written.append(address)
        return HANG

    posting()
    server.at[stage] = write_and_hang
    assert worker_task.run(site, clock=clock, transport=quick(server)) == 0
    assert written
    row = only(site)
    assert (row.state, row.about) == (WAITING, "written meanwhile")
    server.at.clear()
    clock.forward(minutes=3)
    assert worker_task.run(site, clock=clock) == 1


def test_r12_slow_keeps_no_visitor_and_no_index_waiting(
    make_app: Callable[..., Flask], server: MailServer
) -> None:
    server.at["content"] = HANG
    site = make_app(**server.settings(SMTP_TIMEOUT=1))
    rounds = threading.Semaphore(0)
    with site.app_context():
        post(db.session(), utc_now())
        db.session.remove()
    tasks = (
        Task("rounds", lambda app: rounds.release()),
        Task("mail", worker_task.run, takes_stop=True),
    )
    running = Worker(site, tasks, interval=0.01)
    running.start()
    try:
        assert server.wait_for(1)  # it has read the mail and says nothing
        for _round in range(3):
            assert rounds.acquire(timeout=30)
        assert site.test_client().get("/").status_code == 200
        with site.app_context():
            post(db.session(), utc_now(), "b@example.org")
            db.session.remove()
        assert states(site)[1] == WAITING
    finally:
        server.at.clear()
        running.stop(30)


def test_r12_a_mail_dropped_after_data_is_sent_again_with_the_same_message_id(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["content"] = lambda e, to: DROP if to == "a@example.org" else None
    posting("a@example.org")
    posting("b@example.org")
    assert worker_task.run(site, clock=clock) == 1
    assert states(site) == [WAITING, SENT]
    assert worker_task.run(site, clock=clock) == 0  # not at once
    server.at.clear()
    clock.forward(minutes=2)
    assert worker_task.run(site, clock=clock) == 1
    assert sorted(server.counted().values()) == [1, 2]
    assert server.connections == 3


def test_r12_a_server_that_drops_every_mail_is_left_alone_after_the_second(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["content"] = DROP
    for number in range(5):
        posting(f"n{number}@example.org")
    worker_task.run(site, clock=clock)
    worker_task.run(site, clock=clock)
    assert len(server.arrived) == 2
    assert sorted(row.tries for row in rows(site).values()) == [0, 0, 0, 1, 1]


def test_a_mail_that_breaks_the_connection_delays_the_others_only_briefly(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["RCPT"] = lambda e, to: DROP if to[0] == "p" else None
    for to in ("p1@example.org", "p2@example.org", "p3@example.org", "ok@example.org"):
        posting(to)
    left = 0
    for _round in range(10):
        left += worker_task.run(site, clock=clock)
        clock.forward(minutes=1)
    assert left == 1
    assert [a.recipients for a in server.arrived] == [["ok@example.org"]]


def test_r12_tls_that_fails_leaves_every_mail_waiting_and_says_why(
    make_app: Callable[..., Flask],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    with MailServer("starttls") as server:
        site = make_app(**server.settings())
        with site.app_context():
            post(db.session(), clock())
            db.session.remove()
        worker_task.run(site, clock=clock)
        assert (only(site).state, only(site).tries) == (WAITING, 0)
        assert "certificate verify failed" in only(site).error
        assert server.arrived == []
        request.getfixturevalue("trusted")
        clock.forward(minutes=2)
        assert worker_task.run(site, clock=clock) == 1
        assert only(site).error == ""


def test_a_server_that_is_back_is_forgiven(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    server.at["MAIL"] = "421 Closing"
    posting()
    for _round in range(8):
        worker_task.run(site, clock=clock)
        clock.forward(minutes=10)
    server.at.clear()
    assert worker_task.run(site, clock=clock) == 1
    server.at["MAIL"] = "421 Closing"
    posting()
    worker_task.run(site, clock=clock)
    server.at.clear()
    clock.forward(seconds=73)  # the first rest again
    assert worker_task.run(site, clock=clock) == 1


def test_a_sent_mail_is_not_sent_again_when_the_database_cannot_record_it(
    site: Flask,
    server: MailServer,
    posting: Callable[..., int],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        posting(f"n{number}@example.org")

    def busy(session: Session, number: int, **given: object) -> None:
        raise OperationalError("UPDATE outbox", {}, sqlite3.OperationalError("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "mark_sent", busy)
        for _round in range(3):
            with pytest.raises(OperationalError):
                worker_task.run(site, clock=clock)
        assert len(server.arrived) == 1
    assert worker_task.run(site, clock=clock) == 2
    assert set(server.counted().values()) == {1}
    assert states(site) == [SENT] * 3


def test_s27_a_mail_that_is_erased_while_others_are_sent_is_not_sent(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    posting("a@example.org")
    posting("b@example.org", about="person 12")

    def erase(envelope: object, address: str) -> None:
        with site.app_context():
            assert outbox.delete_about(db.session(), ["person 12"]) in {0, 1}
            db.session.commit()
            db.session.remove()

    server.at["content"] = erase
    assert worker_task.run(site, clock=clock) == 1
    assert [a.recipients for a in server.arrived] == [["a@example.org"]]


def test_a_mail_that_is_set_aside_while_others_are_sent_is_not_sent(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    posting("a@example.org")
    posting("b@example.org")

    def set_aside(envelope: object, address: str) -> None:
        with site.app_context():
            outbox.hold_waiting(db.session(), error="set aside", now=clock())
            db.session.commit()
            db.session.remove()

    server.at["content"] = set_aside
    assert worker_task.run(site, clock=clock) == 1
    assert states(site) == [SENT, DEAD]


def test_a_mail_deleted_while_it_is_being_sent_causes_no_error(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    def erase(answer: str | None) -> Callable[..., str | None]:
        def do(envelope: object, address: str) -> str | None:
            with site.app_context():
                db.session.execute(delete(Message))
                db.session.commit()
                db.session.remove()
            return answer

        return do

    for answer in (None, "450 Later", "550 No", DROP):
        server.at["content"] = erase(answer)
        posting()
        worker_task.run(site, clock=clock)
        assert rows(site) == {}


def test_a_round_ends_after_the_mail_being_sent_when_the_worker_stops(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    stop = threading.Event()
    for number in range(5):
        posting(f"n{number}@example.org")
    server.at["content"] = lambda envelope, to: stop.set()
    assert worker_task.run(site, stop, clock=clock) == 1
    assert len(server.arrived) == 1


def test_a_mail_that_cannot_be_rendered_delays_no_other(
    site: Flask, server: MailServer, posting: Callable[..., int], clock: Clock
) -> None:
    posting(kind="no_such_kind")
    posting(kind="test", to="b@example.org")
    assert worker_task.run(site, clock=clock) == 1
    broken, _sent = rows(site).values()
    assert (broken.state, broken.error) == (WAITING, "It cannot be rendered: TemplateNotFound")


def test_mails_go_into_the_folder_until_a_server_is_named(app: Flask, clock: Clock) -> None:
    with app.app_context():
        post(db.session(), clock())
        post(db.session(), clock(), kind="test", language="es")
        db.session.remove()
    assert worker_task.run(app, clock=clock) == 2
    files = sorted(file.name for file in Path(app.instance_path, "outbox").iterdir())
    assert [name.split("-")[1] for name in files] == ["verify", "test"]
    assert all(name.endswith(".eml") for name in files)
    assert states(app) == [SENT, SENT]


def test_rows_that_nobody_needs_go_by_themselves(
    site: Flask, posting: Callable[..., int], clock: Clock
) -> None:
    posting()
    worker_task.run(site, clock=clock)
    clock.forward(days=29)
    worker_task.run(site, clock=clock)
    assert states(site) == [SENT]
    clock.forward(days=2)
    worker_task.run(site, clock=clock)
    assert states(site) == []


def test_s22_neither_logs_nor_sent_mails_reveal_recipient_or_contents(
    site: Flask,
    server: MailServer,
    posting: Callable[..., int],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = "5.1.1 <quispe.secret@example.org> quispe.secret: who is that?"
    for stage, answer in (
        *(("RCPT", f"550 {echo}"), ("RCPT", f"450 {echo}"), ("content", f"554 {echo}")),
        *(("RCPT", f"421 {echo}"), ("content", DROP), ("MAIL", f"550 {echo}"), ("", "")),
    ):
        server.at = {stage: answer}
        posting("quispe.secret@example.org", about="person 12")
        worker_task.run(site, clock=clock)
        clock.forward(minutes=15)
    posting("quispe.secret@example.org", kind="no_such_kind")
    server.at = {}
    worker_task.run(site, clock=clock)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "mark_sent", _broken)
        posting("quispe.secret@example.org")
        Worker(site, (Task("mail", worker_task.run, takes_stop=True),)).run_once()
    ours = [r for r in caplog.records if not r.name.startswith(("mail.", "asyncio"))]
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "Mail 1 (verify)" in text
    assert "failed" in text
    kept = "".join(row.error for row in rows(site).values())
    for told in ("quispe", "example.org", TOKEN, "Ana"):
        assert told.casefold() not in text.casefold(), told
        assert told.casefold() not in kept.casefold(), told


def _broken(session: Session, number: int, **given: object) -> None:
    # As it fails in earnest: the whole row is in the statement that is told of.
    session.execute(
        delete(Message).where(Message.about == "quispe.secret@example.org", db.text("x"))
    )


def test_r14_when_the_clock_is_put_right_mails_leave_at_once(
    site: Flask,
    posting: Callable[..., int],
    clock: Clock,
    server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing waits for the time that the clock showed: neither the mails nor the server's rest."""
    right = clock()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(right, clock()))
    server.at["MAIL"] = "451 4.3.0 Out of order"
    posting()
    worker_task.run(site, clock=clock)
    clock.forward(days=100)
    worker_task.run(site, clock=clock)
    posting("b@example.org")
    del server.at["MAIL"]
    server.at["RCPT"] = "450 4.2.1 Try later"
    clock.forward(minutes=11)
    worker_task.run(site, clock=clock)
    assert states(site) == [WAITING, WAITING]
    server.at.clear()
    clock.now = right + timedelta(minutes=2)
    assert worker_task.run(site, clock=clock) == 2
    assert states(site) == [SENT, SENT]


def test_r14_a_mail_that_dies_while_the_clock_is_surely_behind_is_kept_as_long_as_others(
    site: Flask, posting: Callable[..., int], clock: Clock, server: MailServer
) -> None:
    known, readings = clock(), Readings()
    for minutes in range(10 * 150, -1, -10):
        readings.add(known.timestamp() - 60 * minutes, 600 if readings.shown else None)
    Path(site.instance_path, clock_watch.FILE).write_text(clock_watch.serialize(readings))
    server.at["RCPT"] = "550 5.1.1 No such user"
    clock.now = known - timedelta(days=100)
    posting()
    worker_task.run(site, clock=clock)
    assert only(site).state == DEAD
    assert abs(only(site).due_at - known) < timedelta(minutes=1)
