"""What is counted and stored of searches: numbers, words only from their third day on."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.ops.serving import commands, startup
from psgflask.ops.worker import Worker
from psgflask.search import search_log, worker_task
from psgflask.search.models import SearchCount, SearchQuery
from psgflask.search.search_log import DailyCount, SearchCounter, normalised
from psgflask.web import caching
from tests import factories

DAY = date(2026, 11, 24)


def count(session: Session, text: str, *days: date, times: int = 1, hits: int | None = 0) -> None:
    for day in days:
        search_log.store(session, [DailyCount(day, text, times, hits)], secret="x")
    session.commit()


def before(number: int) -> date:
    return DAY - timedelta(days=number)


def rows(session: Session) -> list[tuple[object, ...]]:
    chosen = select(SearchCount.day, SearchCount.whole_month, SearchCount.times, SearchCount.hits)
    return [tuple(row) for row in session.execute(chosen.order_by(SearchCount.day))]


def run(app: Flask, *words: str) -> str:
    result = app.test_cli_runner().invoke(args=["search", "report", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Tía   MARÍA ", "tia maria"),
        ('"Constitutional Commission" -strike', "constitutional commission strike"),
        ("Peru's", "peru s"),
        ("?!", ""),
        ("jane@example.org", ""),
        ("mine " * 100, ("mine " * 40).strip()),
    ],
)
def test_words_are_stored_folded_in_order_and_cut(typed: str, stored: str) -> None:
    assert normalised(typed) == stored


@given(st.text())
def test_any_text_has_a_normal_form_that_is_its_own(typed: str) -> None:
    once = normalised(typed)
    assert len(once) <= search_log.MAX_LENGTH
    assert normalised(once) == once.strip()


def test_words_are_named_from_the_third_different_day_on(session: Session) -> None:
    count(session, "tia maria", DAY, DAY, DAY, before(-1), before(-1))
    query = session.scalars(select(SearchQuery)).one()
    assert query.text is None
    assert query.days == 2
    count(session, "tia maria", before(-2))
    assert session.scalars(select(SearchQuery.text)).all() == ["tia maria"]
    assert [row[2] for row in rows(session)] == [3, 2, 1]


def test_the_hash_needs_the_secret(session: Session) -> None:
    keys = {search_log.key_of("mine", secret) for secret in ("x", "y" * 500, "")}
    assert len(keys) == 3
    assert search_log.key_of("mine", "x") == search_log.key_of("mine", "x")


def test_a_search_with_a_filter_leaves_the_number_of_articles_as_it_was(session: Session) -> None:
    count(session, "mine", DAY, hits=7)
    count(session, "mine", DAY, hits=None)
    assert rows(session) == [(DAY, False, 2, 7)]


def test_days_are_folded_into_months_once_the_whole_month_is_old(session: Session) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 31), date(2026, 8, 1), date(2026, 11, 20)]
    count(session, "mine", *days, times=2, hits=5)
    for _twice in range(2):
        search_log.tidy(session, DAY)
        session.commit()
        assert rows(session) == [
            (date(2026, 7, 1), True, 4, 5),
            (date(2026, 8, 1), False, 2, 5),
            (date(2026, 11, 20), False, 2, 5),
        ]


def test_a_hash_that_is_not_seen_again_is_deleted_with_its_numbers(session: Session) -> None:
    count(session, "once", before(31))
    count(session, "lately", before(29))
    count(session, "known", before(40), before(39), before(38))
    search_log.tidy(session, DAY)
    session.commit()
    assert session.scalar(select(func.count()).select_from(SearchQuery)) == 2
    assert [row[0] for row in rows(session)] == [before(40), before(39), before(38), before(29)]


def test_known_words_are_deleted_after_three_years(session: Session) -> None:
    count(session, "known", *[date(2023, 10, day) for day in (1, 2, 3)])
    search_log.tidy(session, DAY)
    session.commit()
    assert rows(session) == []
    assert session.scalars(select(SearchQuery)).all() == []


def test_of_too_many_hashes_the_rarest_are_deleted(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_log, "MAX_UNNAMED", 2)
    count(session, "twice", before(9), before(8))
    for number in range(5):
        count(session, f"once {number}", DAY)
    count(session, "known", before(3), before(2), before(1))
    search_log.tidy(session, DAY)
    session.commit()
    left = session.scalars(select(SearchQuery).order_by(SearchQuery.id)).all()
    assert [(query.days, query.text) for query in left] == [(2, None), (1, None), (3, "known")]


def test_the_worker_tidies_up_once_all_readings_of_the_clock_agree(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    count(session, "once", now.date() - timedelta(days=31))
    Worker(app).run_once()
    assert len(rows(session)) == 1
    session.rollback()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: clock_watch.TimeBounds(now, now))
    app.extensions.pop("psg_search_log_tidied")
    Worker(app).run_once()
    assert rows(session) == []


def test_a_search_after_midnight_in_summer_stays_on_its_day_in_london(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: clock_watch.TimeBounds(now, now))
    monkeypatch.setattr(worker_task, "utc_now", lambda: now)
    tomorrow = date(2026, 7, 2)
    count(session, "mine", tomorrow)
    worker_task.tidy_search_log(app)
    session.rollback()
    count(session, "mine", tomorrow)
    assert [(query.days, query.last_day) for query in session.scalars(select(SearchQuery))] == [
        (1, tomorrow)
    ]
    assert rows(session) == [(tomorrow, False, 2, 0)]


def test_r14_what_was_counted_while_the_clock_was_ahead_counts_for_today(
    session: Session,
) -> None:
    ahead = before(-100)
    count(session, "lake", DAY, ahead)
    count(session, "mine", ahead)
    search_log.move_from_future(
        session, DAY, ahead
    )  # a reading of the last day says that it is so late
    assert len(rows(session)) == 3
    search_log.move_from_future(session, DAY, DAY)
    session.expire_all()
    counted = session.execute(select(SearchCount.day, SearchCount.times)).all()
    assert sorted(counted) == [(DAY, 1), (DAY, 2)]
    assert set(session.scalars(select(SearchQuery.last_day))) == {DAY}


def test_the_report_names_what_is_asked_for_and_what_finds_nothing(
    app: Flask, session: Session
) -> None:
    today = utc_now().date()
    three = [today - timedelta(days=number) for number in (2, 1, 0)]
    count(session, "mine", *three, times=5, hits=7)
    count(session, "vicuna", *three, times=2, hits=0)
    count(session, "a secret of mine", today, times=4)
    output = run(app)
    assert "25 searches" in output
    assert "4 of them" in output
    assert output.index("mine") < output.index("vicuna") < output.index("Found nothing")
    assert "vicuna" in output.split("Found nothing")[1]
    assert "mine" not in output.split("Found nothing")[1]
    assert "secret" not in output


def test_the_report_for_a_machine_and_of_fewer_days(app: Flask, session: Session) -> None:
    today = utc_now().date()
    count(session, "mine", *[today - timedelta(days=number) for number in (2, 1, 0)], hits=7)
    found = json.loads(run(app, "--json", "--days", "2"))
    assert found == {
        "since": str(today - timedelta(days=1)),
        "searches": 2,
        "unnamed": 0,
        "top": [{"text": "mine", "times": 2, "hits": 7, "last_day": str(today)}],
        "nothing_found": [],
    }


def test_the_same_words_under_two_secrets_are_one(app: Flask, session: Session) -> None:
    today = utc_now().date()
    days = [today - timedelta(days=number) for number in (2, 1, 0)]
    for secret in ("x", "y"):
        for day in days:
            search_log.store(session, [DailyCount(day, "mine", 1, 7)], secret=secret)
    session.commit()
    assert [one["times"] for one in json.loads(run(app, "--json"))["top"]] == [6]


def test_no_search_yet(app: Flask, session: Session) -> None:
    factories.article(session)
    assert "0 searches" in run(app)


def counted(app: Flask) -> dict[str, tuple[int, int | None]]:
    return {one.text: (one.times, one.hits) for one in search_log.counter(app).counts.values()}


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


def test_a_search_with_a_filter_is_counted_without_hits(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    factories.article(session, "The mine")
    client.get("/search/?q=mine&lang=es")
    assert counted(app) == {"mine": (1, None)}


def test_a_cached_page_counts_with_the_hits_that_it_was_rendered_with(
    app: Flask, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "The mine")
    rendered = []
    view = app.view_functions["search.search"]

    @caching.cacheable
    @caching.query_parameters("q", "page")
    def cached() -> object:
        rendered.append(1)
        return view()

    monkeypatch.setitem(app.view_functions, "search.search", cached)
    first = client.get("/search/?q=mine")
    client.get("/search/?q=mine")
    again = client.get("/search/?q=mine", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert len(rendered) == 1
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


def test_a_flood_is_bounded_and_evicts_no_frequent_search(app: Flask) -> None:
    bounded = SearchCounter(lambda counts: None, max_counted=100)
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
            search_log.counter(app).add([one("mine")])

    counting = [threading.Thread(target=count) for _thread in range(4)]
    for thread in counting:
        thread.start()
    while any(thread.is_alive() for thread in counting):
        search_log.counter(app).write()
    search_log.counter(app).write()
    assert session.scalars(select(SearchCount.times)).all() == [2000]


def test_what_cannot_be_written_is_written_later_and_the_log_tells_no_words(
    app: Flask,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    search_log.counter(app).add([one("tia maria", 2)])

    def fail(*given: object, **named: object) -> None:
        raise OperationalError("INSERT tia maria", {"text": "tia maria"}, ValueError("tia maria"))

    with monkeypatch.context() as broken:
        broken.setattr(search_log, "store", fail)
        search_log.counter(app).write()
    assert caplog.record_tuples == [
        ("psgflask.search.search_log", logging.WARNING, caplog.messages[0])
    ]
    assert "OperationalError" in caplog.text
    assert "maria" not in caplog.text
    search_log.counter(app).add([one("tia maria")])
    search_log.counter(app).write()
    assert session.scalars(select(SearchCount.times)).all() == [3]


def test_it_is_written_by_itself_and_when_it_stops(app: Flask, session: Session) -> None:
    running = SearchCounter(search_log.counter(app)._write, every=0.01)
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
    started: list[SearchCounter] = []
    monkeypatch.setattr(SearchCounter, "start", lambda self: started.append(self))
    app.cli.command("look")(lambda: search_log.start_counter(app))
    app.test_cli_runner().invoke(args=["look"])
    assert started == []
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    assert started == [search_log.counter(startup.create_serving_app())]


def test_a_server_that_is_told_to_end_writes_what_it_counted(
    instance: Path, app: Flask, session: Session
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    known = {**os.environ, "PSG_SECRET_KEY": "x", "PSG_BASE_URL": f"http://127.0.0.1:{port}"}
    server = subprocess.Popen(commands.server_command("127.0.0.1", port), env=known)
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
