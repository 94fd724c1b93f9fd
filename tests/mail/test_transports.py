"""How a mail leaves: what each answer of a mail server means, TLS, and the folder."""

import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from psgflask.mail import transports, worker_task
from psgflask.mail.transports import (
    DeliveryUnknown,
    FolderTransport,
    MailRejected,
    RenderedMail,
    ServerUnavailable,
    SmtpServer,
    SmtpTransport,
)
from tests.mail.mail_server import DROP, HANG, MailServer

CONTENT = b"Subject: Hello\r\nMessage-ID: <1@psg.example>\r\n\r\nHello\r\n.A dot\r\n"


def letter(to: str = "ana@example.org", number: int = 1) -> RenderedMail:
    return RenderedMail(number, f"{number:06}-test-0a1b", "site@psg.example", to, CONTENT)


def smtp(
    server: MailServer, *, user: str = "", timeout: float = 1.0, **others: object
) -> SmtpTransport:
    password = str(others.get("password", "right"))
    return SmtpTransport(
        SmtpServer(
            "localhost", server.port, server.security, user, password, timeout, "psg.example"
        )
    )


@pytest.fixture
def way(server: MailServer) -> Iterator[SmtpTransport]:
    """A connection to be made to the server of this test."""
    with closing(smtp(server)) as opened:
        yield opened


def test_a_mail_arrives_as_it_was_rendered(server: MailServer, way: SmtpTransport) -> None:
    way.send(letter())
    (arrived,) = server.arrived
    assert arrived.content == CONTENT
    assert (arrived.sender, arrived.recipients) == ("site@psg.example", ["ana@example.org"])


def test_many_mails_leave_over_one_connection_but_not_without_end(
    server: MailServer, way: SmtpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "MAX_MAILS_PER_CONNECTION", 5)
    for number in range(11):
        way.send(letter(number=number))
    assert (len(server.arrived), server.connections) == (11, 3)


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "content"])
@pytest.mark.parametrize(
    ("said", "final"),
    [
        ("450 4.2.1 Try later", False),
        ("452 4.2.2 Mailbox full", False),
        ("550 5.1.1 No such user", True),
        ("552 5.2.3 Too long", True),
        ("550 No such user", True),
        ("550 5.7.1 We do not relay for you", False),
        ("554 5.7.26 Your domain is not who it says", False),
    ],
)
def test_r12_refusals_after_a_recipient_is_named_concern_that_mail(
    server: MailServer, way: SmtpTransport, stage: str, said: str, final: bool
) -> None:
    server.at[stage] = lambda envelope, address: said if address == "no@example.org" else None
    with pytest.raises(MailRejected) as refused:
        way.send(letter("no@example.org"))
    assert (refused.value.permanent, refused.value.code) == (final, int(said[:3]))
    before = len(server.arrived)
    way.send(letter())  # over the same connection
    assert server.connections == 1
    assert [a.recipients for a in server.arrived[before:]] == [["ana@example.org"]]


@pytest.mark.parametrize("said", ["450 Later", "550 We do not know you", "421 Closing", DROP, HANG])
def test_r12_what_is_wrong_before_a_recipient_is_named_concerns_every_mail(
    server: MailServer, way: SmtpTransport, said: str
) -> None:
    server.at["MAIL"] = said
    with pytest.raises(ServerUnavailable):
        way.send(letter())
    server.at.clear()
    way.send(letter())
    assert len(server.arrived) == 1


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "content"])
@pytest.mark.parametrize("what", [DROP, HANG, "421 4.3.2 Shutting down"])
def test_r12_a_connection_that_breaks_over_a_mail_leaves_it_lost(
    server: MailServer, way: SmtpTransport, stage: str, what: str
) -> None:
    server.at[stage] = what
    with pytest.raises(DeliveryUnknown):
        way.send(letter())
    server.at.clear()
    way.send(letter(number=2))
    assert server.connections == 2


def test_a_connection_that_went_stale_between_two_mails_is_made_anew(
    server: MailServer, way: SmtpTransport
) -> None:
    closing_after_one: list[str] = []

    def hang_up(envelope: object, address: str) -> str | None:
        closing_after_one.append(address)
        return DROP if len(closing_after_one) == 2 else None

    server.at["MAIL"] = hang_up
    way.send(letter())
    way.send(letter(number=2))
    assert (len(server.arrived), server.connections) == (2, 2)


def test_r12_a_server_that_is_down_is_unavailable() -> None:
    with MailServer() as gone:
        pass
    with pytest.raises(ServerUnavailable, match="Refused"):
        smtp(gone).send(letter())


