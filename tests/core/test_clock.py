"""Times are printed as London's clocks show them."""

from datetime import UTC, datetime

from psgflask.core.clock import format_time, london_iso


def test_a_time_is_formatted_as_london_s_clocks_show_it() -> None:
    assert format_time(datetime(2027, 7, 1, 8, tzinfo=UTC)) == "2027-07-01 09:00 BST"
    assert format_time(datetime(2026, 11, 24, 9, tzinfo=UTC)) == "2026-11-24 09:00 GMT"
    assert format_time(None) == ""


def test_a_time_for_machines_is_london_s_with_its_offset() -> None:
    assert london_iso(datetime(2027, 7, 1, 8, tzinfo=UTC)) == "2027-07-01T09:00:00+01:00"
    assert london_iso(datetime(2026, 11, 24, 9, tzinfo=UTC)) == "2026-11-24T09:00:00+00:00"
