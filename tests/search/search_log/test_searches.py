"""What is kept of searches: numbers, words only from their third day on, and nothing for ever."""

import json
from datetime import date, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.ops.worker import Worker
from psgflask.search.models import SearchCount, SearchQuery
from psgflask.search.search_log import searches
from psgflask.search.search_log.searches import DailyCount, normalised
from tests import factories

DAY = date(2026, 11, 24)


def ask(session: Session, text: str, *days: date, times: int = 1, hits: int | None = 0) -> None:
    for day in days:
        searches.store(session, [DailyCount(day, text, times, hits)], secret="x")
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
    ("typed", "kept"),
    [
        ("  Tía   MARÍA ", "tia maria"),
        ('"Constitutional Commission" -strike', "constitutional commission strike"),
        ("Peru's", "peru s"),
        ("?!", ""),
        ("jane@example.org", ""),
        ("mine " * 100, ("mine " * 40).strip()),
    ],
)
def test_words_are_kept_folded_in_order_and_cut(typed: str, kept: str) -> None:
    assert normalised(typed) == kept


@given(st.text())
def test_any_text_has_a_normal_form_that_is_its_own(typed: str) -> None:
    once = normalised(typed)
    assert len(once) <= searches.LONGEST
    assert normalised(once) == once.strip()


def test_words_are_known_from_the_third_different_day_on(session: Session) -> None:
    ask(session, "tia maria", DAY, DAY, DAY, before(-1), before(-1))
    query = session.scalars(select(SearchQuery)).one()
    assert query.text is None
    assert query.days == 2
    ask(session, "tia maria", before(-2))
    assert session.scalars(select(SearchQuery.text)).all() == ["tia maria"]
    assert [row[2] for row in rows(session)] == [3, 2, 1]


def test_the_hash_needs_the_secret(session: Session) -> None:
    keys = {searches.key_of("mine", secret) for secret in ("x", "y" * 500, "")}
    assert len(keys) == 3
    assert searches.key_of("mine", "x") == searches.key_of("mine", "x")


def test_a_search_with_a_filter_leaves_the_number_of_articles_as_it_was(session: Session) -> None:
    ask(session, "mine", DAY, hits=7)
    ask(session, "mine", DAY, hits=None)
    assert rows(session) == [(DAY, False, 2, 7)]


def test_days_are_folded_into_months_once_the_whole_month_is_old(session: Session) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 31), date(2026, 8, 1), date(2026, 11, 20)]
    ask(session, "mine", *days, times=2, hits=5)
    for _twice in range(2):
        searches.tidy(session, DAY)
        session.commit()
        assert rows(session) == [
            (date(2026, 7, 1), True, 4, 5),
            (date(2026, 8, 1), False, 2, 5),
            (date(2026, 11, 20), False, 2, 5),
        ]


def test_a_hash_that_is_not_seen_again_is_forgotten_with_its_numbers(session: Session) -> None:
    ask(session, "once", before(31))
    ask(session, "lately", before(29))
    ask(session, "known", before(40), before(39), before(38))
    searches.tidy(session, DAY)
    session.commit()
    assert session.scalar(select(func.count()).select_from(SearchQuery)) == 2
    assert [row[0] for row in rows(session)] == [before(40), before(39), before(38), before(29)]


def test_known_words_are_forgotten_after_three_years(session: Session) -> None:
    ask(session, "known", *[date(2023, 10, day) for day in (1, 2, 3)])
    searches.tidy(session, DAY)
    session.commit()
    assert rows(session) == []
    assert session.scalars(select(SearchQuery)).all() == []


def test_of_too_many_hashes_the_rarest_are_forgotten(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MOST_UNNAMED", 2)
    ask(session, "twice", before(9), before(8))
    for number in range(5):
        ask(session, f"once {number}", DAY)
    ask(session, "known", before(3), before(2), before(1))
    searches.tidy(session, DAY)
    session.commit()
    kept = session.scalars(select(SearchQuery).order_by(SearchQuery.id)).all()
    assert [(query.days, query.text) for query in kept] == [(2, None), (1, None), (3, "known")]


def test_the_worker_tidies_up_once_all_readings_of_the_clock_agree(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    ask(session, "once", now.date() - timedelta(days=31))
    Worker(app).round()
    assert len(rows(session)) == 1
    session.rollback()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: clock_watch.TimeBounds(now, now))
    app.extensions.pop("psg_searches_tidied")
    Worker(app).round()
    assert rows(session) == []


def test_r14_what_was_counted_while_the_clock_was_ahead_counts_for_today(
    session: Session,
) -> None:
    ahead = before(-100)
    ask(session, "lake", DAY, ahead)
    ask(session, "mine", ahead)
    searches.put_right(session, DAY, ahead)  # a reading of the last day says that it is so late
    assert len(rows(session)) == 3
    searches.put_right(session, DAY, DAY)
    session.expire_all()
    counted = session.execute(select(SearchCount.day, SearchCount.times)).all()
    assert sorted(counted) == [(DAY, 1), (DAY, 2)]
    assert set(session.scalars(select(SearchQuery.last_day))) == {DAY}


def test_the_report_names_what_is_asked_for_and_what_finds_nothing(
    app: Flask, session: Session
) -> None:
    today = utc_now().date()
    three = [today - timedelta(days=number) for number in (2, 1, 0)]
    ask(session, "mine", *three, times=5, hits=7)
    ask(session, "vicuna", *three, times=2, hits=0)
    ask(session, "a secret of mine", today, times=4)
    output = run(app)
    assert "25 searches" in output
    assert "4 of them" in output
    assert output.index("mine") < output.index("vicuna") < output.index("Found nothing")
    assert "vicuna" in output.split("Found nothing")[1]
    assert "mine" not in output.split("Found nothing")[1]
    assert "secret" not in output


def test_the_report_for_a_machine_and_of_fewer_days(app: Flask, session: Session) -> None:
    today = utc_now().date()
    ask(session, "mine", *[today - timedelta(days=number) for number in (2, 1, 0)], hits=7)
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
            searches.store(session, [DailyCount(day, "mine", 1, 7)], secret=secret)
    session.commit()
    assert [one["times"] for one in json.loads(run(app, "--json"))["top"]] == [6]


def test_no_search_yet(app: Flask, session: Session) -> None:
    factories.article(session)
    assert "0 searches" in run(app)
