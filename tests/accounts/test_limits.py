"""S3 in rules: how often an address and a network may ask, whoever counts and whenever."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import addresses, limits
from psgflask.accounts.limits import TooMany
from psgflask.accounts.models import Attempt
from psgflask.database import db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOME = "203.0.113.7"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def tries(
    session: Session,
    what: str,
    count: int,
    *,
    email: Callable[[int], str] = lambda number: "jane@example.org",
    network: Callable[[int], str] = lambda number: HOME,
    every: timedelta = timedelta(0),
) -> int:
    """Try so many times and return how many went through."""
    through = 0
    for number in range(count):
        try:
            limits.spend(
                session,
                what,
                email=email(number),
                network=network(number),
                now=NOW + number * every,
            )
        except TooMany:
            continue
        through += 1
    return through


def somebody(number: int) -> str:
    return f"somebody-{number}@example.org"


def somewhere(number: int) -> str:
    return f"198.51.100.{number}"


def test_s3_an_address_is_asked_three_times_a_day_from_wherever(session: Session) -> None:
    assert tries(session, "join", 20, network=somewhere) == 3


def test_s3_a_network_asks_five_times_an_hour_for_whomever(session: Session) -> None:
    assert tries(session, "join", 100, email=somebody) == 5


def test_s3_an_ipv6_network_is_a_household_not_an_address(session: Session) -> None:
    def any_of_a_household(number: int) -> str:
        return addresses.network_of(f"2001:db8::{number:x}")

    assert tries(session, "join", 50, email=somebody, network=any_of_a_household) == 5


@pytest.mark.parametrize(
    ("most", "spread"),
    [
        (5, {"every": MINUTE}),  # one network, within an hour
        (8, {"every": 20 * MINUTE}),  # one network, within a day
        (12, {"network": somewhere, "every": MINUTE}),  # in all, within a day
        (20, {"email": somebody, "every": timedelta(seconds=30)}),  # one network, for whomever
    ],
)
def test_new_links_are_asked_for_within_the_limits_of_codes(
    session: Session, most: int, spread: dict[str, object]
) -> None:
    assert tries(session, "again", 60, **spread) == most  # type: ignore[arg-type]  # as tries takes


def test_how_an_address_is_spelt_makes_no_difference(session: Session) -> None:
    spellings = ("jane@example.org", "JANE@example.org", " jane@EXAMPLE.org.", "<Jane@example.org>")
    assert tries(session, "join", 4, email=spellings.__getitem__, network=somewhere) == 3


def test_the_wait_is_over_when_it_says_so_and_not_before(session: Session) -> None:
    tries(session, "join", 5, email=somebody, every=MINUTE)
    late = NOW + 10 * MINUTE
    with pytest.raises(TooMany) as refused:
        limits.spend(session, "join", email="new@example.org", network=HOME, now=late)
    assert refused.value.wait == 50 * MINUTE
    almost = late + refused.value.wait - timedelta(seconds=1)
    with pytest.raises(TooMany):
        limits.spend(session, "join", email="new@example.org", network=HOME, now=almost)
    over = late + refused.value.wait
    limits.spend(session, "join", email="new@example.org", network=HOME, now=over)


def test_the_longest_of_several_waits_counts(session: Session) -> None:
    tries(session, "join", 3)
    tries(session, "join", 2, email=somebody)
    with pytest.raises(TooMany) as refused:
        limits.spend(session, "join", email="jane@example.org", network=HOME, now=NOW)
    assert refused.value.wait == DAY


def test_one_kind_of_try_does_not_use_up_another(session: Session) -> None:
    tries(session, "join", 5)
    assert tries(session, "again", 5) == 5


def test_of_a_thousand_tries_five_are_counted(session: Session) -> None:
    tries(session, "join", 1000, email=somebody)
    assert session.scalar(select(func.count()).select_from(Attempt)) == 5


def test_to_ask_whether_it_would_be_refused_costs_nothing(session: Session) -> None:
    who = {"email": "jane@example.org", "network": HOME}
    for _number in range(3):
        assert limits.would_refuse(session, "join", now=NOW, **who) is None
    tries(session, "join", 3)
    assert limits.would_refuse(session, "join", now=NOW + HOUR, **who) == 23 * HOUR
    assert session.scalar(select(func.count()).select_from(Attempt)) == 3


def test_what_was_counted_outlives_the_process_and_holds_for_all(
    make_app: Callable[..., Flask],
) -> None:
    for _restart in range(3):
        app = make_app()
        with app.app_context():
            tries(db.session(), "join", 1)
            db.session.commit()
    with make_app().app_context():
        assert tries(db.session(), "join", 1) == 0


def test_nothing_that_is_counted_tells_an_address(session: Session) -> None:
    tries(session, "join", 1)
    [attempt] = session.scalars(select(Attempt))
    assert "jane" not in f"{attempt.what} {attempt.address} {attempt.network}"
    assert len(attempt.address) == 64


def test_attempts_are_kept_a_day(session: Session) -> None:
    tries(session, "join", 3, every=HOUR)
    assert limits.trim(session, now=NOW + DAY - timedelta(seconds=1)) == 0
    assert limits.trim(session, now=NOW + DAY) == 1
    assert limits.trim(session, now=NOW + 2 * DAY) == 2


def test_no_rule_looks_further_back_than_attempts_are_kept() -> None:
    for rules in limits.RULES.values():
        assert max(rule.within for rule in rules) <= limits.KEPT
        assert all(rule.address or rule.network for rule in rules)


def test_r14_tries_that_a_clock_which_was_ahead_has_dated_keep_nobody_out(
    session: Session,
) -> None:
    for hours in (25, 30):
        while waited(session, NOW + timedelta(hours=hours)) is None:
            tried(session, NOW + timedelta(hours=hours))
    assert waited(session, NOW) is None
    limits.put_right(session, latest=NOW + timedelta(hours=26))
    assert len(limits.of(session, "ana@example.org")) > 0
    limits.put_right(session, latest=NOW + timedelta(hours=1))
    assert limits.of(session, "ana@example.org") == []


def test_tries_of_requests_at_once_count_whichever_took_its_moment_first(
    session: Session,
) -> None:
    while waited(session, NOW + timedelta(seconds=10)) is None:
        tried(session, NOW + timedelta(seconds=10))
    assert waited(session, NOW) is not None


def tried(session: Session, now: datetime) -> None:
    limits.spend(session, "join", email="ana@example.org", network="192.0.2.1", now=now)


def waited(session: Session, now: datetime) -> timedelta | None:
    return limits.would_refuse(
        session, "join", email="ana@example.org", network="192.0.2.1", now=now
    )
