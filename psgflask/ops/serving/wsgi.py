"""Requests and answers as WSGI has them (PEP 3333): what comes from the network and goes there."""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

RANGE = re.compile(r"bytes (\d+)-(\d+)/\d+")
Headers = list[tuple[str, str]]


class SentFile:
    """A file that is an answer (PEP 3333, optional platform-specific file handling)."""

    def __init__(self, file: IO[bytes], block_size: int = 65_536) -> None:
        self.file, self.block_size = file, block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if block := self.file.read(self.block_size):
            return block
        raise StopIteration

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass
class Answer:
    """An answer of the site: a body, or a file and the part of it (from, to) that is sent."""

    status: int
    headers: Headers
    body: bytes = b""
    file: str = ""
    part: tuple[int, int] | None = None

    def send(self, protocol: "HTTPProtocol", *more: tuple[str, str]) -> None:
        """Hand it to the server, which sends it without any thread of ours; from any thread."""
        headers = [*self.headers, *more]
        if self.part:
            protocol.response_file_range(self.status, headers, self.file, *self.part)
        elif self.file:
            protocol.response_file(self.status, headers, self.file)
        else:
            protocol.response_bytes(self.status, headers, self.body)


def answered(app: "WSGIApplication", environ: "WSGIEnvironment") -> Answer:
    """Return what a WSGI application answers, whole."""
    begun: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        begun.append((status, headers))
        return _no_write

    parts = app(environ, start)
    try:
        body = b"" if _sent_file(parts) else b"".join(parts)
        status, headers = begun[-1]
        answer = Answer(int(status[:3]), headers, body)
        if sent := _sent_file(parts):
            answer.file, answer.part = str(sent.file.name), _part(answer)
        return answer
    finally:
        if close := getattr(parts, "close", None):
            close()


def ask(app: "WSGIApplication", path: str, **more: object) -> Answer:
    """Return what an application answers to this process itself; `more` goes into the environ."""
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""}
    return answered(app, {**_BASE, **asked, "wsgi.input": io.BytesIO(), **more})


def environ_of(scope: "Scope", body: bytes) -> "WSGIEnvironment":
    """Return a request as WSGI has it (PEP 3333)."""
    host, _colon, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        **_BASE,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": "HTTP/1.1" if scope.http_version == "1.1" else "HTTP/1.0",
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in scope.headers.items():
        if "_" in name:  # it would pass for another, such as X-Forwarded-For
            continue
        key = _PLAIN.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        if key in environ:  # RFC 9110, 5.3; RFC 6265, 5.4 for cookies
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        environ[key] = value
    if not body:
        environ.pop("CONTENT_LENGTH", None)
    if "host" in scope.headers:  # one that is not ASCII is passed on by no name: it is not ours
        environ.setdefault("HTTP_HOST", "?")
    return environ


def _sent_file(parts: Iterable[bytes]) -> SentFile | None:
    """Return the file that an answer is, or a part of which it is."""
    for each in (parts, getattr(parts, "iterable", None)):  # Werkzeug's wrapper of a part has it
        if isinstance(each, SentFile) and isinstance(getattr(each.file, "name", None), str):
            return each
    return None


def _part(answer: Answer) -> tuple[int, int] | None:
    told = {name.lower(): value for name, value in answer.headers}.get("content-range", "")
    found = RANGE.fullmatch(told)
    return (int(found[1]), int(found[2]) + 1) if found and answer.status == 206 else None


def _no_write(data: bytes) -> None:
    raise RuntimeError("The site returns its answers, it does not write them")


_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": SentFile,
}
