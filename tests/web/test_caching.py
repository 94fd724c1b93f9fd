"""Cached pages: the same bytes until readers would see something else, then never again."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.core.clock import LONDON, london_day
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.news.models import Article, Issue, Topic
from psgflask.pages.models import Page
from psgflask.web import caching
from psgflask.web.caching import CachedPage, PageCache
from tests import factories


class Clock:
    """The present time of the site, set by tests."""

    def __init__(self) -> None:
        self.now = datetime(2018, 7, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in list(sys.modules):
        if module.startswith("psgflask.") and hasattr(sys.modules[module], "utc_now"):
            monkeypatch.setattr(f"{module}.utc_now", clock)
    return clock


@pytest.fixture
def rendered(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints of the views that were called, in order."""
    called: list[str] = []
    views: dict[str, Any] = app.view_functions
    for endpoint, view in list(views.items()):
        if not getattr(view, "cacheable", False):
            continue

        @wraps(view)  # with its marks
        def counted(*args: Any, _view: Any = view, _name: str = endpoint, **kwargs: Any) -> Any:
            called.append(_name)
            return _view(*args, **kwargs)

        monkeypatch.setitem(views, endpoint, counted)
    return called


def test_a_page_requested_again_is_not_rendered_again(
    client: FlaskClient, session: Session, rendered: list[str]
) -> None:
    factories.article(session, "First headline")
    first, second = client.get("/news/"), client.get("/news/")
    assert rendered == ["news.listing"]
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]


def _in_bulk(session: Session) -> None:
    session.execute(update(Article).values(title="All the same"))
    content_stamp.content_changed(session)


