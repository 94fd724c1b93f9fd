"""The synthetic archive: the same for the same seed, and shaped like the real one."""

import math
import re
from collections import Counter
from datetime import date
from functools import cache

import pytest

from psgflask.news.dateline import DAY, MONTH, MONTHS, UNDATED
from psgflask.news.drafts import Draft
from psgflask.news.models import EVENT, NEWS, PUBLICATION, UPDATE
from tests.sample_archive import archive

SIZE = 3000


@cache
def drafts() -> tuple[Draft, ...]:
    return tuple(archive.articles(SIZE, seed=1))


def vocabulary(chosen: tuple[Draft, ...]) -> tuple[int, int]:
    """Return how many words there are, and how many different ones."""
    words = [word for draft in chosen for word in re.findall(r"\w+", draft.body.casefold())]
    return len(words), len(set(words))


def test_the_same_seed_gives_the_same_articles() -> None:
    assert list(archive.articles(40, seed=7)) == list(archive.articles(40, seed=7))


def test_another_seed_gives_other_articles() -> None:
    one, other = archive.articles(40, seed=7), archive.articles(40, seed=8)
    assert not {draft.title for draft in one} & {draft.title for draft in other}


def test_a_smaller_archive_is_the_beginning_of_a_larger_one() -> None:
    assert list(archive.articles(25, seed=1)) == list(drafts()[:25])


@pytest.mark.parametrize("count", [1, 2, 17, 40])
def test_as_many_articles_come_as_were_asked_for(count: int) -> None:
    assert len(list(archive.articles(count))) == count


def test_every_article_is_marked_and_leaves_it_to_its_page_to_say_so() -> None:
    for draft in drafts():
        assert draft.synthetic
        assert not re.search("synthetic|sintétic", draft.body)


def test_three_in_ten_are_spanish_and_some_of_them_translate_an_english_article() -> None:
    spanish = [draft for draft in drafts() if draft.language == "es"]
    assert len(spanish) / SIZE == pytest.approx(0.3, abs=0.03)
    english = {draft.slug: draft for draft in drafts() if draft.language == "en"}
    translations = [draft for draft in spanish if draft.translation_of]
    assert len(translations) > 100
    for draft in translations:
        original = english[str(draft.translation_of)]
        assert draft.dateline == original.dateline
        assert archive.work_of(draft) == archive.work_of(original)


def test_works_are_shared_by_translations_only() -> None:
    sharing = Counter(archive.work_of(draft) for draft in drafts())
    pairs = sum(draft.translation_of is not None for draft in drafts())
    assert Counter(sharing.values()) == {1: SIZE - 2 * pairs, 2: pairs}


def test_addresses_are_unique_in_each_language() -> None:
    assert len({(draft.language, draft.slug) for draft in drafts()}) == SIZE


def test_all_styles_of_dateline_occur_between_1983_and_2026() -> None:
    styles = Counter(draft.dateline.precision for draft in drafts())
    assert set(styles) == {DAY, MONTH, MONTHS, UNDATED}
    assert min(styles.values()) > SIZE / 50
    days = [draft.dateline for draft in drafts() if draft.dateline.first]
    assert {day.first.year for day in days if day.first} == set(range(1983, 2027))
    assert all(day.last <= archive.LAST_EVENT for day in days if day.last)


def test_only_events_lie_after_the_last_day_of_the_news() -> None:
    late = [d for d in archive.articles(4000, seed=2) if d.dateline.order_date > archive.LAST_DAY]
    assert {draft.kind for draft in late} <= {EVENT}


def test_some_ranges_reach_from_one_year_into_the_next() -> None:
    ranges = [draft.dateline for draft in drafts() if draft.dateline.precision == MONTHS]
    assert any(day.first and day.last and day.first.year < day.last.year for day in ranges)


def test_the_numbers_of_both_series_go_with_the_dates_that_the_old_site_had() -> None:
    assert archive._of_update(date(2009, 7, 2))[1] == ("Update", 134)
    assert archive._of_update(date(2009, 5, 31))[1] == ("Update", 133)
    assert archive._peru_news(date(2011, 5, 31)) == ("Peru News", 65)


def test_before_the_first_update_there_is_no_number() -> None:
    assert archive._of_update(date(1984, 1, 1))[1] is None


def test_both_series_have_several_issues() -> None:
    issues = {draft.issue for draft in drafts() if draft.issue}
    counts = Counter(series for series, _number in issues)
    assert counts["Update"] > 30
    assert counts["Peru News"] > 30
    assert all(number > 0 for _series, number in issues)


def test_publications_events_and_members_articles_are_a_few() -> None:
    kinds = Counter(draft.kind for draft in drafts())
    assert set(kinds) == {NEWS, UPDATE, PUBLICATION, EVENT}
    assert SIZE / 100 < kinds[PUBLICATION] < SIZE / 15
    assert SIZE / 200 < kinds[EVENT] < SIZE / 25
    assert 0 < sum(draft.members_only for draft in drafts()) < SIZE / 25


def test_few_topics_are_frequent_and_many_are_rare() -> None:
    counts = Counter(slug for draft in drafts() for slug in draft.topics)
    assert set(counts) == {topic.slug for topic in archive.topics()}
    ranked = sorted(counts.values(), reverse=True)
    assert ranked[0] > 20 * ranked[-1]
    assert all(len(set(draft.topics)) == len(draft.topics) for draft in drafts())


def test_bodies_have_about_three_hundred_words() -> None:
    total, _different = vocabulary(drafts())
    assert total / SIZE == pytest.approx(320, rel=0.1)


def test_the_vocabulary_grows_as_heaps_law_says_of_real_text() -> None:
    few, many = vocabulary(drafts()[:1000]), vocabulary(drafts())
    exponent = math.log(many[1] / few[1]) / math.log(many[0] / few[0])
    assert 0.5 < exponent < 0.65


def test_articles_hold_all_that_an_article_may_hold() -> None:
    text = "\n".join(draft.body for draft in drafts())
    for start in ("## ", "> ", "- ", "| "):
        assert f"\n{start}" in text


def test_topics_have_slugs_of_their_own_and_a_name_in_each_language() -> None:
    topics = archive.topics()
    assert len({topic.slug for topic in topics}) == len(topics)
    assert all(topic.english and topic.spanish for topic in topics)
