"""S20, S22: no log contains the secret part of an address, nor a forged line."""

import http.client
import io
import logging
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from psgflask.core import escaping
from psgflask.ops.serving import commands
from psgflask.web import secrecy
from tests.conftest import Privacy

ROOT = Path(__file__).resolve().parents[2]
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
def test_the_secret_of_an_address_is_redacted(said: str, hidden: str) -> None:
    assert secrecy.redact(said) == hidden
    assert secrecy.holds_secret(said) == (said != hidden)


@pytest.mark.parametrize(
    "name",
    ["psgflask", "psgflask.web.errors", "granian.access", "gunicorn.access", "werkzeug", "any"],
)
def test_s20_no_logger_leaks_a_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    secrecy.redact_logs()
    secrecy.redact_logs()
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


def test_s20_no_traceback_leaks_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secrecy.redact_logs()
    try:
        raise ValueError(f"cannot serve /accounts/join/{TOKEN}")
    except ValueError:
        logging.getLogger("psgflask.web.errors").exception("A fault at /accounts/join/%s", TOKEN)
    assert TOKEN not in caplog.text
    assert "cannot serve /accounts/join/..." in caplog.text


def test_a_log_record_that_cannot_be_formatted_stops_nothing() -> None:
    secrecy.redact_logs()
    make = logging.getLogRecordFactory()
    assert make("name", logging.INFO, "file", 1, "%d of %s", ("many",), None).msg == "%d of %s"


def test_s20_our_server_logs_no_secret(instance: Path) -> None:
    asked = ["/", f"/accounts/join/{TOKEN}?x={TOKEN}"]
    said = _said_by_the_server(instance, asked, until="/accounts/")
    assert "200 GET / " in said
    assert "404 GET /accounts/join/... " in said
    assert TOKEN not in said


def test_no_client_forges_a_line_in_the_log_of_our_server(instance: Path) -> None:
    forged = "[2026-07-01 12:00:00 +0000] 200 GET /forged 1.0 ms"
    breaks = ("%0A", "%0D%0A", "%1B[2K%0D", "%C2%85", "%E2%80%A8", "%E2%80%AE", "%0B", "%7F")
    paths = [f"/x{one}{forged.replace(' ', '%20')}" for one in breaks]
    said = _said_by_the_server(instance, [*paths, "/last"], until="/last")
    assert len(said.splitlines()) == len(said.strip().split("\n"))
    assert not escaping.CONTROLS.search(said.replace("\n", ""))
    told = [line for line in said.splitlines() if "/forged" in line]
    assert len(told) == len(paths)
    assert [line for line in told if not re.search(r"\] \d{3} GET /x\S{,2}\\", line)] == []
    assert r"GET /x\n[2026-07-01 12:00:00 +0000] 200 GET /forged" in said
    assert r"GET /x\x1b[2K\r[" in said


def _said_by_the_server(instance: Path, paths: list[str], *, until: str) -> str:
    """Ask the server that we start for some paths; return all that it said, up to the last."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"PSG_INSTANCE": str(instance), "PSG_SECRET_KEY": "x" * 40, "PSG_WORKER": "no"}
    command = commands.server_command("127.0.0.1", port)
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        for path in paths:
            _asked(port, path)
        assert process.stdout is not None
        lines = []  # the server writes a line after it has answered
        while line := process.stdout.readline():
            lines.append(line)
            if until in line:
                break
    finally:
        process.terminate()
        rest, _errors = process.communicate(timeout=30)
    return "".join(lines) + rest


@pytest.mark.parametrize("name", ["psgflask", "granian.access", "_granian", "werkzeug", "any"])
def test_a_log_record_is_one_line_whatever_its_values(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    secrecy.redact_logs()
    log = logging.getLogger(name)
    caplog.set_level(logging.INFO, logger=name)
    log.propagate, before = True, log.propagate
    hostile = "/a\nb\r\x1b[31m\x9b\x7f\x85\u2028\u202e\ud800\U000e0041"
    try:
        log.info("%(status)d %(path)s", {"status": 200, "path": hostile})
        log.info("Asked for %s", hostile)
        log.info("Asked for " + hostile)
        log.info("%s", ValueError(hostile))
        log.info("Señor Ñañez مهر‌داد %s", "100 %s")
    finally:
        log.propagate = before
    written = r"/a\nb\r\x1b[31m\x9b\x7f\x85\u2028\u202e\ud800\U000e0041"
    assert [record.getMessage() for record in caplog.records] == [
        f"200 {written}",
        f"Asked for {written}",
        f"Asked for {written}",
        written,
        "Señor Ñañez مهر‌داد 100 %s",
    ]


def test_text_quoted_by_an_exception_forges_no_log_line() -> None:
    secrecy.redact_logs()
    forged = "ERROR psgflask: All members were erased"
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    log = logging.getLogger("psgflask.any")
    log.addHandler(handler)
    try:
        try:
            raise ValueError(f"no such thing: \n{forged}\r{forged}\x1b[1A\u2029{forged}")
        except ValueError:
            log.exception("A fault at %s", f"/x\n{forged}", stack_info=True)
    finally:
        log.removeHandler(handler)
    first, *others = written.getvalue().splitlines()
    assert first.startswith(r"ERROR psgflask.any: A fault at /x\nERROR")
    assert len(others) > 5
    assert [line for line in others if not line.startswith(secrecy.MARK)] == []
    assert f"{secrecy.MARK}ValueError: no such thing: " in others


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
def test_s22_every_test_checks_the_log_for_private_data(said: str, private: bool) -> None:
    listening = Privacy()
    listening.handle(logging.LogRecord("psgflask", logging.INFO, "file", 1, said, (), None))
    assert bool(listening.leaks) == private


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
def test_s20_the_documented_nginx_logs_no_secret(path: str, told: str) -> None:
    manual = (ROOT / "docs" / "operating.md").read_text("utf-8")
    found = re.search(r'"~(\^\(\?<room>.*)" \$room(\S+);', manual)
    assert found is not None
    hiding = re.compile(found[1].replace("(?<", "(?P<"))
    matched = hiding.search(path)
    assert (f"{matched['room']}{found[2]}" if matched else path) == told
    assert "$request_method $told $request_time" in manual
    assert re.search(r"error_log \S+ crit;", manual)