def test_r12_an_unknown_host_name_makes_the_server_unavailable() -> None:
    nowhere = SmtpServer("mail.invalid", 25, "none", "", "", 1, "psg.example")
    with pytest.raises(ServerUnavailable):
        SmtpTransport(nowhere).send(letter())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mails_leave_over_tls_to_a_server_that_proves_its_name(
    trusted: None, security: str
) -> None:
    with MailServer(security) as server, closing(smtp(server)) as way:
        way.send(letter())
        way.send(letter(number=2))
        assert (len(server.arrived), server.connections) == (2, 1)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_r12_a_server_that_does_not_prove_its_name_gets_no_mail(security: str) -> None:
    with MailServer(security) as server, closing(smtp(server)) as way:
        with pytest.raises(ServerUnavailable, match="certificate verify failed"):
            way.send(letter())
        assert server.arrived == []


def test_r12_nothing_leaves_in_the_open_where_tls_is_asked_for_and_not_offered() -> None:
    with MailServer("none") as server:
        asked = SmtpServer("localhost", server.port, "starttls", "psg", "right", 1, "psg.example")
        with (
            closing(SmtpTransport(asked)) as way,
            pytest.raises(ServerUnavailable, match="STARTTLS"),
        ):
            way.send(letter())
        assert server.arrived == []


def test_the_password_is_given_where_one_is_asked_for(trusted: None) -> None:
    with MailServer("starttls", password="right") as server:
        with closing(smtp(server, user="psg")) as way:
            way.send(letter())
        wrong = smtp(server, user="psg", password="wrong")
        with closing(wrong) as way, pytest.raises(ServerUnavailable, match="535"):
            way.send(letter())
        assert len(server.arrived) == 1


def test_addresses_with_accents_leave_where_the_server_knows_them(way: SmtpTransport) -> None:
    way.send(letter("peña@example.org"))
    with MailServer(wide=False) as narrow, closing(smtp(narrow)) as other:
        with pytest.raises(MailRejected) as refused:
            other.send(letter("peña@example.org"))
        assert refused.value.permanent
        other.send(letter())
        assert len(narrow.arrived) == 1


@pytest.mark.parametrize(
    "said",
    [
        "550 5.1.1 <ana@example.org>: no such user",
        "550 5.1.1 ANA is unknown at example.org (ana@example.org)",
        "550 rcpt=ana@example.org;sender=site@psg.example",
    ],
)
def test_s22_what_a_server_repeats_of_an_address_is_not_kept(
    server: MailServer, way: SmtpTransport, said: str
) -> None:
    server.at["RCPT"] = said
    with pytest.raises(MailRejected) as refused:
        way.send(letter())
    assert not re.search(r"\bana\b|@", str(refused.value), re.IGNORECASE)
    assert "550" in str(refused.value)


def test_the_folder_takes_whole_files_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    FolderTransport(folder).send(letter())
    (file,) = folder.iterdir()
    assert file.name == "000001-test-0a1b.eml"
    assert file.read_bytes() == CONTENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_folder_never_shows_half_a_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def full(descriptor: int) -> None:
        seen.append([file.name for file in tmp_path.glob("*.eml")])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):  # a fault of ours, and no server's
        FolderTransport(tmp_path).send(letter())
    assert seen == [[]]
    assert list(tmp_path.iterdir()) == []


def test_a_mail_that_is_written_twice_is_one_file(tmp_path: Path) -> None:
    for _time in range(2):
        FolderTransport(tmp_path).send(letter())
    assert len(list(tmp_path.iterdir())) == 1


def test_the_configuration_names_the_way_out(make_app: Callable[..., Flask]) -> None:
    assert isinstance(worker_task.configured_transport(make_app()), FolderTransport)
    way = worker_task.configured_transport(
        make_app(
            SMTP_HOST="mail.example",
            SMTP_PORT=465,
            SMTP_SECURITY="tls",
            SMTP_USER="psg",
            SMTP_PASSWORD="word",
            SMTP_TIMEOUT=7,
            MAIL_FROM="site@psg.example",
            BASE_URL="https://www.psg.example",
        )
    )
    assert isinstance(way, SmtpTransport)
    assert way.server == SmtpServer(
        "mail.example", 465, "tls", "psg", "word", 7.0, "www.psg.example"
    )


def test_no_thread_and_no_connection_is_left_behind(server: MailServer) -> None:
    before = threading.active_count()
    with closing(smtp(server)) as way:
        way.send(letter())
    assert threading.active_count() == before
    assert way._client is None
