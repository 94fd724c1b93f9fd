"""S20, S22: the secret part of an address is told to nobody, whoever logs it and however."""

import http.client
import logging
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from psgflask import secrecy, serving
from tests.conftest import Privacy

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "Zm9vYmFyLWJhei1xdXV4X2NvcmdlLWdyYXVsdC1nYXJ"


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        (f"/accounts/join/{TOKEN}", "/accounts/join/..."),
        (f"/es/accounts/join/{TOKEN}", "/es/accounts/join/..."),
        (f"GET /accounts/join/{TOKEN}?x=1 HTTP/1.1", "GET /accounts/join/...?x=1 HTTP/1.1"),
        (f"/accounts/address/old/{TOKEN}/", "/accounts/address/old/.../"),
        (f"/accounts/{TOKEN}", "/accounts/..."),
        (f"/ACCOUNTS/join/{TOKEN[:25]}=", "/ACCOUNTS/join/..."),
        (f'"https://x.org/accounts/join/{TOKEN}"', '"https://x.org/accounts/join/..."'),
        (f"/accounts/join/{TOKEN} /accounts/join/{TOKEN}", "/accounts/join/... /accounts/join/..."),
        (f"/es/members/join/sent/{TOKEN}", "/es/members/join/sent/..."),
        ("/members/join/agreements", "/members/join/agreements"),
        ("/accounts/join/again", "/accounts/join/again"),
        ("/accounts/password-sign-in", "/accounts/password-sign-in"),
        (f"/media/{'f' * 64}/report.pdf", f"/media/{'f' * 64}/report.pdf"),
        ("/news/a-long-slug-that-is-no-secret", "/news/a-long-slug-that-is-no-secret"),
    ],
)
def test_the_secret_of_an_address_is_taken_out(said: str, hidden: str) -> None:
    assert secrecy.hide(said) == hidden
    assert secrecy.holds_secret(said) == (said != hidden)


@pytest.mark.parametrize(
    "name", ["psgflask", "psgflask.errors", "granian.access", "gunicorn.access", "werkzeug", "any"]
)
def test_s20_no_logger_tells_a_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    secrecy.guard_logs()
    secrecy.guard_logs()
    log = logging.getLogger(name)
    caplog.set_level(logging.INFO, logger=name)
    log.propagate, before = True, log.propagate
    try:
        log.info("%(status)d %(path)s", {"status": 200, "path": f"/accounts/join/{TOKEN}"})
        log.info("Exception on /accounts/join/%s", TOKEN)
        log.info("POST /accounts/join/" + TOKEN)  # as a server may have put it together
        log.info("100 %% of /news/")
    finally:
        log.propagate = before
    assert TOKEN not in caplog.text
    assert [record.getMessage() for record in caplog.records] == [
        "200 /accounts/join/...",
        "Exception on /accounts/join/...",
        "POST /accounts/join/...",
        "100 %% of /news/",
    ]


def test_s20_no_traceback_tells_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secrecy.guard_logs()
    try:
        raise ValueError(f"cannot serve /accounts/join/{TOKEN}")
    except ValueError:
        logging.getLogger("psgflask.errors").exception("A fault at /accounts/join/%s", TOKEN)
    assert TOKEN not in caplog.text
    assert "cannot serve /accounts/join/..." in caplog.text


def test_a_log_line_that_cannot_be_written_stops_nothing() -> None:
    secrecy.guard_logs()
    make = logging.getLogRecordFactory()
    assert make("name", logging.INFO, "file", 1, "%d of %s", ("many",), None).msg == "%d of %s"


def test_s20_the_server_that_we_start_logs_no_secret(instance: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"PSG_INSTANCE": str(instance), "PSG_SECRET_KEY": "x" * 40, "PSG_WORKER": "no"}
    command = serving.command("127.0.0.1", port)
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        statuses = [_asked(port, path) for path in ("/", f"/accounts/join/{TOKEN}?x={TOKEN}")]
        assert process.stdout is not None
        lines = []  # the server writes a line after it has answered
        while line := process.stdout.readline():
            lines.append(line)
            if "/accounts/" in line:
                break
    finally:
        process.terminate()
        rest, _errors = process.communicate(timeout=30)
    said = "".join(lines) + rest
    assert statuses == [200, 404]
    assert "404 GET /accounts/join/... " in said
    assert TOKEN not in said


def _asked(port: int, path: str) -> int:
    """Ask the server that is starting, patiently."""
    for _attempt in range(300):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("the server did not open its port")


@pytest.mark.parametrize(
    ("said", "private"),
    [
        ("mailed to jane.doe+x@example.org", True),
        (f"a link with {TOKEN}", True),
        ("/accounts/join/...", False),
        (f"/media/{'f' * 64}/report.pdf", False),
        ("Kept 3 of 4 @ 12:00", False),
        ("a-slug-of-forty-three-characters-in-one-line", False),
    ],
)
def test_s22_every_test_looks_for_what_no_log_may_tell(said: str, private: bool) -> None:
    listening = Privacy()
    listening.handle(logging.LogRecord("psgflask", logging.INFO, "file", 1, said, (), None))
    assert bool(listening.told) == private


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"/accounts/join/{TOKEN}", "/accounts/join/..."),
        (f"/es/accounts/join/{TOKEN}/more", "/es/accounts/join/..."),
        (f"/members/join/sent/{TOKEN}", "/members/join/sent/..."),
        ("/accounts/join/again", "/accounts/join/again"),
        ("/news/a-slug-longer-than-twenty-letters", "/news/a-slug-longer-than-twenty-letters"),
    ],
)
def test_s20_the_server_in_front_is_told_to_log_no_secret(path: str, told: str) -> None:
    manual = (ROOT / "docs" / "operating.md").read_text("utf-8")
    found = re.search(r'"~(\^\(\?<room>.*)" \$room(\S+);', manual)
    assert found is not None
    hiding = re.compile(found[1].replace("(?<", "(?P<"))
    matched = hiding.search(path)
    assert (f"{matched['room']}{found[2]}" if matched else path) == told
    assert "$request_method $told $request_time" in manual
    assert re.search(r"error_log \S+ crit;", manual)
