"""The gateway between the network and the site: bodies, refusals, files, threads."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response, request, send_file
from flask.testing import FlaskClient

from psgflask.ops.serving import gateway
from psgflask.ops.serving.gateway import Gateway
from psgflask.ops.serving.request_bodies import BodyLimits
from psgflask.ops.serving.wsgi import build_environ
from psgflask.web.site import REFUSED

FORM = b"name=Ana"


class Headers(dict[str, str]):
    """Headers of a request, as granian has them but for names that come twice."""


class Protocol:
    """A request's body, piece by piece, and what it is answered with."""

    def __init__(self, *pieces: bytes, stalls: bool = False) -> None:
        self.pieces, self.stalls = pieces, stalls
        self.answers: list[tuple[int, dict[str, str], Any]] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.stalls:
            await asyncio.Event().wait()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answers.append((status, {k.lower(): v for k, v in headers}, body))

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.answers.append((status, dict(headers), b""))

    def response_file(self, status: int, headers: list[tuple[str, str]], file: str) -> None:
        self.answers.append((status, {k.lower(): v for k, v in headers}, Path(file)))

    def response_file_range(
        self, status: int, headers: list[tuple[str, str]], file: str, first: int, end: int
    ) -> None:
        self.answers.append((status, {k.lower(): v for k, v in headers}, (Path(file), first, end)))


def scope(path: str = "/", method: str = "GET", **headers: str) -> Any:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return SimpleNamespace(
        proto="http",
        method=method,
        path=path,
        query_string="q=1",
        headers=named,
        client="192.0.2.7:4711",
        server="127.0.0.1:8000",
        scheme="http",
        http_version="1.1",
    )


def form(body: bytes = FORM, *, client: str = "192.0.2.7:4711", path: str = "/form") -> Any:
    asked = scope(path, "POST", content_length=str(len(body)), content_type="text/plain")
    asked.client = client
    return asked


@pytest.fixture
def small(tmp_path: Path) -> Flask:
    """An application that says what it was given, and draws refusals."""
    app = Flask("small")
    (tmp_path / "file").write_bytes(b"0123456789")

    @app.before_request
    def refuse() -> tuple[str, int] | None:
        refused = request.environ.get(REFUSED)
        return (f"{request.path} refused {refused}", refused) if refused else None

    @app.route("/<path:_rest>", methods=["GET", "POST"])
    @app.route("/", defaults={"_rest": ""})
    def told(_rest: str) -> str:
        return f"{request.path} {request.query_string.decode()} {request.get_data().decode()}"

    @app.get("/file")
    def whole() -> Response:
        return send_file(tmp_path / "file", conditional=True, mimetype="text/plain")

    return app


Ask = Callable[..., list[tuple[int, dict[str, str], Any]]]


@pytest.fixture
def ask(small: Flask) -> Ask:
    """Let requests come at once, and return the answers in the order of the requests."""

    def through(
        *requests: tuple[Any, Any], limits: BodyLimits | None = None, threads: int = 2
    ) -> list[tuple[int, dict[str, str], Any]]:
        door = Gateway(small.wsgi_app, limits or BodyLimits(1000), threads=threads)

        async def all_at_once() -> None:
            door.__rsgi_init__(asyncio.get_running_loop())
            await asyncio.gather(*(door.__rsgi__(*each) for each in requests))

        asyncio.run(all_at_once())
        return [answer for _scope, protocol in requests for answer in protocol.answers]

    return through


def test_a_request_reaches_the_site_and_its_answer_the_reader(ask: Ask) -> None:
    ((status, headers, body),) = ask((scope("/añ o"), Protocol()))
    assert (status, body.decode()) == (200, "/añ o q=1 ")
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_a_body_is_whole_before_a_thread_is_taken(ask: Ask, small: Flask) -> None:
    asked = (form(), Protocol(*(bytes([byte]) for byte in FORM)))
    ((_status, _headers, body),) = ask(asked, threads=1)
    assert body.decode() == "/form q=1 name=Ana"


def test_no_number_of_unfinished_bodies_takes_a_thread(ask: Ask) -> None:
    stalled = [(form(), Protocol(b"na", stalls=True)) for _number in range(40)]
    limits = BodyLimits(1000, total=40, per_network=40, base_timeout=0.2)
    answers = ask(*stalled, (scope("/other"), Protocol()), limits=limits, threads=1)
    assert [status for status, _headers, _body in answers] == [408] * 40 + [200]


