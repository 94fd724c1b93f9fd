"""S3 in rules: how often an address and a network may ask, whoever counts and whenever."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import rate_limits
from psgflask.accounts.models import HASH_LENGTH, Attempt
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core import networks
from psgflask.core.database import db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOME = "203.0.113.7"
consume = partial(rate_limits.consume, secret="only-in-tests")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def tries(
    session: Session,
    what: str,
    count: int,
    *,
    email: Callable[[int], str] = lambda number: "jane@example.org",
    network: Callable[[int], str] = lambda number: HOME,
    every: timedelta = timedelta(0),
) -> Counter[bool | None]:
    """Try so many times; return how many were mailed (True), held (False) and refused (None)."""
    became: Counter[bool | None] = Counter()
    for number in range(count):
        now = NOW + number * every
        try:
            who = {"email": email(number), "network": network(number)}
            became[consume(session, what, now=now, **who)] += 1
        except RateLimitExceeded:
            became[None] += 1
    return became


def somebody(number: int) -> str:
    return f"somebody-{number}@example.org"


def attempts_of(session: Session, email: str) -> list[Attempt]:
    address = rate_limits.hash_of(email, "only-in-tests")
    return list(session.scalars(select(Attempt).where(Attempt.address == address)))


def somewhere(number: int) -> str:
    return f"198.51.{number}.1"


def test_s3_a_mailbox_is_written_to_three_times_a_day_from_wherever(session: Session) -> None:
    assert tries(session, "join", 20, network=somewhere) == {True: 3, False: 17}


def test_s3_forty_people_of_one_hall_apply_within_an_hour_and_each_is_mailed(
    session: Session,
) -> None:
    assert tries(session, "join", 100, email=somebody) == {True: 40, None: 60}


def test_s3_an_ipv6_network_is_a_household_not_an_address(session: Session) -> None:
    def any_of_a_household(number: int) -> str:
        return networks.network_of(f"2001:db8::{number:x}")

    assert tries(session, "join", 50, email=somebody, network=any_of_a_household)[True] == 40


@pytest.mark.parametrize("wide", ["2001:db8:7:{:x}::1", "203.0.113.{}"])
def test_s3_who_has_many_networks_is_bound_by_the_wider_one(session: Session, wide: str) -> None:
    def network(number: int) -> str:
        return networks.network_of(wide.format(number))

    assert tries(session, "join", 120, email=somebody, network=network) == {True: 80, None: 40}
    elsewhere = {"email": "ana@example.org", "network": networks.network_of("2001:db8:8::1")}
    assert consume(session, "join", now=NOW, **elsewhere)


def test_s3_what_goes_out_in_an_hour_is_bound_in_all_and_what_comes_is_kept(
    session: Session,
) -> None:
    everywhere = tries(
        session, "join", 700, email=somebody, network=lambda n: f"10.{n // 250}.{n % 250}.1"
    )
    assert everywhere == {True: 120, False: 480, None: 100}
    later = {"email": "ana@example.org", "network": HOME, "now": NOW + HOUR}
    assert consume(session, "join", **later)  # type: ignore[arg-type]  # as it takes


def test_s3_what_was_held_keeps_nobody_from_a_mail_a_day_later(session: Session) -> None:
    tries(session, "join", 3, network=somewhere)
    for hours in range(1, 24):
        now = NOW + hours * HOUR
        assert not consume(session, "join", email="jane@example.org", network=HOME, now=now)
    after = NOW + DAY
    assert consume(session, "join", email="jane@example.org", network=HOME, now=after)


def test_s3_the_secretary_can_mail_a_link_whatever_visitors_did(session: Session) -> None:
    tries(session, "join", 100)
    assert tries(session, "command", 4) == {True: 3, None: 1}


def test_s3_one_mailbox_is_one_however_its_address_is_spelt(session: Session) -> None:
    spellings = (
        "j.doe@gmail.com",
        "jdoe+1@gmail.com",
        "J.D.O.E+x@googlemail.com",
        "jdoe@gmail.com",
    )
    found = tries(session, "join", 4, email=spellings.__getitem__, network=somewhere)
    assert found == {True: 3, False: 1}
    mine = attempts_of(session, "jdoe@gmail.com")
    assert len(mine) == 1, "what is told to who asks is of the address itself"


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
    assert tries(session, "again", 60, **spread)[True] == most  # type: ignore[arg-type]  # as tries takes


def test_how_an_address_is_spelt_makes_no_difference(session: Session) -> None:
    spellings = ("jane@example.org", "JANE@example.org", " jane@EXAMPLE.org.", "<Jane@example.org>")
    found = tries(session, "join", 4, email=spellings.__getitem__, network=somewhere)
    assert found == {True: 3, False: 1}


def test_the_wait_is_over_when_it_says_so_and_not_before(session: Session) -> None:
    tries(session, "again", 5, every=MINUTE)
    late = NOW + 10 * MINUTE
    who = {"email": "jane@example.org", "network": HOME}
    with pytest.raises(RateLimitExceeded) as refused:
        consume(session, "again", now=late, **who)
    assert refused.value.retry_after == 50 * MINUTE
    almost = late + refused.value.retry_after - timedelta(seconds=1)
    with pytest.raises(RateLimitExceeded):
        consume(session, "again", now=almost, **who)
    consume(session, "again", now=late + refused.value.retry_after, **who)


def test_the_longest_of_several_waits_counts(session: Session) -> None:
    tries(session, "again", 5)
    tries(session, "again", 7, network=somewhere)
    with pytest.raises(RateLimitExceeded) as refused:
        consume(session, "again", email="jane@example.org", network=HOME, now=NOW)
    assert refused.value.retry_after == DAY


def test_one_kind_of_try_does_not_use_up_another(session: Session) -> None:
    tries(session, "join", 5)
    assert tries(session, "again", 5)[True] == 5


def test_of_a_thousand_tries_those_that_went_through_are_counted(session: Session) -> None:
    tries(session, "join", 1000, email=somebody)
    assert session.scalar(select(func.count()).select_from(Attempt)) == 40


def test_what_was_counted_outlives_the_process_and_holds_for_all(
    make_app: Callable[..., Flask],
) -> None:
    for _restart in range(3):
        app = make_app()
        with app.app_context():
            tries(db.session(), "join", 1)
            db.session.commit()
    with make_app().app_context():
        assert tries(db.session(), "join", 1) == {False: 1}


def test_s22_neither_address_nor_network_can_be_read_or_guessed_from_an_attempt(
    session: Session,
) -> None:
    tries(session, "join", 1)
    with_another_secret = {"email": "jane@example.org", "network": HOME, "secret": "stolen"}
    rate_limits.consume(session, "join", now=NOW, **with_another_secret)
    first, second = session.scalars(select(Attempt).order_by(Attempt.id))
    for column in ("address", "mailbox", "network", "wide"):
        stored = getattr(first, column)
        assert len(stored) == HASH_LENGTH
        assert stored != getattr(second, column), f"{column} can be guessed without the secret"
        for plain in ("jane@example.org", HOME, "203.0.113.0/24"):
            assert plain not in stored
            assert stored not in {
                hash_(plain.encode()).hexdigest()[:HASH_LENGTH]
                for hash_ in (hashlib.sha256, hashlib.blake2b, hashlib.md5)
            }


def test_attempts_are_kept_a_day(session: Session) -> None:
    tries(session, "join", 3, every=HOUR)
    assert rate_limits.delete_expired(session, now=NOW + DAY - timedelta(seconds=1)) == 0
    assert rate_limits.delete_expired(session, now=NOW + DAY) == 1
    assert rate_limits.delete_expired(session, now=NOW + 2 * DAY) == 2


def test_no_rule_looks_further_back_than_attempts_are_kept() -> None:
    for rules in rate_limits.RATE_LIMITS.values():
        assert max(rule.period for rule in rules) <= rate_limits.RETENTION
        assert any(rule.period == rate_limits.HOUR or rule.mailbox for rule in rules)


def test_r14_tries_that_a_clock_which_was_ahead_has_dated_keep_nobody_out(
    session: Session,
) -> None:
    for hours in (25, 30):
        while waited(session, NOW + timedelta(hours=hours)) is None:
            tried(session, NOW + timedelta(hours=hours))
    assert waited(session, NOW) is None
    rate_limits.delete_future(session, latest=NOW + timedelta(hours=26))
    assert len(attempts_of(session, "ana@example.org")) > 0
    rate_limits.delete_future(session, latest=NOW + timedelta(hours=1))
    assert attempts_of(session, "ana@example.org") == []


def test_tries_of_requests_at_once_count_whichever_took_its_moment_first(
    session: Session,
) -> None:
    while waited(session, NOW + timedelta(seconds=10)) is None:
        tried(session, NOW + timedelta(seconds=10))
    assert waited(session, NOW) is not None


def tried(session: Session, now: datetime) -> None:
    consume(session, "join", email="ana@example.org", network="192.0.2.1", now=now)


def waited(session: Session, now: datetime) -> timedelta | None:
    """Return how long the next try would have to wait, None if it would go through."""
    with session.begin_nested() as attempt:
        try:
            tried(session, now)
        except RateLimitExceeded as exceeded:
            return exceeded.retry_after
        finally:
            attempt.rollback()
    return None