CHANGES: dict[str, Callable[[Session, Article], object]] = {
    "a title": lambda session, article: setattr(article, "title", "Another title"),
    "an article that is added": lambda session, article: factories.article(session),
    "an article that is deleted": lambda session, article: session.delete(article),
    "a withdrawal": lambda session, article: publishing.withdraw(
        session, article, by="x", now=factories.NOW
    ),
    "a correction": lambda session, article: publishing.correct(
        session, article, "The name was wrong.", by="x", now=factories.NOW
    ),
    "a topic's name": lambda session, article: setattr(
        article.topics[0], "name_en", "Mines and quarries"
    ),
    "an article's topics": lambda session, article: article.topics.clear(),
    "an issue": lambda session, article: session.add(Issue(series="Update", number=1)),
    "a topic": lambda session, article: session.add(
        Topic(slug="water", name_en="Water", name_es="Agua")
    ),
    "a page": lambda session, article: session.add(
        Page(slug="x", language="en", section="psg", title="X", teaser="x", body="x")
    ),
    "an appeal": lambda session, article: factories.appeal(session),
    "bulk SQL that says so": lambda session, article: _in_bulk(session),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_that_readers_may_see_invalidates_cached_pages(
    client: FlaskClient, session: Session, rendered: list[str], change: str
) -> None:
    topic = factories.topic(session, "mining")
    article = factories.article(session, "Before", topics=[topic.slug])
    client.get("/news/")
    CHANGES[change](session, article)
    session.commit()
    rendered.clear()
    client.get("/news/")
    assert rendered == ["news.listing"]


def test_a_rollback_leaves_cached_pages_valid(
    client: FlaskClient, session: Session, rendered: list[str]
) -> None:
    article = factories.article(session, "As it was")
    client.get("/news/")
    article.title = "As it never was"
    session.flush()
    session.rollback()
    rendered.clear()
    assert "As it was" in client.get("/news/").text
    assert rendered == []


def test_a_change_by_another_process_is_seen_at_once(
    client: FlaskClient, session: Session, instance: Path
) -> None:
    factories.article(session, "Old title")
    assert "Old title" in client.get("/news/").text
    session.rollback()
    changing = (
        "from psgflask import create_app\n"
        "from psgflask.core.database import db\n"
        "from psgflask.news.models import Article\n"
        "with create_app({'SECRET_KEY': 'x'}).app_context():\n"
        "    db.session.query(Article).one().title = 'New title'\n"
        "    db.session.commit()\n"
    )
    subprocess.run([sys.executable, "-c", changing], check=True, timeout=60)
    assert "New title" in client.get("/news/").text


def test_a_scheduled_article_appears_when_its_time_comes(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    factories.article(session, "Seen already", now=clock.now - timedelta(days=1))
    due = clock.now + timedelta(minutes=1)
    factories.article(session, "Comes at noon", status="scheduled", at=due, now=clock.now)
    assert "Comes at noon" not in client.get("/news/").text
    clock.now = due - timedelta(seconds=1)
    assert "Comes at noon" not in client.get("/news/").text
    clock.now = due
    assert "Comes at noon" in client.get("/news/").text


def test_an_article_that_comes_due_while_a_page_is_rendered_is_not_missed(
    app: Flask,
    client: FlaskClient,
    session: Session,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due = clock.now + timedelta(seconds=30)
    factories.article(session, "Came meanwhile", status="scheduled", at=due, now=clock.now)
    view: Any = app.view_functions["news.listing"]

    def slow() -> Any:
        page = view()
        clock.now = due + timedelta(seconds=1)
        return page

    monkeypatch.setitem(app.view_functions, "news.listing", caching.cacheable(slow))
    assert "Came meanwhile" not in client.get("/news/").text
    monkeypatch.setitem(app.view_functions, "news.listing", view)
    assert "Came meanwhile" in client.get("/news/").text


AHEAD = timedelta(days=100)


@pytest.mark.parametrize("path", ["/", "/news/", "/news.atom", "/sitemap.xml", "/news/embargoed"])
def test_r14_an_article_published_by_a_clock_that_was_ahead_is_hidden_again(
    client: FlaskClient, session: Session, clock: Clock, path: str
) -> None:
    factories.article(session, "Seen already", now=clock.now - timedelta(days=1))
    due = clock.now + timedelta(days=3)
    factories.article(
        session, "Embargoed", slug="embargoed", status="scheduled", at=due, now=clock.now
    )
    title = "mbargoed"
    right = clock.now
    for _time in range(2):
        clock.now = right + AHEAD
        assert title in client.get(path).text
        clock.now = right
        response = client.get(path)
        assert title not in response.text or response.status_code == 404


def test_r14_a_page_rendered_while_the_clock_jumped_is_not_cached(
    app: Flask,
    client: FlaskClient,
    session: Session,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due = clock.now + timedelta(days=3)
    factories.article(session, "Embargoed", status="scheduled", at=due, now=clock.now)
    view: Any = app.view_functions["news.listing"]
    right = clock.now

    def jumping() -> Any:
        clock.now = right + AHEAD
        return view()

    monkeypatch.setitem(app.view_functions, "news.listing", caching.cacheable(jumping))
    client.get("/news/")
    monkeypatch.setitem(app.view_functions, "news.listing", view)
    clock.now = right
    assert "Embargoed" not in client.get("/news/").text


def test_r14_a_feed_dated_by_a_clock_that_was_ahead_is_sent_again(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    right, clock.now = clock.now, clock.now + AHEAD
    made = client.get("/news.atom").headers["Last-Modified"]
    clock.now = right
    factories.article(session, "Since then", now=clock.now)
    response = client.get("/news.atom", headers={"If-Modified-Since": made})
    assert response.status_code == 200
    again = {"If-Modified-Since": response.headers["Last-Modified"]}
    assert client.get("/news.atom", headers=again).status_code == 304


@pytest.mark.parametrize(
    ("before", "midnight"),
    [
        (datetime(2018, 7, 20, 22, 59, 59, tzinfo=UTC), datetime(2018, 7, 20, 23, 0, tzinfo=UTC)),
        (datetime(2018, 1, 20, 23, 59, 59, tzinfo=UTC), datetime(2018, 1, 21, 0, 0, tzinfo=UTC)),
        (datetime(2018, 10, 28, 23, 59, tzinfo=UTC), datetime(2018, 10, 29, 0, 0, tzinfo=UTC)),
    ],
)
def test_cached_pages_expire_at_midnight_in_london(
    client: FlaskClient,
    session: Session,
    clock: Clock,
    rendered: list[str],
    before: datetime,
    midnight: datetime,
) -> None:
    clock.now = before
    client.get("/events/"), client.get("/events/")
    assert len(rendered) == 1
    clock.now = midnight
    client.get("/events/")
    assert len(rendered) == 2


def test_an_event_is_past_on_the_day_after_it(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    factories.article(session, "The talk", kind="event", dated="20 July 2018", now=clock.now)
    coming = client.get("/events/").text
    clock.now = datetime(2018, 7, 20, 23, 30, tzinfo=UTC)  # half past midnight in London
    assert client.get("/events/").text != coming


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0.9, gzip;q=0.8", "br"),
        ("br;q=0, gzip", "gzip"),
        ("BR", "br"),
        ("", None),
        ("identity", None),
        ("zstd", None),
        (";;q=,,", None),
    ],
)
def test_a_page_is_sent_in_the_coding_that_the_client_accepts(
    client: FlaskClient, session: Session, accepted: str, coding: str | None
) -> None:
    factories.article(session, "Compressed once")
    for _again in range(2):
        response = client.get("/news/", headers={"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == coding
        assert response.headers["Vary"] == "Accept-Encoding"
        plain = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
        assert b"Compressed once" in plain(response.data)


def test_an_unchanged_page_gets_a_304_with_few_headers(
    client: FlaskClient, session: Session
) -> None:
    article = factories.article(session, "Unchanged")
    etag = client.get("/news/").headers["ETag"]
    same = client.get("/news/", headers={"If-None-Match": etag})
    assert (same.status_code, same.data) == (304, b"")
    allowed = {"etag", "cache-control", "vary", "date"}
    assert {name.lower() for name, _value in same.headers} <= allowed
    article.title = "Changed"
    session.commit()
    assert client.get("/news/", headers={"If-None-Match": etag}).status_code == 200


def test_each_coding_has_an_etag_of_its_own(client: FlaskClient) -> None:
    etags = {
        client.get("/", headers={"Accept-Encoding": coding}).headers["ETag"]
        for coding in ("br", "gzip", "identity")
    }
    assert len(etags) == 3


def test_head_has_the_headers_of_get(client: FlaskClient, session: Session) -> None:
    factories.article(session)
    for _again in range(2):
        head, get = client.head("/news/"), client.get("/news/")
        assert head.data == b""
        assert head.headers["ETag"] == get.headers["ETag"]
        assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_other_cookies_do_not_bypass_the_cache(
    app: Flask, client: FlaskClient, rendered: list[str]
) -> None:
    client.get("/news/")
    client.set_cookie("_ga", "something")
    client.get("/news/")
    assert rendered == ["news.listing"]


def test_a_signed_in_reader_bypasses_the_cache(
    app: Flask, client: FlaskClient, rendered: list[str]
) -> None:
    client.get("/news/")
    client.set_cookie("account", "something")
    response = client.get("/news/")
    assert rendered == ["news.listing", "news.listing"]
    assert response.headers["Cache-Control"] == "no-store"


def test_the_key_includes_language_and_known_parameters_only(
    client: FlaskClient, session: Session, rendered: list[str]
) -> None:
    added = factories.article(session, dated="1 January 2018")
    assert client.get("/news/").data != client.get("/es/news/").data
    client.get(f"/news/?before=2018-01-01.{added.id}")
    assert len(rendered) == 3
    for unknown in ("utm_source=elsewhere", "q=mining", "page=2"):
        client.get(f"/news/?{unknown}")
    assert len(rendered) == 3
    assert "q=mining" not in client.get("/news/?q=mining").text


def test_a_path_cannot_imitate_a_query(client: FlaskClient, session: Session) -> None:
    added = factories.article(session, dated="1 January 2018")
    assert client.get(f"/news/?before=2018-01-01.{added.id}").status_code == 200
    assert client.get(f"/news/%3Fbefore=2018-01-01.{added.id}").status_code == 404


def test_errors_are_not_cached(client: FlaskClient, session: Session) -> None:
    assert client.get("/news/later").headers["Cache-Control"] == "no-store"
    factories.article(session, "Later", slug="later")
    assert client.get("/news/later").status_code == 200


def test_a_cache_of_no_size_stores_nothing(
    make_app: Callable[..., Flask], session: Session
) -> None:
    client = make_app(PAGE_CACHE_MB=0).test_client()
    assert client.get("/news/").headers["ETag"] == client.get("/news/").headers["ETag"]


EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def cached(size: int) -> CachedPage:
    return CachedPage(1, EVER[0], EVER[1], "text/html", "x", (), {"identity": bytes(size)})


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 600_000)), max_size=30))
def test_the_page_cache_is_bounded(puts: list[tuple[str, int]]) -> None:
    cache = PageCache(1)
    for key, size in puts:
        cache.put(key, cached(size))
        assert cache.size == sum(page.size(key) for key, page in cache.pages.items())
        assert cache.size <= cache.max_size


def test_the_least_recently_used_page_is_evicted() -> None:
    cache = PageCache(1)
    for key in "abcd":
        cache.put(key, cached(240_000))
    assert cache.get("a", 1, factories.NOW)
    cache.put("e", cached(240_000))
    assert list(cache.pages) == ["c", "d", "a", "e"]


def test_a_huge_page_is_not_cached() -> None:
    cache = PageCache(1)
    cache.put("small", cached(1000))
    cache.put("huge", cached(900_000))
    assert list(cache.pages) == ["small"]


def test_no_page_outlives_its_day_all_year_round(app: Flask) -> None:
    with app.app_context():
        session = db.session()
        for day in range(366):
            now = datetime(2018, 1, 1, 23, 30, tzinfo=UTC) + timedelta(days=day)
            until = caching._expires(session, now)
            assert now < until <= now + timedelta(days=1, hours=1)
            assert until.astimezone(LONDON).hour == 0
            today = london_day(now)
            assert london_day(until) == today + timedelta(days=1)