def test_a_client_that_sends_too_slowly_gets_an_error_and_is_disconnected(ask: Ask) -> None:
    limits = BodyLimits(1000, base_timeout=0.05)
    ((status, headers, body),) = ask((form(), Protocol(b"na", stalls=True)), limits=limits)
    assert (status, body) == (408, b"/ refused 408")
    assert headers["connection"] == "close"


def test_a_large_body_has_longer() -> None:
    limits = BodyLimits(1_000_000, base_timeout=15, min_rate=10_000)
    assert limits.timeout(0) == 15
    assert limits.timeout(1_000_000) == 115


def test_a_body_that_is_too_large_is_not_read(ask: Ask) -> None:
    stalls = Protocol(stalls=True)
    ((status, _headers, body),) = ask((form(b"x" * 1001, path="/es/form"), stalls))
    assert (status, body) == (413, b"/es/ refused 413")


def test_one_network_has_a_few_places_and_leaves_the_others_theirs(ask: Ask) -> None:
    limits = BodyLimits(1000, total=20, per_network=3, base_timeout=0.1)
    stalled = [
        (form(client=f"[2001:db8::{number}]:80"), Protocol(stalls=True)) for number in range(5)
    ]
    elsewhere = (form(client="192.0.2.9:80"), Protocol(FORM))
    statuses = [answer[0] for answer in ask(*stalled, elsewhere, limits=limits)]
    assert sorted(statuses[:5]) == [408, 408, 408, 503, 503]
    assert statuses[5] == 200


def test_bodies_being_read_are_bounded_in_bytes_and_many_small_ones_fit(ask: Ask) -> None:
    limits = BodyLimits(len(FORM), total_largest=1, per_network=0, base_timeout=0.1)
    small = [(form(b"x"), Protocol(stalls=True)) for _number in range(len(FORM))]
    statuses = [answer[0] for answer in ask(*small, (form(b"x"), Protocol(b"x")), limits=limits)]
    assert statuses == [408] * len(FORM) + [503]


def test_places_for_bodies_are_bounded_in_all_and_are_given_back(ask: Ask, small: Flask) -> None:
    limits = BodyLimits(1000, total=2, per_network=0, base_timeout=0.1)
    stalled = [(form(), Protocol(stalls=True)) for _number in range(3)]
    assert [answer[0] for answer in ask(*stalled, limits=limits)] == [408, 408, 503]
    door = Gateway(small.wsgi_app, limits, threads=1)

    async def in_turn() -> list[int]:
        door.__rsgi_init__(asyncio.get_running_loop())
        protocols = [Protocol(stalls=True), Protocol(stalls=True), Protocol(FORM)]
        for protocol in protocols:
            await door.__rsgi__(form(), protocol)  # type: ignore[arg-type]  # stands for granian's
        assert not door.body_reader.reading
        return [protocol.answers[0][0] for protocol in protocols]

    assert asyncio.run(in_turn()) == [408, 408, 200]


def test_an_interrupted_body_starts_no_request(ask: Ask) -> None:
    assert ask((form(), Protocol(FORM[:3]))) == [(400, {}, b"")]  # for the log alone


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_requests_without_a_body_wait_for_none(ask: Ask, method: str) -> None:
    asked = scope("/other", method, content_length="5")
    ((status, _headers, _body),) = ask((asked, Protocol(stalls=True)))
    assert status == 200


def test_a_body_without_a_length_is_ignored(ask: Ask) -> None:
    asked = scope("/form", "POST", transfer_encoding="chunked")
    ((_status, _headers, body),) = ask((asked, Protocol(FORM)))
    assert body.decode() == "/form q=1 "


