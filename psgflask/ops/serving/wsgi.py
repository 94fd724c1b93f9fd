"""Requests and responses of WSGI (PEP 3333), built from RSGI and sent through it."""

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

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/\d+")
Headers = list[tuple[str, str]]


class FileWrapper:
    """A file as a response (PEP 3333, optional platform-specific file handling)."""

    def __init__(self, file: IO[bytes], block_size: int = 65_536) -> None:
        self.file, self.block_size = file, block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if block := self.file.read(self.block_size):
            return block
        raise StopIteration

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@dataclass
class WSGIResponse:
    """A response of the app: a body, or a file and its byte range (start, end)."""

    status: int
    headers: Headers
    body: bytes = b""
    file: str = ""
    byte_range: tuple[int, int] | None = None

    def send(self, protocol: "HTTPProtocol", *more: tuple[str, str]) -> None:
        """Pass it to granian, which sends it in the background; from any thread."""
        headers = [*self.headers, *more]
        if self.byte_range:
            protocol.response_file_range(self.status, headers, self.file, *self.byte_range)
        elif self.file:
            protocol.response_file(self.status, headers, self.file)
        else:
            protocol.response_bytes(self.status, headers, self.body)


def run_wsgi_app(app: "WSGIApplication", environ: "WSGIEnvironment") -> WSGIResponse:
    """Run a WSGI app and return its whole response."""
    started: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        started.append((status, headers))
        return _no_write

    chunks = app(environ, start)
    try:
        body = b"" if _file_wrapper(chunks) else b"".join(chunks)
        status, headers = started[-1]
        response = WSGIResponse(int(status[:3]), headers, body)
        if wrapper := _file_wrapper(chunks):
            response.file, response.byte_range = str(wrapper.file.name), _byte_range(response)
        return response
    finally:
        if close := getattr(chunks, "close", None):
            close()


def internal_request(app: "WSGIApplication", path: str, **more: object) -> WSGIResponse:
    """Run the app on a GET request of this process itself; `more` is added to the environ."""
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""}
    return run_wsgi_app(app, {**_BASE_ENVIRON, **request, "wsgi.input": io.BytesIO(), **more})


def build_environ(scope: "Scope", body: bytes) -> "WSGIEnvironment":
    """Return the WSGI environ of a request (PEP 3333)."""
    host, _colon, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        **_BASE_ENVIRON,
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
        if "_" in name:  # it could pose as another header, such as X-Forwarded-For
            continue
        key = _UNPREFIXED.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        if key in environ:  # RFC 9110, 5.3; RFC 6265, 5.4 for cookies
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        environ[key] = value
    if not body:
        environ.pop("CONTENT_LENGTH", None)
    if "host" in scope.headers:  # granian drops a value that is not ASCII: no host of ours
        environ.setdefault("HTTP_HOST", "?")
    return environ


def _file_wrapper(chunks: Iterable[bytes]) -> FileWrapper | None:
    """Return the file that a response consists of, or is a range of."""
    for each in (chunks, getattr(chunks, "iterable", None)):  # Werkzeug's wrapper of a range has it
        if isinstance(each, FileWrapper) and isinstance(getattr(each.file, "name", None), str):
            return each
    return None


def _byte_range(response: WSGIResponse) -> tuple[int, int] | None:
    headers = {name.lower(): value for name, value in response.headers}
    match = CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    return (int(match[1]), int(match[2]) + 1) if match and response.status == 206 else None


def _no_write(data: bytes) -> None:
    raise RuntimeError("The site returns its answers, it does not write them")


_UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_BASE_ENVIRON: dict[str, Any] = {
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
    "wsgi.file_wrapper": FileWrapper,
}
