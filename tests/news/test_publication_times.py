"""Moments as volunteers write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.news.publication_times import (
    InvalidPublicationTime,
    parse_publication_time,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24 09:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00:00Z", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("24 November 2026 09:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("24 November 2026, 9.30", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("24 de noviembre de 2026 9:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        # London is an hour ahead in summer.
        ("2027-07-01 09:00", datetime(2027, 7, 1, 8, tzinfo=UTC)),
        ("2027-07-01 09:00Z", datetime(2027, 7, 1, 9, tzinfo=UTC)),
        # 01:30 comes twice on the last Sunday of October: the first is meant.
        ("2027-10-31 01:30", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ("+1m", NOW + timedelta(minutes=1)),
        ("in 1 minute", NOW + timedelta(minutes=1)),
        ("in 90 minutes", NOW + timedelta(minutes=90)),
        ("+ 2h", NOW + timedelta(hours=2)),
        ("in 3 days", NOW + timedelta(days=3)),
        ("In 1 week", NOW + timedelta(weeks=1)),
    ],
)
def test_a_publication_time_may_be_written_in_each_usual_way(text: str, moment: datetime) -> None:
    assert parse_publication_time(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026-11-24", "24 November 2026", "November 2026 09:00", "09:00", "+1", "+m"),
        *("2026-11-24 24:00", "2026-11-24 09:60", "2026-02-30 09:00", "undated 09:00", "in m"),
        # The clocks jump from 01:00 to 02:00 on the last Sunday of March.
        *("2027-03-28 01:30", "-1m", "+99999d", "in two days"),
    ],
)
def test_an_invalid_publication_time_is_reported_with_what_to_write(text: str) -> None:
    with pytest.raises(
        InvalidPublicationTime, match=r"is no moment\. Write a date and a time in London"
    ):
        parse_publication_time(text, NOW)


@given(st.datetimes(datetime(1983, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001  # UTC follows
def test_a_time_in_utc_parses_back(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    assert parse_publication_time(f"{moment:%Y-%m-%d %H:%M}Z", NOW) == moment