def test_requests_beyond_the_queue_get_a_busy_page(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_QUEUED", 0)
    ((status, headers, body),) = ask((scope("/es/noticias"), Protocol()))
    assert (status, body) == (503, b"/es/ refused 503")
    assert headers["connection"] == "close"


def test_a_file_is_sent_without_a_thread_of_ours(ask: Ask, tmp_path: Path) -> None:
    ((status, headers, sent),) = ask((scope("/file"), Protocol()))
    assert (status, sent) == (200, tmp_path / "file")
    assert headers["content-length"] == "10"


def test_a_part_of_a_file_too(ask: Ask, tmp_path: Path) -> None:
    ((status, headers, sent),) = ask((scope("/file", range="bytes=2-4"), Protocol()))
    assert (status, sent) == (206, (tmp_path / "file", 2, 5))
    assert headers["content-range"] == "bytes 2-4/10"


def test_an_error_of_the_application_is_answered_with_a_page_and_logged(
    ask: Ask, small: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = small.wsgi_app

    def breaks(environ: Any, start: Any) -> Any:
        if REFUSED not in environ:
            raise RuntimeError("broken")
        return plain(environ, start)

    monkeypatch.setattr(small, "wsgi_app", breaks)
    ((status, _headers, body),) = ask((scope("/es/x"), Protocol()))
    assert (status, body) == (500, b"/es/ refused 500")
    assert "A request could not be answered" in caplog.text


def test_connections_to_a_retiring_process_are_closed_after_their_request(small: Flask) -> None:
    door, protocol = Gateway(small.wsgi_app, BodyLimits(1000), threads=1), Protocol()

    async def asked() -> None:
        door.__rsgi_init__(asyncio.get_running_loop())
        door.retiring = True
        await door.__rsgi__(scope(), protocol)  # type: ignore[arg-type]  # stands for granian's

    asyncio.run(asked())
    assert protocol.answers[0][1]["connection"] == "close"


def test_headers_reach_the_site_as_wsgi_has_them() -> None:
    class Twice(Headers):
        def items(self) -> Any:
            twice = [("cookie", "a=1"), ("cookie", "b=2"), ("x-forwarded-for", "192.0.2.1")]
            spoofed = [("x_forwarded_for", "192.0.2.66"), ("content_length", "7")]
            return [*twice, ("x-forwarded-for", "192.0.2.2"), *spoofed, ("content-type", "a/b")]

    asked = scope("/\udcff%")
    asked.headers = Twice()
    environ = build_environ(asked, b"")
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,192.0.2.2"
    assert environ["CONTENT_TYPE"] == "a/b"
    assert "CONTENT_LENGTH" not in environ
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert isinstance(environ["wsgi.input"], io.BytesIO)


def test_s18_a_host_that_cannot_be_read_is_not_taken_for_none() -> None:
    class Unreadable(Headers):
        def items(self) -> Any:
            return []

    asked = scope()
    asked.headers = Unreadable(host="")
    assert build_environ(asked, b"")["HTTP_HOST"] == "?"
    assert "HTTP_HOST" not in build_environ(scope(), b"")


def test_refused_clients_wait_without_a_thread_and_block_nobody(
    ask: Ask, small: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "BUSY_DELAY", 0.05)
    order: list[str] = []

    @small.before_request
    def busy() -> tuple[str, int] | None:
        return ("busy", 503) if request.path.startswith("/busy") else None

    class Noting(Protocol):
        def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            order.append(f"{status}")
            super().response_bytes(status, headers, body)

    refused = [(scope(f"/busy/{number}"), Noting()) for number in range(20)]
    answers = ask(*refused, (scope("/"), Noting()), threads=1)
    assert order == ["200", *["503"] * 20]
    assert [body for _status, _headers, body in answers[:20]] == [b"busy"] * 20


def test_a_response_that_cannot_be_sent_blocks_nothing(
    ask: Ask, small: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateway, "BUSY_DELAY", 0.01)

    @small.before_request
    def busy() -> tuple[str, int] | None:
        return ("busy", 503) if request.path == "/busy" else None

    class Gone(Protocol):
        def response_bytes(self, *given: object) -> None:
            raise RuntimeError("nobody is there")

    ask((scope("/busy"), Gone()), (scope("/"), Gone()), threads=1)
    assert caplog.text.count("An answer could not be sent") == 2


def test_the_site_renders_refusals_whatever_pages_are_cached(
    client: FlaskClient, app: Flask
) -> None:
    for path in ("/", "/es/"):
        assert client.get(path).status_code == 200
    door = Gateway(app.wsgi_app, BodyLimits(1000), threads=0)

    async def begin() -> None:
        door.__rsgi_init__(asyncio.get_running_loop())

    asyncio.run(begin())
    for status in gateway.ERROR_STATUSES:
        for path in ("/news/", "/es/news/"):
            answer = door._error_response(path, status)
            assert answer.status == status
            assert dict(answer.headers)["Content-Security-Policy"]
    assert b"Algo ha fallado" in door._error_response("/es/", gateway.SERVER_ERROR).body
