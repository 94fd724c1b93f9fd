"""S24: hostile requests, random but repeatable by a seed, and checks of their responses."""

import gzip
import io
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import brotli
from flask import Flask
from werkzeug.test import run_wsgi_app

from tests import addresses

GOOD_HOST = "127.0.0.1:8000"
METHODS = ("GET",) * 10 + ("HEAD", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ODD_METHODS = ("get", "BREW", "A" * 300, "GET\t", "CONNECT", "PROPFIND", "-", "GÉT")
PREFIXES = ("",) * 6 + ("/es",) * 4 + ("/es/es", "/", "//", "/ES", "/%65s", "/fr", "/./", "/../")

# Bytes of a path after percent-decoding.
PARTS: tuple[bytes, ...] = (
    *(b"2018", b"07", b"everything", b"radio-7", b"society", b"134", b"peru-news-65", b"aims"),
    *(b"0000", b"9999", b"00", b"13", b"-1", b"1e9", b"0x7", b"NaN", b"9" * 400, b"1" * 5000),
    *(b"", b" ", b".", b"..", b"../../etc/passwd", b"....//", b"~", b"*", b"?", b"#", b";a=b"),
    *(b"%", b"%00", b"%2e%2e", b"%c0%af", b"\0", b"a\0b", b"\r\nX: y", b"\n", b"\t", b"\x7f"),
    *(b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\x80abc"),
    *("ñ".encode(), "n\u0303".encode(), "\u202eabc".encode(), "\ufeff".encode(), "😀".encode()),
    *("٢٠١٨".encode(), "２０１８".encode(), "²⁰¹⁸".encode(), "ﬁ".encode(), "İ".encode()),
    *(b"<script>alert(1)</script>", b"'\"--", b"' OR 1=1 --", b"{{7*7}}", b"${7*7}", b"%s%n%d"),
    *(b"a" * 300, b"a/" * 1000, "é".encode() * 3000, b"\\..\\..", b"|id", b"`id`", b"CON"),
    *(b"news.atom", b".atom", b"x.rss", b"favicon.ico", b"0" * 64, b"f" * 64, b"index.php"),
)
NAMES = ("before", "after", "q", "topic", "lang", "from", "to", "sort", "page", "position", "x", "")
VALUES: tuple[bytes, ...] = (
    *PARTS,
    *(b"2018-07-15.5", b"2018-07-15.", b".5", b"2018-13-45.1", b"0001-01-01.1", b"9999-12-31.9"),
    *(b"2018-02-30", b"2018-7", b"18", b"-2018", b"+2018", b"2018-07-15T00:00", b"0", b"51", b"50"),
    *(b"a OR", b"OR OR OR", b'"unfinished', b'""', b"-", b"--", b"-a -b -c", b"()" * 2500),
    *(b"(" * 5000, b"[a TO zz]", b"x~3", b"*", b"*a", b"b*", b"ab*", b"title:", b'topic:"', b"::"),
    *(b"after:", b"after:xyz", b"in:9999999", b"issue:-1", b"lang:xx", b"w " * 2000, b"OR " * 200),
    *(
        b"mining",
        "minería".encode(),
        b"radio -broadcast",
        b"relevance",
        b"newest",
        b"es",
        b"society",
    ),
)
HEADERS: dict[str, tuple[str, ...]] = {
    "HTTP_HOST": (GOOD_HOST, GOOD_HOST, "evil.example", "", "[", "a" * 2000, "127.0.0.1:99999999"),
    "HTTP_ACCEPT_ENCODING": ("br", "gzip;q=x", ",;q=,", "*;q=0", "br;q=-1", "\xff", "a" * 9000),
    "HTTP_IF_NONE_MATCH": ("*", '"', 'W/"', '"a", W/"b', "a" * 9000, '""', "\x01", '"\xff"'),
    "HTTP_IF_MATCH": ('"x"', "*", '"'),
    "HTTP_IF_MODIFIED_SINCE": ("yesterday", "Thu, 99 Foo 99999 99:99:99 GMT", "0", "-1", "9" * 99),
    "HTTP_IF_UNMODIFIED_SINCE": ("Thu, 01 Jan 1970 00:00:00 GMT", "x"),
    "HTTP_IF_RANGE": ('"x"', "x", "Thu, 01 Jan 1970 00:00:00 GMT"),
    "HTTP_RANGE": (
        *("bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=9-", "bytes=0-1,2-3", "bytes=a-b", "x=1-2"),
        *("bytes=" + "9" * 99 + "-", "bytes=-0", "bytes=--1", "bytes=", "bytes=0-" + "9" * 99),
    ),
    "HTTP_COOKIE": ("form=x", "=", ";;;", "a=" + "b" * 9000, "\xff=\x01", "__Host-form=\x00"),
    "HTTP_ACCEPT_LANGUAGE": ("es", "x;q=y", "*" * 999),
    "HTTP_ACCEPT": ("application/json", "text/html;q=nan", ";"),
    "HTTP_X_FORWARDED_FOR": ("x", "1.2.3.4, " * 500),
    "HTTP_X_FORWARDED_HOST": ("evil.example",),
    "HTTP_X_FORWARDED_PROTO": ("https", "gopher"),
    "HTTP_X_FORWARDED_PREFIX": ("/evil", "//evil.example"),
    "HTTP_REFERER": ("javascript:alert(1)", "\xff"),
    "HTTP_USER_AGENT": ("", "x" * 9000, "\x00"),
    "HTTP_TRANSFER_ENCODING": ("chunked", "gzip, chunked"),
    "HTTP_EXPECT": ("100-continue", "x"),
    "HTTP_X_HTTP_METHOD_OVERRIDE": ("DELETE",),
    "HTTP_AUTHORIZATION": ("Basic !!!", "Bearer", "Digest x=", "Basic " + "a" * 5000),
    "HTTP_UPGRADE": ("websocket",),
}
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/x-www-form-urlencoded", b"a=1&b=2"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(5000))),
    ("application/x-www-form-urlencoded", b"%ff=%zz&&&=" * 50),
    ("application/x-www-form-urlencoded; charset=nonsense", b"a=\xff"),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a"),
    ("multipart/form-data; boundary=" + "x" * 300, b"--" + b"x" * 300),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../x\\0"\r\n\r\n1\r\n--x--',
    ),
    ("application/json", b"[" * 50_000),
    ("application/json; charset=utf-16", b"\xff\xfe{"),
    ("text/xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ("", b"\x00" * 100),
    ("x/y; =; ;", b"x"),
)


@dataclass
class Outcome:
    """How often each status was returned, and each request with a wrong response."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def walk(app: Flask, requests: int, seed: int, beginning: str = "/") -> Outcome:
    """Send hostile requests to the WSGI application, to every route below `beginning`."""
    chance = random.Random(seed)
    every = sorted(rule.rule for rule in app.url_map.iter_rules())
    rules = [rule for rule in every if rule.startswith(beginning)]
    outcome = Outcome()
    for number in range(requests):
        environ = _request(chance, rules[number % len(rules)])
        told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']!r} {environ['QUERY_STRING']!r}"
        try:
            chunks, status, headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
            body = b"".join(chunks)
        except Exception as error:  # an error that no handler caught
            outcome.faults.append(f"{told[:600]}: raised {error!r}")
            continue
        code = int(status[:3])
        outcome.statuses[code] += 1
        if wrong := _wrong(code, headers, body, environ):
            seen = {name: text for name, text in environ.items() if name.startswith("HTTP_")}
            outcome.faults.append(f"{told[:600]}: {code} {wrong} {str(seen)[:300]}")
    return outcome


def _request(chance: random.Random, rule: str) -> dict[str, Any]:
    path = re.sub(r"<[^>]*>", lambda _part: chance.choice(PARTS).decode("latin-1"), rule)
    if chance.random() < 0.15:
        path += chance.choice(("/", "//", "?", "/" + chance.choice(PARTS).decode("latin-1")))
    method = chance.choice(METHODS if chance.random() < 0.95 else ODD_METHODS)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method.encode().decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": chance.choice(PREFIXES) + path,
        "QUERY_STRING": _query(chance) if chance.random() < 0.5 else "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": chance.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2")),
        "REMOTE_ADDR": chance.choice(("127.0.0.1", "::1", "")),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_HOST": GOOD_HOST,
    }
    for name in chance.sample(sorted(HEADERS), chance.choice((0, 0, 1, 1, 2, 4))):
        if name != "HTTP_HOST" or chance.random() < 0.2:
            environ[name] = chance.choice(HEADERS[name])
    _add_body(chance, environ)
    return environ


def _query(chance: random.Random) -> str:
    def escaped(value: bytes) -> bytes:
        kept = chance.random() < 0.7
        return b"".join(b"%%%02x" % byte for byte in value) if kept else value

    pairs = [
        chance.choice(NAMES).encode() + b"=" + escaped(chance.choice(VALUES))
        for _pair in range(chance.choice((1, 1, 2, 3, 12)))
    ]
    odd = chance.choice((b"",) * 12 + (b"&" * 1000, b"%", b"?", b"#", b"\xff", b"a[]=1", b";"))
    return (b"&".join(pairs) + odd).decode("latin-1")


def _add_body(chance: random.Random, environ: dict[str, Any]) -> None:
    kind, body = "", b""
    if environ["REQUEST_METHOD"] in {"POST", "PUT", "PATCH", "DELETE"} or chance.random() < 0.1:
        kind, body = chance.choice(BODIES)
    environ["CONTENT_TYPE"] = kind
    environ["wsgi.input"] = io.BytesIO(body)
    lengths = (str(len(body)),) * 12 + ("", "0", "-1", "x", "9" * 30, str(len(body) + 5), "1e3")
    environ["CONTENT_LENGTH"] = chance.choice(lengths)
    if chance.random() < 0.1:
        environ["wsgi.input_terminated"] = True


DECODED: dict[str, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress}


def _wrong(code: int, headers: Any, body: bytes, environ: dict[str, Any]) -> str:
    """Return what is wrong with a response, "" when nothing is."""
    if code >= 500:
        return "a fault of ours"
    for name, value in headers:
        if re.search(r"[\r\n\0]", name + value):
            return f"a header that breaks its line: {name}"
    path = "/" + environ["PATH_INFO"].removeprefix("/es").lstrip("/")
    if "Set-Cookie" in headers and path not in addresses.MAY_SET_A_COOKIE:
        return "a cookie"
    if code != 304 and "default-src 'self'" not in headers.get("Content-Security-Policy", ""):
        return "no policy"
    place = headers.get("Location", "/")
    if not re.match(r"/(?![/\\])", place):
        return f"leads to {place}"
    if body:  # of HEAD there is none
        body = DECODED.get(headers.get("Content-Encoding", ""), bytes)(body)
    # 412: a program requested a past state of the page; no reader ever sees it.
    if code >= 400 and code != 412 and environ["REQUEST_METHOD"] != "HEAD" and b"<h1" not in body:
        return "an error without a page"
    return ""
