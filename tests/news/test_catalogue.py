"""What may be seen, and in what order."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.news import catalogue, counting, publishing
from psgflask.news.catalogue import ALL_KINDS, ANYBODY, Scope, Viewer
from psgflask.news.dateline import Dateline
from psgflask.news.lists import Cursor, cursor_page
from psgflask.news.models import Article
from tests import factories
from tests.factories import EDITOR, NOW
from tests.news.archives import empty_archive

SECOND = timedelta(seconds=1)
ENGLISH = Scope("en", NOW)
SPANISH = Scope("es", NOW)


def slugs(session: Session, scope: Scope = ENGLISH) -> list[str]:
    return [article.slug for article in session.scalars(catalogue.listing(scope))]


@pytest.fixture
def session() -> Iterator[Session]:
    with empty_archive() as session:
        yield session


def add(session: Session, dateline: Dateline, kind: str = "news") -> Article:
    draft = factories.draft(kind=kind, dated=str(dateline))
    article = publishing.create(session, draft, by=EDITOR, now=NOW)
    publishing.publish(session, article, by=EDITOR, now=NOW)
    return article


@pytest.mark.parametrize("status", ["draft", "scheduled", "published", "withdrawn"])
def test_only_published_articles_are_listed(session: Session, status: str) -> None:
    article = factories.article(session, slug="strike", status=status)
    seen = ["strike"] if status == "published" else []
    assert slugs(session) == seen
    assert session.scalars(catalogue.feed(ENGLISH)).all() == [article] * len(seen)
    assert sum(counting.month_counts(session, ENGLISH).values()) == len(seen)
    assert sum(counting.year_counts(session, ENGLISH).values()) == len(seen)
    assert catalogue.is_published(article, NOW) == bool(seen)


def test_published_and_is_published_agree_at_every_time(session: Session) -> None:
    article = factories.article(session, status="scheduled", at=NOW + timedelta(hours=1))
    for moment in (NOW, NOW + timedelta(hours=1) - SECOND, NOW + timedelta(hours=1)):
        found = session.scalar(select(Article.id).where(catalogue.published(moment)))
        assert (found is not None) == catalogue.is_published(article, moment)
    assert catalogue.is_published(article, NOW + timedelta(hours=1))


def test_a_due_article_is_announced_until_it_is_due(session: Session) -> None:
    due = NOW + timedelta(hours=1)
    assert catalogue.next_due(session, NOW) is None
    article = factories.article(session, status="scheduled", at=due)
    factories.article(session, status="scheduled", at=due + timedelta(days=1))
    assert catalogue.next_due(session, NOW) == due
    assert catalogue.next_due(session, due) == due + timedelta(days=1)
    assert catalogue.due(session, NOW, due) == [article.id]
    assert catalogue.due(session, due, due) == []
    publishing.withdraw(session, article, by=EDITOR, now=NOW)
    assert catalogue.next_due(session, NOW) == due + timedelta(days=1)


def test_the_body_of_a_members_only_article_is_for_members(session: Session) -> None:
    article = factories.article(session, members_only=True)
    assert not catalogue.may_read_body(article, ANYBODY)
    assert catalogue.may_read_body(article, Viewer(member=True))


def test_the_newest_comes_first_and_the_undated_last(session: Session) -> None:
    for slug, dated in (
        ("day", "2018-07-15"),
        ("no-date", "undated"),
        ("same-day-later", "2018-07-15"),
        ("june-and-july", "2018-06/2018-07"),
        ("august", "2018-08"),
    ):
        factories.article(session, slug=slug, dated=dated)
    assert slugs(session) == ["august", "june-and-july", "same-day-later", "day", "no-date"]


def test_publications_and_events_have_lists_of_their_own(session: Session) -> None:
    for kind in ALL_KINDS:
        factories.article(session, slug=f"a-{kind}", kind=kind)
    assert set(slugs(session)) == {"a-news", "a-update"}
    assert slugs(session, Scope("en", NOW, ("event",))) == ["a-event"]
    assert len(slugs(session, Scope("en", NOW, ALL_KINDS))) == 4


def test_a_translated_pair_appears_once_in_each_language(session: Session) -> None:
    factories.article(session, slug="strike")
    factories.article(session, slug="huelga", language="es", translation_of="strike")
    factories.article(session, slug="only-english")
    factories.article(session, slug="solo-castellano", language="es")
    assert set(slugs(session)) == {"strike", "only-english", "solo-castellano"}
    assert set(slugs(session, SPANISH)) == {"huelga", "only-english", "solo-castellano"}
    assert counting.year_counts(session, ENGLISH) == {2018: 3}
    feed = session.scalars(catalogue.feed(SPANISH)).all()
    assert {article.slug for article in feed} == {"huelga", "solo-castellano"}


@pytest.mark.parametrize("status", ["draft", "scheduled", "withdrawn"])
def test_a_translation_that_is_not_public_hides_nothing(session: Session, status: str) -> None:
    english = factories.article(session, slug="strike")
    factories.article(session, slug="huelga", language="es", translation_of="strike", status=status)
    assert slugs(session, SPANISH) == ["strike"]
    assert catalogue.translation(session, english, NOW) is None


def test_a_range_counts_in_each_month_and_once_in_each_year(session: Session) -> None:
    factories.article(session, slug="winter", dated="2008-11/2009-02")
    factories.article(session, slug="day", dated="2009-01-31")
    factories.article(session, slug="no-date", dated="undated")
    assert counting.month_counts(session, ENGLISH) == {
        (2008, 11): 1,
        (2008, 12): 1,
        (2009, 1): 2,
        (2009, 2): 1,
    }
    assert counting.year_counts(session, ENGLISH) == {2008: 1, 2009: 2}
    for first, last, expected in (
        (date(2008, 12, 1), date(2008, 12, 31), ["winter"]),
        (date(2009, 1, 1), date(2009, 1, 31), ["winter", "day"]),
        (date(2009, 3, 1), date(2009, 3, 31), []),
        (date(2008, 10, 1), date(2008, 10, 31), []),
    ):
        chosen = catalogue.listing(ENGLISH).where(catalogue.dated_within(first, last))
        assert [article.slug for article in session.scalars(chosen)] == expected
    undated = session.scalars(catalogue.listing(ENGLISH).where(catalogue.undated()))
    assert [article.slug for article in undated] == ["no-date"]


def test_upcoming_events_are_listed_next_first(session: Session) -> None:
    events = Scope("en", NOW, ("event",))
    for slug, dated in (
        ("last-month", "2018-06-15"),
        ("today", "2018-07-20"),
        ("next-year", "2019-01-15"),
        ("tomorrow", "2018-07-21"),
        ("some-day", "undated"),
    ):
        factories.article(session, slug=slug, dated=dated, kind="event")
    today = date(2018, 7, 20)
    coming = [a.slug for a in session.scalars(catalogue.upcoming(events, today))]
    gone = [
        a.slug for a in session.scalars(catalogue.listing(events).where(catalogue.is_past(today)))
    ]
    assert coming == ["today", "tomorrow", "next-year"]
    assert gone == ["last-month", "some-day"]


def test_the_neighbours_of_an_article_are_the_next_in_the_list(session: Session) -> None:
    first, second, third = factories.articles(session, 3)
    factories.article(session, dated="2018-01-02", status="draft")
    factories.article(session, dated="2018-01-02", kind="event")
    assert catalogue.neighbours(session, second, ENGLISH) == (first, third)
    assert catalogue.neighbours(session, first, ENGLISH) == (None, second)
    assert catalogue.neighbours(session, third, ENGLISH) == (second, None)


def test_topics_are_counted_by_published_articles(session: Session) -> None:
    mining, lima = factories.topic(session, "mining"), factories.topic(session, "lima")
    factories.topic(session, "unused")
    factories.article(session, slug="one", topics=["mining", "lima"])
    factories.article(session, slug="two", topics=["mining"])
    factories.article(session, topics=["mining"], status="draft")
    scope = Scope("en", NOW, ALL_KINDS)
    assert counting.topic_counts(session, scope) == {mining.id: 2, lima.id: 1}
    assert slugs(session, Scope("en", NOW, ALL_KINDS, lima.id)) == ["one"]


@pytest.mark.parametrize("tagged", ["en", "es"])
def test_a_pair_is_in_the_list_of_a_topic_that_one_of_the_two_has(
    session: Session, tagged: str
) -> None:
    mining = factories.topic(session, "mining")
    both = factories.topic(session, "lima")
    topics = {language: ["lima", *(["mining"] * (language == tagged))] for language in LANGUAGES}
    factories.article(session, slug="tin", topics=topics["en"])
    factories.article(
        session, slug="estano", language="es", translation_of="tin", topics=topics["es"]
    )
    for language, slug in (("en", "tin"), ("es", "estano")):
        about = Scope(language, NOW, ALL_KINDS, mining.id)
        assert slugs(session, about) == [slug]
        assert [article.slug for article in session.scalars(catalogue.feed(about))] == [slug]
        everything = Scope(language, NOW, ALL_KINDS)
        assert counting.topic_counts(session, everything) == {mining.id: 1, both.id: 1}
        assert counting.year_counts(session, about) == {2018: 1}


@pytest.mark.parametrize("status", ["draft", "scheduled", "withdrawn"])
def test_the_topics_of_an_unpublished_translation_are_not_shown(
    session: Session, status: str
) -> None:
    mining = factories.topic(session, "mining")
    factories.article(session, slug="tin")
    factories.article(
        session, language="es", translation_of="tin", topics=["mining"], status=status
    )
    assert slugs(session, Scope("en", NOW, ALL_KINDS, mining.id)) == []
    assert counting.topic_counts(session, Scope("en", NOW, ALL_KINDS)) == {}


def test_an_issue_is_found_by_its_address(session: Session) -> None:
    for series in ("Update", "Peru News"):
        factories.issue(session, 65, series=series)
    for slug, label in (("65", "Update 65"), ("peru-news-65", "Peru News 65")):
        found = catalogue.find_issue_by_slug(session, slug)
        assert found is not None
        assert found.label == label
    for slug in ("66", "update-65", "news-65", "", "-", "65-", "9" * 30, "٦٥"):
        assert catalogue.find_issue_by_slug(session, slug) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "2018-07-15", "2018-07-15.", "2018-07-15.x", "2018-13-01.1", "x.1", "1.2.3"),
        *("2018-07-15.-1", "2018-07-15.٣", "2018-07-15." + "9" * 30, "\0.1"),
    ],
)
def test_an_invalid_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a cursor"):
        Cursor.parse(text)


@given(st.dates(), st.integers(0, 10**18 - 1))
def test_a_formatted_cursor_parses_back(day: date, number: int) -> None:
    assert Cursor.parse(str(Cursor(day, number))) == Cursor(day, number)


datelines = st.one_of(
    st.just(Dateline.undated()),
    st.dates(date(2018, 7, 1), date(2018, 7, 4)).map(Dateline.of_day),
    st.sampled_from([Dateline.parse("2018-06/2018-07"), Dateline.parse("2018-07")]),
)


def pages(session: Session, size: int) -> list[list[int]]:
    """Walk the list from its first page to its last by the links between them."""
    walked, before = [], None
    while True:
        part = cursor_page(session, catalogue.listing(ENGLISH), before=before, size=size)
        walked.append([article.id for article in part.articles])
        if part.before is None:
            return walked
        before = part.before


@settings(max_examples=40)
@given(st.lists(datelines, max_size=12), st.integers(1, 4))
def test_the_pages_of_a_list_have_every_article_once_in_order(
    given_datelines: list[Dateline], size: int
) -> None:
    with empty_archive() as session:
        for dateline in given_datelines:
            add(session, dateline)
        walked = pages(session, size)
        whole = [article.id for article in session.scalars(catalogue.listing(ENGLISH))]
        assert [number for page in walked for number in page] == whole
        assert all(len(page) == size for page in walked[:-1])


@settings(max_examples=40)
@given(
    st.lists(datelines, min_size=2, max_size=8),
    st.lists(datelines, min_size=1, max_size=5),
    st.integers(1, 3),
)
def test_a_reader_misses_nothing_and_sees_nothing_twice_when_articles_are_added(
    at_first: list[Dateline], added: list[Dateline], size: int
) -> None:
    with empty_archive() as session:
        old = {add(session, dateline).id for dateline in at_first}
        chosen = catalogue.listing(ENGLISH)
        part = cursor_page(session, chosen, size=size)
        seen = [article.id for article in part.articles]
        waiting = list(added)
        while part.before is not None:
            if waiting:
                add(session, waiting.pop())
            part = cursor_page(session, chosen, before=part.before, size=size)
            seen += [article.id for article in part.articles]
        assert len(seen) == len(set(seen))
        assert old <= set(seen)


@settings(max_examples=40)
@given(st.lists(datelines, min_size=1, max_size=12), st.integers(1, 4))
def test_going_back_leads_through_the_same_articles(
    given_datelines: list[Dateline], size: int
) -> None:
    with empty_archive() as session:
        for dateline in given_datelines:
            add(session, dateline)
        whole = list(session.scalars(catalogue.listing(ENGLISH)))
        part = cursor_page(session, catalogue.listing(ENGLISH), size=len(whole))
        assert (part.before, part.after) == (None, None)
        walked = [whole[-1]]
        after: Cursor | None = Cursor.of(whole[-1])
        while after is not None:
            part = cursor_page(session, catalogue.listing(ENGLISH), after=after, size=size)
            walked = part.articles + walked
            after = part.after
        assert walked == whole


@settings(max_examples=40)
@given(st.lists(datelines, max_size=10))
def test_the_counts_agree_with_the_lists_of_the_months(given_datelines: list[Dateline]) -> None:
    with empty_archive() as session:
        for dateline in given_datelines:
            add(session, dateline)
        by_month = counting.month_counts(session, ENGLISH)
        for month in (5, 6, 7, 8):
            first = date(2018, month, 1)
            last = date(2018, month + 1, 1) - timedelta(days=1)
            chosen = catalogue.listing(ENGLISH).where(catalogue.dated_within(first, last))
            assert len(session.scalars(chosen).all()) == by_month[2018, month]
        dated = [dateline for dateline in given_datelines if dateline.last]
        assert counting.year_counts(session, ENGLISH)[2018] == len(dated)


def test_nobody_else_decides_what_is_published() -> None:
    """The word stands in one place: whoever compares a status or a moment asks the catalogue."""
    root = Path(catalogue.__file__).parents[1]
    allowed = {"news/catalogue.py", "news/publishing.py", "news/models.py"}
    for file in root.rglob("*.py"):
        name = file.relative_to(root).as_posix()
        if name not in allowed:
            assert "publish_at <=" not in file.read_text(encoding="utf-8"), name


def test_threads_that_use_an_alias_at_once_all_get_its_own_columns() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _round in range(50):
            alias, start = catalogue._shared_alias("other"), threading.Barrier(4)

            def condition(alias: Any = alias, start: threading.Barrier = start) -> str:
                start.wait()
                return str(catalogue.published(NOW, alias))

            with ThreadPoolExecutor(4) as pool:
                conditions = [pool.submit(condition) for _thread in range(4)]
            assert {each.result() for each in conditions} == {
                "other.status = :status_1 AND other.publish_at <= :publish_at_1"
            }
    finally:
        sys.setswitchinterval(before)
