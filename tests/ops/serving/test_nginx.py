"""nginx, set up as docs/operating.md says, in front of the real server."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from psgflask.ops.serving import commands
from tests import proxy
from tests.benchmarks.servers import serving

pytestmark = pytest.mark.skipif(proxy.program() is None, reason="nginx is not installed")


@pytest.fixture
def front(instance: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[proxy.Front]:
    """nginx, behind which the site serves."""
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    with serving(PSG_TRUSTED_PROXIES="1") as server, proxy.proxied(server.port) as shown:
        yield shown


def asked(port: int, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_lines_of_the_page_are_ones_that_nginx_takes(front: proxy.Front) -> None:
    status, page = asked(front.port, "/")
    assert status == 200
    assert "Peru Support Group" in page
    assert asked(front.port, "/accounts/join/again", "POST", b"email=a")[0] == 400
    assert asked(front.port, "/accounts/join/again", "POST", b"a" * 1_100_000)[0] == 413


def test_bodies_that_never_end_do_not_reach_the_site(front: proxy.Front) -> None:
    head = b"POST /accounts/join/again HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\na"
    held = [socket.create_connection(("127.0.0.1", front.port)) for _number in range(80)]
    try:
        for connection in held:
            connection.sendall(head)
        assert asked(front.port, "/")[0] == 200
        assert asked(front.port, "/accounts/join/again", "POST", b"email=a")[0] == 400
    finally:
        for connection in held:
            connection.close()


def test_one_visitor_may_hold_no_more_than_so_many_requests(front: proxy.Front) -> None:
    held = [socket.create_connection(("127.0.0.1", front.port)) for _number in range(230)]
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\na"
    try:
        for connection in held:
            connection.sendall(head)
        for _attempt in range(1200):  # the log is written a moment later
            if " 503 POST / " in (told := front.log.read_text()):
                break
            time.sleep(0.05)
        assert " 503 POST / " in told
    finally:
        for connection in held:
            connection.close()


def test_a_broken_http2_connection_in_the_open_blocks_nothing(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    with serving() as server:
        for _time in range(2):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                said = connection.recv(100)
            assert not said or said.startswith(b"HTTP/1.1 4")
        assert asked(server.port, "/healthz")[0] == 200
        # HTTP/2 asked for politely is answered in HTTP/1.1.
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Connection: Upgrade, HTTP2-Settings\r\n"
                b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_the_server_ends_and_says_nothing_wrong(instance: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    known = {**os.environ, "PSG_SECRET_KEY": "x" * 40, "PSG_WORKER": "no"}
    with subprocess.Popen(
        commands.server_command("127.0.0.1", port), env=known, stderr=subprocess.PIPE, text=True
    ) as process:
        for _attempt in range(600):
            try:
                if asked(port, "/healthz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.05)
        process.terminate()
        _out, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
