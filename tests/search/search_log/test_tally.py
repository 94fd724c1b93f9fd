"""Searches counted in the process: whichever way they were answered, never slower, never lost."""

import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from psgflask.core.database import db
from psgflask.ops.serving import commands, startup
from psgflask.search.models import SearchCount, SearchQuery
from psgflask.search.search_log import searches, tally
from psgflask.search.search_log.searches import DailyCount
from psgflask.search.search_log.tally import SearchCounter
from psgflask.web import caching
from tests import factories

DAY = date(2026, 11, 24)


def counted(app: Flask) -> dict[str, tuple[int, int | None]]:
    return {one.text: (one.times, one.hits) for one in tally.of(app).counts.values()}


def one(text: str, times: int = 1, hits: int | None = 0) -> DailyCount:
    return DailyCount(DAY, text, times, hits)


def test_a_search_is_counted_by_its_folded_words_with_its_hits(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    factories.article(session, "The mine of Tía María")
    client.get("/search/?q=T%C3%ADa+MAR%C3%8DA")
    client.get("/es/search/?q=tia+maria")
    client.get("/search/?q=zzzz")
    assert counted(app) == {"tia maria": (2, 1), "zzzz": (1, 0)}


@pytest.mark.parametrize(
    "address",
    [
        "/search/",
        "/search/?q=",
        "/search/?q=!!!",
        "/search/?q=jane@example.org",
        "/search/?q=mine&sort=upwards",
        "/search/?q=mine&page=40",
        "/news/?q=mine",
    ],
)
def test_what_is_no_search_is_not_counted(app: Flask, client: FlaskClient, address: str) -> None:
    client.get(address)
    client.head("/search/?q=mine")
    assert counted(app) == {}


def test_only_the_first_page_is_a_search(app: Flask, client: FlaskClient, session: Session) -> None:
    for number in range(11):
        factories.article(session, f"Mine {number}")
    assert client.get("/search/?q=mine&page=2").status_code == 200
    assert counted(app) == {}
    client.get("/search/?q=mine&page=1")
    assert counted(app) == {"mine": (1, 11)}


def test_a_filter_says_nothing_of_how_much_there_is(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    factories.article(session, "The mine")
    client.get("/search/?q=mine&lang=es")
    assert counted(app) == {"mine": (1, None)}


def test_a_kept_page_counts_with_the_hits_of_its_drawing(
    app: Flask, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "The mine")
    drawn = []
    view = app.view_functions["search.search"]

    @caching.cacheable
    @caching.query_parameters("q", "page")
    def kept() -> object:
        drawn.append(1)
        return view()

    monkeypatch.setitem(app.view_functions, "search.search", kept)
    first = client.get("/search/?q=mine")
    client.get("/search/?q=mine")
    again = client.get("/search/?q=mine", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert len(drawn) == 1
    assert counted(app) == {"mine": (3, 1)}


def test_a_search_writes_nothing_by_itself(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    client.get("/search/?q=mine")
    assert [s for s in statements if not re.match("SELECT|PRAGMA|BEGIN", s)] == []
    assert counted(app)


def test_a_search_is_answered_when_it_cannot_be_counted(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(self: SearchCounter, searched: object) -> None:
        raise RuntimeError("tia maria")

    monkeypatch.setattr(SearchCounter, "add", fail)
    assert client.get("/search/?q=tia+maria").status_code == 200
    assert "not counted (RuntimeError)" in caplog.text
    assert "tia" not in caplog.text


def test_a_flood_grows_nothing_and_keeps_what_many_ask_for(app: Flask) -> None:
    bounded = SearchCounter(app, most=100)
    bounded.add([one("mine", 3)])
    for number in range(10_000):
        bounded.add([one(f"flood {number}")])
        assert len(bounded.counts) <= 100
    texts = [text for _day, text in bounded.counts]
    assert "mine" in texts
    assert texts[-1] == "flood 9999"


def test_no_search_is_lost_between_threads_that_count_and_one_that_writes(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plus = DailyCount.plus

    def interrupted(self: DailyCount, later: DailyCount) -> DailyCount:
        time.sleep(0)  # another thread's turn, where it does most harm
        return plus(self, later)

    monkeypatch.setattr(DailyCount, "plus", interrupted)

    def count() -> None:
        for _time in range(500):
            tally.of(app).add([one("mine")])

    counting = [threading.Thread(target=count) for _thread in range(4)]
    for thread in counting:
        thread.start()
    while any(thread.is_alive() for thread in counting):
        tally.of(app).write()
    tally.of(app).write()
    assert session.scalars(select(SearchCount.times)).all() == [2000]


def test_what_cannot_be_written_is_written_later_and_the_log_tells_no_words(
    app: Flask,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally.of(app).add([one("tia maria", 2)])

    def fail(*given: object, **named: object) -> None:
        raise OperationalError("INSERT tia maria", {"text": "tia maria"}, ValueError("tia maria"))

    with monkeypatch.context() as broken:
        broken.setattr(searches, "store", fail)
        tally.of(app).write()
    assert caplog.record_tuples == [
        ("psgflask.search.search_log.tally", logging.WARNING, caplog.messages[0])
    ]
    assert "OperationalError" in caplog.text
    assert "maria" not in caplog.text
    tally.of(app).add([one("tia maria")])
    tally.of(app).write()
    assert session.scalars(select(SearchCount.times)).all() == [3]


def test_it_is_written_by_itself_and_when_it_stops(app: Flask, session: Session) -> None:
    running = SearchCounter(app, every=0.01)
    running.start()
    running.add([one("mine")])
    until = time.monotonic() + 30
    while running.counts and time.monotonic() < until:
        time.sleep(0.01)
    running.stop()
    running.add([one("mine")])
    running.stop()
    assert session.scalars(select(SearchCount.times)).all() == [2]


def test_a_server_starts_it_and_a_command_does_not(
    app: Flask, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Flask] = []
    monkeypatch.setattr(SearchCounter, "start", lambda self: started.append(self.app))
    app.cli.command("look")(lambda: tally.start(app))
    app.test_cli_runner().invoke(args=["look"])
    assert started == []
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    assert started == [startup.site()]


def test_a_server_that_is_told_to_end_writes_what_it_counted(
    instance: Path, app: Flask, session: Session
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    known = {**os.environ, "PSG_SECRET_KEY": "x", "PSG_BASE_URL": f"http://127.0.0.1:{port}"}
    server = subprocess.Popen(commands.command("127.0.0.1", port), env=known)
    try:
        address = f"http://127.0.0.1:{port}/search/?q=mine"
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert session.scalars(select(SearchCount.times)).all() == []
        session.rollback()
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    finally:
        server.kill()
        server.wait()
    assert session.scalars(select(SearchCount.times)).all() == [1]
    assert session.scalars(select(SearchQuery.text)).all() == [None]
