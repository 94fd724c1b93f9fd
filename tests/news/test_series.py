"""Issues by series: which are seen, what leads each, and the pages of a series."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from psgflask.news import series
from psgflask.news.catalogue import ALL_KINDS, Scope
from psgflask.news.models import Issue
from tests import factories
from tests.news.archives import empty_archive

ENGLISH = Scope("en", factories.NOW, ALL_KINDS)


@pytest.fixture
def session() -> Iterator[Session]:
    with empty_archive() as archive:
        yield archive


def numbered(numbers: set[int]) -> list[Issue]:
    return [Issue(series="Update", number=number) for number in sorted(numbers, reverse=True)]


def test_issues_are_seen_as_soon_as_one_of_their_articles_is(session: Session) -> None:
    factories.article(session, issue=("Update", 133))
    for status in ("published", "draft"):
        factories.article(session, issue=("Update", 134), status=status)
    factories.article(session, issue=("Update", 135), status="draft")
    factories.article(session, issue=("Bulletin", 1))
    found = series.issues(session, ENGLISH)
    assert [(name, [issue.number for issue in of]) for name, of in found.items()] == [
        ("Update", [134, 133]),
        ("Bulletin", [1]),
    ]


def test_the_newest_article_leads_an_issue_in_the_language_of_the_reader(session: Session) -> None:
    for slug, dated in (("old", "2018-06-01"), ("new", "2018-06-30"), ("mid", "2018-06-15")):
        factories.article(session, slug=slug, dated=dated, issue=("Update", 134))
    factories.article(
        session,
        slug="nuevo",
        dated="2018-06-30",
        issue=("Update", 134),
        language="es",
        translation_of="new",
    )
    (issue,) = series.issues(session, ENGLISH)["Update"]
    assert series.first_articles(session, ENGLISH, [issue])[issue.id].slug == "new"
    spanish = Scope("es", factories.NOW, ALL_KINDS)
    assert series.first_articles(session, spanish, [issue])[issue.id].slug == "nuevo"


@given(st.sets(st.integers(1, 40), min_size=1), st.integers(1, 9))
def test_going_earlier_and_back_reaches_every_issue_once(numbers: set[int], size: int) -> None:
    issues = numbered(numbers)
    run = series.issue_page(issues, size=size)
    walked = list(run.issues)
    while run.earlier:
        run = series.issue_page(issues, size=size, before=run.issues[-1])
        walked += run.issues
    assert walked == issues
    returned = list(run.issues)
    while run.later:
        run = series.issue_page(issues, size=size, after=run.issues[0])
        returned = run.issues + returned
    assert returned == issues


@given(st.sets(st.integers(1, 40), min_size=1), st.integers(1, 9), st.sampled_from(range(1, 41)))
def test_a_page_of_a_series_does_not_shift_when_an_issue_is_added(
    numbers: set[int], size: int, place: int
) -> None:
    before = Issue(series="Update", number=place)
    was = series.issue_page(numbered(numbers), size=size, before=before)
    grown = series.issue_page(numbered(numbers | {41, 42}), size=size, before=before)
    assert [issue.number for issue in grown.issues] == [issue.number for issue in was.issues]
    assert grown.earlier == was.earlier
