from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.news.dateline import Dateline, InvalidDateline

DAY = Dateline.of_day(date(2018, 7, 15))
MONTH = Dateline.of_months((2018, 7), (2018, 7))
RANGE = Dateline.of_months((2009, 6), (2009, 7))


@pytest.mark.parametrize(
    "text",
    [
        *("15 July 2018", "2018-07-15", "15 Jul 2018", "15 Jul. 2018", "15th July 2018"),
        *("15 de julio de 2018", "15 julio 2018", "15 de Julio del 2018", "  15  july 2018 "),
    ],
)
def test_a_day_may_be_written_in_each_usual_way(text: str) -> None:
    assert Dateline.parse(text) == DAY


@pytest.mark.parametrize(
    "text", ["July 2018", "2018-07", "Jul 2018", "julio de 2018", "julio 2018"]
)
def test_a_month_may_be_written_in_each_usual_way(text: str) -> None:
    assert Dateline.parse(text) == MONTH
    assert (MONTH.first, MONTH.last) == (date(2018, 7, 1), date(2018, 7, 31))


@pytest.mark.parametrize(
    "text",
    [
        *("June / July 2009", "June-July 2009", "June–July 2009", "June to July 2009"),
        *("2009-06/2009-07", "June 2009 / July 2009", "junio / julio de 2009"),
        *("junio a julio de 2009", "July / June 2009", "2009-07/2009-06"),
    ],
)
def test_a_range_may_be_written_in_each_usual_way_and_backwards(text: str) -> None:
    assert Dateline.parse(text) == RANGE


def test_the_dates_of_the_old_updates_parse() -> None:
    assert Dateline.parse("May / April 2009") == Dateline.of_months((2009, 4), (2009, 5))
    assert Dateline.parse("December / January 2009") == Dateline.of_months((2008, 12), (2009, 1))
    assert Dateline.parse("December 2008 / January 2009") == Dateline.of_months(
        (2008, 12), (2009, 1)
    )
    assert Dateline.parse("01 July 2017") == Dateline.of_day(date(2017, 7, 1))


def test_september_may_be_written_as_peru_does() -> None:
    september = Dateline.of_months((2010, 9), (2010, 9))
    for text in ("setiembre de 2010", "septiembre de 2010", "set. 2010", "Sept 2010", "Sep 2010"):
        assert Dateline.parse(text) == september


@pytest.mark.parametrize("text", ["undated", "Undated", "sin fecha"])
def test_an_article_may_have_no_date(text: str) -> None:
    assert Dateline.parse(text) == Dateline.undated()
    assert Dateline.undated().order_date == date.min


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "15/07/2018", "31 June 2018", "2018-13", "2018-02-30", "29 February 2019"),
        *("July", "2018", "15 July", "0001-01-01", "15 July 0018", "15 July 9999", "Julember 2018"),
        *("2018-07-15T09:00", "20180715", "-2018-07-15", "15 July 2018 and more", "\0", "2018-7-5"),
        *("1899-12-31", "2200-01", "June 1800 / July 2009", "99999999999999999999-01-01"),
    ],
)
def test_an_invalid_dateline_is_reported_with_what_to_write(text: str) -> None:
    with pytest.raises(InvalidDateline, match=r"is not a date\. Write a day") as caught:
        Dateline.parse(text)
    assert caught.value.text == text


def test_a_range_sorts_by_its_end() -> None:
    assert RANGE.order_date == date(2009, 7, 31)
    with pytest.raises(ValueError, match="ends before it begins"):
        Dateline.of_months((2009, 7), (2009, 6))


days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
months = st.tuples(st.integers(1900, 2199), st.integers(1, 12))
datelines = st.one_of(
    st.just(Dateline.undated()),
    days.map(Dateline.of_day),
    st.tuples(months, months).map(lambda pair: Dateline.of_months(min(pair), max(pair))),
)


@given(datelines)
def test_a_formatted_dateline_parses_back(dateline: Dateline) -> None:
    assert Dateline.parse(str(dateline)) == dateline


@given(days)
def test_a_day_in_words_parses(day: date) -> None:
    for text in (f"{day.day} {day:%B} {day.year}", f"{day.day:02} {day:%b} {day.year}"):
        assert Dateline.parse(text) == Dateline.of_day(day)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_in_the_same_words(text: str) -> None:
    with pytest.raises(InvalidDateline) as caught:
        Dateline.parse(f"{text}?")
    assert caught.value.text == f"{text}?"
