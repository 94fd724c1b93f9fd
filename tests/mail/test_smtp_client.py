"""Whatever a mail server does: the exchange ends, takes little, and blames nobody wrongly (R12)."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail import smtp_client, worker_task
from psgflask.mail.models import WAITING
from psgflask.mail.transports import (
    DeliveryUnknown,
    MailRejected,
    RenderedMail,
    ServerUnavailable,
    SmtpServer,
    SmtpTransport,
)
from tests.mail import hostile_server
from tests.mail.hostile_server import FAST, WILD, Behaviour, HostileServer, silence
from tests.mail.mail_server import MailServer
from tests.mail.mails import only, post

CONTENT = b"Subject: Hello\r\n\r\nHello\r\n"
# What the system keeps of a connection that nobody reads from, on its two ends, and some more.
OF_THE_SYSTEM = 30_000_000


def letter(content: bytes = CONTENT) -> RenderedMail:
    return RenderedMail(1, "000001-test-0a1b", "site@psg.example", "ana@example.org", content)


def way_to(
    port: int, *, security: str = "none", timeout: float = 0.2, user: str = ""
) -> SmtpTransport:
    return SmtpTransport(
        SmtpServer("localhost", port, security, user, "right", timeout, "psg.example")
    )


def is_told(error: Exception, behaviour: Behaviour) -> bool:
    """Say whether an error tells what a behaviour did: send too much, or take too long."""
    told = str(error)
    much = "A reply has more than" in told
    return len(told) < 600 and (much if behaviour in FAST else "time" in told or "long" in told)


def refusal(said_at_rcpt: Behaviour) -> MailRejected:
    """Return how a mail is refused by who says this when its recipient is named."""
    with (
        HostileServer("RCPT", said_at_rcpt) as server,
        closing(way_to(server.port, timeout=5)) as way,
        pytest.raises(MailRejected) as refused,
    ):
        way.send(letter())
    return refused.value


@pytest.mark.parametrize("behaviour", WILD)
@pytest.mark.parametrize("stage", ["GREETING", "EHLO", "MAIL"])
def test_r12_a_hostile_server_before_the_recipient_is_unavailable(
    stage: str, behaviour: Behaviour
) -> None:
    with (
        HostileServer(stage, behaviour) as server,
        closing(way_to(server.port)) as way,
        pytest.raises(ServerUnavailable) as trouble,
    ):
        way.send(letter())
    assert is_told(trouble.value, behaviour)
    assert server.sent < OF_THE_SYSTEM


@pytest.mark.parametrize("behaviour", WILD)
@pytest.mark.parametrize("stage", ["RCPT", "DATA", "CONTENT"])
def test_r12_a_hostile_server_during_a_mail_loses_the_connection(
    stage: str, behaviour: Behaviour
) -> None:
    with (
        HostileServer(stage, behaviour) as server,
        closing(way_to(server.port)) as way,
        pytest.raises(DeliveryUnknown) as lost,
    ):
        way.send(letter())
    assert is_told(lost.value, behaviour)
    assert server.sent < OF_THE_SYSTEM


@pytest.mark.parametrize("behaviour", WILD)
def test_r12_an_endless_reply_to_quit_is_ignored(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psgflask.mail.transports.QUIT_TIMEOUT", 0.2)
    with HostileServer("QUIT", behaviour) as server, closing(way_to(server.port, timeout=5)) as way:
        way.send(letter())
        way.close()
    assert server.sent < OF_THE_SYSTEM


@pytest.mark.parametrize("behaviour", WILD)
def test_r12_an_endless_handshake_makes_the_server_unavailable(behaviour: Behaviour) -> None:
    with (
        HostileServer("HANDSHAKE", behaviour) as server,
        closing(way_to(server.port, security="tls")) as way,
        pytest.raises(ServerUnavailable),
    ):
        way.send(letter())
    assert server.sent < OF_THE_SYSTEM


@pytest.mark.parametrize("behaviour", WILD)
def test_r12_tls_changes_nothing_in_that(trusted: None, behaviour: Behaviour) -> None:
    with (
        HostileServer("EHLO", behaviour, tls=True) as server,
        closing(way_to(server.port, security="tls", timeout=0.5)) as way,
        pytest.raises(ServerUnavailable),
    ):
        way.send(letter())
    assert server.sent < OF_THE_SYSTEM


@pytest.mark.parametrize("tls", [False, True])
def test_r12_a_server_that_takes_none_of_the_contents_leaves_the_mail_lost(
    trusted: None, tls: bool
) -> None:
    large = CONTENT + b"x" * 998 * 40_000
    with HostileServer("CONTENT", silence, reads=False, tls=tls) as server:
        way = way_to(server.port, security="tls" if tls else "none", timeout=0.5)
        with closing(way), pytest.raises(DeliveryUnknown):
            way.send(letter(large))


def test_r12_the_whole_exchange_has_one_deadline_however_often_the_server_answers_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer comes in time, and all together do not."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    read = smtp_client.SmtpClient.getreply

    def slowly(client: smtp_client.SmtpClient) -> tuple[int, bytes]:
        now[0] += 6.0
        return read(client)

    monkeypatch.setattr(smtp_client.SmtpClient, "getreply", slowly)
    with MailServer() as server, closing(way_to(server.port, timeout=10)) as way:
        with pytest.raises(
            DeliveryUnknown, match="took too long"
        ):  # 220, 250 EHLO, 250 MAIL, 250 RCPT
            way.send(letter())
        assert server.arrived == []


def test_a_reply_as_long_as_replies_are_is_understood() -> None:
    lines = smtp_client.MAX_LINES - 1

    def many(wild: hostile_server.Wild) -> None:
        wild.send(b"550-5.1.1 no\r\n" * lines + b"550 5.1.1 no such user\r\n")

    refused = refusal(many)
    assert (refused.code, refused.permanent) == (550, True)
    assert len(str(refused)) <= 500


def test_a_reply_that_is_not_smtp_fails_that_mail_and_is_shown_in_printable_characters() -> None:
    refused = refusal(hostile_server.binary)
    assert not refused.permanent
    assert str(refused).isprintable()


def test_s22_an_address_in_a_long_reply_is_not_stored_in_part() -> None:
    for length in range(470, 500):

        def said(wild: hostile_server.Wild, length: int = length) -> None:
            wild.send(b"550 " + b"x" * length + b" ana@example.org is not here\r\n")

        told = str(refusal(said))
        assert "ana" not in told
        assert "@" not in told


def test_what_a_server_says_in_the_open_before_tls_begins_is_not_taken_for_what_it_says_under_it(
    trusted: None,
) -> None:
    """An answer slipped in behind the 220 of STARTTLS, as in CVE-2021-38084."""
    with MailServer("starttls") as server:
        way = way_to(server.port, security="starttls", timeout=10)
        read = smtp_client.SmtpClient._read_line

        def slipped(client: smtp_client.SmtpClient, until: float, most: int) -> bytes:
            line = read(client, until, most)
            if (
                line.startswith(b"220")
                and client.sock is not None
                and "starttls" in str(client.esmtp_features)
            ):
                client._buffer += b"250-slipped.in\r\n250 SLIPPED\r\n"
            return line

        with pytest.MonkeyPatch.context() as patched, closing(way):
            patched.setattr(smtp_client.SmtpClient, "_read_line", slipped)
            way.send(letter())
            assert way._client is not None
            assert "slipped" not in way._client.esmtp_features
        assert len(server.arrived) == 1


def test_r12_a_host_name_without_an_answer_makes_the_server_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def hanging(*given: object, **others: object) -> list[object]:
        answered.wait(60)
        return []

    with monkeypatch.context() as patched, closing(way_to(25)) as way:
        patched.setattr(socket, "getaddrinfo", hanging)
        with pytest.raises(ServerUnavailable, match="looked up"):
            way.send(letter())
        answered.set()


def test_a_host_is_reached_at_whichever_of_its_addresses_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with MailServer() as server:
        port = server.port
        with socket.create_server(("127.0.0.1", 0)) as other:
            closed = other.getsockname()[1]
        real = socket.create_connection

        def connect(address: tuple[str, int], timeout: float) -> socket.socket:
            dead = address[0] == "192.0.2.1"
            return real(("127.0.0.1", closed) if dead else ("localhost", port), timeout)

        monkeypatch.setattr(smtp_client, "_resolve", lambda *given: ["192.0.2.1", "198.51.100.1"])
        monkeypatch.setattr(socket, "create_connection", connect)
        with closing(way_to(port, timeout=5)) as way:
            way.send(letter())
        assert len(server.arrived) == 1


def test_r12_mails_are_sent_again_once_a_hostile_server_has_recovered(
    make_app: Callable[..., Flask], server: MailServer
) -> None:
    app = make_app(**server.settings())
    with app.app_context():
        post(db.session(), utc_now())
    with (
        HostileServer("EHLO", hostile_server.lines_without_end) as wild,
        closing(way_to(wild.port)) as way,
    ):
        assert worker_task.run(app, transport=way) == 0
    assert only(app).state == WAITING
    assert "more than 100 lines" in only(app).error
    app.extensions["psg_mail"] = worker_task.SenderState()  # ten minutes later
    assert worker_task.run(app) == 1
