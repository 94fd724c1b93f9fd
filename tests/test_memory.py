"""Caches stay within their bytes, whatever clients send."""

import contextvars
import gc
import io
import tracemalloc
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import run_wsgi_app

from psgflask.search import language
from psgflask.search.engine import spelling
from psgflask.search.query import parsing
from psgflask.search.sync import indexer
from psgflask.web import compression, errors, rendering
from psgflask.web.caching import CachedPage, PageCache
from tests import factories

MEGABYTE = 1_000_000
# A letter takes four bytes in a text with one sign from beyond the first 65,536.
WIDE = "\U0001f999"


@pytest.fixture
def grown() -> Iterator[Callable[[], float]]:
    """Return by how many megabytes memory has grown since the first call."""
    tracemalloc.start()
    begun: list[int] = []

    def megabytes() -> float:
        gc.collect()
        held, _most = tracemalloc.get_traced_memory()
        begun.append(held)
        return (held - begun[0]) / MEGABYTE

    yield megabytes
    tracemalloc.stop()


@pytest.fixture
def ask(app: Flask, session: Session) -> Callable[..., int]:
    """Ask a site whose index is there, below Werkzeug's client, which remembers addresses."""
    factories.article(session, "Mining in Lima")
    indexer.rebuild(app)

    def status_of(address: str, **headers: str) -> int:
        path, _mark, query = address.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            **headers,
        }
        run = contextvars.Context().run
        _body, status, _headers = run(run_wsgi_app, app.wsgi_app, environ, buffered=True)
        return int(status[:3])

    return status_of


def test_long_queries_are_truncated_before_they_are_cached(
    ask: Callable[..., int], grown: Callable[[], float]
) -> None:
    for number in range(3):
        ask(f"/search/?q=warm{number}")
    grown()
    for number in range(20):
        long = quote(f"{WIDE}{number}{'x' * 59_000}")
        assert ask(f"/search/?q={long}") == 200
        assert ask(f"/search/suggest?q={long}") == 200
    assert grown() < 2  # 240 kB each


def test_long_headers_are_truncated_before_they_are_cached(
    ask: Callable[..., int], grown: Callable[[], float]
) -> None:
    paths = ("/", "/search/?q=x", "/favicon.ico")
    for path in paths:
        ask(path)
    grown()
    for number in range(40):
        long = f"br;q=0.{number}, {'x' * 100_000}"
        for path in paths:
            assert ask(path, HTTP_ACCEPT_ENCODING=long, HTTP_COOKIE=f"a={long}") == 200
    assert grown() < 2  # 100 kB each


def test_odd_addresses_add_no_cached_page(
    app: Flask, ask: Callable[..., int], grown: Callable[[], float]
) -> None:
    ask("/news/")
    kept: PageCache = app.extensions["psg_page_cache"]
    for path in ("/nothing", "/news/?before=x", "/topics", "/static/x/y"):
        ask(path)
    grown()
    before = kept.size
    for number in range(20):
        noise = f"{number}{'y' * 3_000}"
        for path in (
            f"/news/?x={noise}",
            f"/news/?before={noise}",
            f"/news/?before={number}&before={number}",
            f"/news/?{'&'.join(f'a{n}={number}' for n in range(150))}",
            f"/topics?{noise}",
            f"/nothing?{noise}",
            f"/news/{noise[:1_500]}",
            f"/static/{number}/{noise[:1_500]}",
        ):
            assert ask(path) in {200, 308, 400, 404}
    assert (len(kept.pages), kept.size) == (1, before)
    assert len(app.extensions["psg_error_pages"]) <= errors.MAX_CACHED
    assert grown() < 3


@pytest.mark.parametrize(
    "path",
    ["/" + "x" * 3_000, "/news/?x=" + "x" * 5_000, "/search/?" + "&" * 300, "/?" + "&" * 300],
)
def test_addresses_beyond_any_of_ours_are_refused(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 414


def test_the_size_of_a_cached_page_includes_its_key_and_headers() -> None:
    gc.collect()
    pages = PageCache(1)
    tracemalloc.start()
    try:
        for number in range(2_000):
            key = f"?before={number}{'ñ' * 300}{WIDE} /news/"
            entry = CachedPage(
                1,
                factories.NOW,
                factories.NOW,
                f"text/html; {number}",
                f"etag {number}",
                (("Last-Modified", f"x{number}"),),
                {"identity": bytes(100 + number % 7), "br": bytes(50)},
            )
            pages.put(key, entry)
        del key, entry
        gc.collect()
        held, _most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pages.size <= pages.max_size
    assert held <= pages.max_size


@pytest.mark.parametrize(
    ("remember", "cache", "most"),
    [
        (language.fold, language._folded, 13),
        (language.analyse, language._analysed, 17),
        (lambda word: language.stem(word, "en"), language._stem, 25),
        (spelling.sound_key, spelling._sound_key, 13),
    ],
    ids=["fold", "analyse", "stem", "sound"],
)
def test_caches_of_unknown_words_are_bounded(
    remember: Callable[[str], object], cache: object, most: float, grown: Callable[[], float]
) -> None:
    cache.cache_clear()  # type: ignore[attr-defined]  # of functools
    grown()
    for number in range(1_000):
        remember(f"{number:06}{'ж' * (language.MAX_CACHED_WORD - 6)}")
    taken, entries = grown(), cache.cache_info().maxsize  # type: ignore[attr-defined]  # likewise
    assert taken * entries / 1_000 < most
    for number in range(20):
        remember(f"{number}{'ж' * 2_000}")
    assert grown() < taken + 0.05
    cache.cache_clear()  # type: ignore[attr-defined]  # of functools


def test_the_cache_of_parsed_queries_is_bounded(grown: Callable[[], float]) -> None:
    parsing._parse.cache_clear()
    grown()
    for number in range(700):
        parsing.parse(f"{WIDE}{number} {'ж' * 9} " * 200)
    assert grown() < 8
    parsing._parse.cache_clear()


def test_the_cache_of_rendered_texts_is_bounded(grown: Callable[[], float]) -> None:
    grown()
    for number in range(120):
        rendering.markdown(f"{WIDE} {number} {'x ' * 20_000}")
    assert grown() < 5


def test_accept_encoding_is_parsed_as_before(client: FlaskClient) -> None:
    assert compression.negotiate({"identity": b"a", "br": b"b"}, "gzip, br")[0] == "br"
