"""Member numbers: "PSG 1042-9", a running number and a check digit; none is issued twice."""

import re
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.members.models import LastNumber, MembershipRefused

START = 1000  # the first number is one more: four digits are easily remembered
ROW_ID = 1
# The quasigroup of order 10 in H. Michael Damm, "Total anti-symmetrische Quasigruppen", thesis,
# Marburg 2004, p. 111. Its check digit detects every single wrong digit and every swap of
# adjacent digits.
QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
# A number as it is written everywhere, and as somebody types it, without spaces and dashes.
FORMATTED = re.compile(r"PSG \d+-\d")
ISSUED = re.compile(r"PSG ([1-9]\d{3,5})-\d", re.ASCII)
PATTERN = re.compile(r"(?:PSG)?([0-9]{5,7})")
WITHOUT_CHECK_DIGIT = re.compile(r"(?:PSG)?([1-9][0-9]{3,5})")


class NumberUnreadable(MembershipRefused):
    """A text is no member number: mistyped, or something else."""

    field = "number"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no member number: it looks like {format_number(1042)}")


def next_number(session: Session) -> str:
    """Issue the next unused number, in this transaction: a concurrent one waits for it."""
    increment = (
        update(LastNumber)
        .where(LastNumber.id == ROW_ID)
        .values(last=LastNumber.last + 1)
        .returning(LastNumber.last)
        .execution_options(synchronize_session=False)
    )
    last = session.scalar(increment)
    if last is None:
        try:
            with session.begin_nested():
                session.execute(insert(LastNumber).values(id=ROW_ID, last=START))
        except IntegrityError:  # a concurrent transaction was first
            pass
        last = session.scalars(increment).one()
    return format_number(last)


def reserve(session: Session, issued: Iterable[str]) -> None:
    """Issue none of these numbers again: a restored database does not know them to be issued."""
    running = [int(match[1]) for text in issued if (match := ISSUED.fullmatch(text))]
    if not running:
        return
    if session.get(LastNumber, ROW_ID) is None:
        session.add(LastNumber(id=ROW_ID, last=START))
        session.flush()
    session.execute(
        update(LastNumber)
        .where(LastNumber.id == ROW_ID, LastNumber.last < max(running))
        .values(last=max(running))
        .execution_options(synchronize_session=False)
    )


def format_number(running: int) -> str:
    """Return the member number of a running number: 1042 gives "PSG 1042-9"."""
    return f"PSG {running}-{check_digit(str(running))}"


def parse(text: str) -> str:
    """Return the member number in a text such as "psg1042 9", "10429" or "#1042/9".

    Raises NumberUnreadable, also for a number with a wrong check digit.
    """
    match = PATTERN.fullmatch(_bare(text))
    if match is None:
        raise NumberUnreadable(text)
    running, check = match[1][:-1], match[1][-1]
    if running.startswith("0") or check != check_digit(running):
        raise NumberUnreadable(text)
    return format_number(int(running))


def candidates(text: str) -> set[str]:
    """Return the member numbers that a text may be: with its check digit, or without it."""
    found: set[str] = set()
    with suppress(NumberUnreadable):
        found.add(parse(text))
    match = WITHOUT_CHECK_DIGIT.fullmatch(_bare(text))
    return found | ({format_number(int(match[1]))} if match else set())


def check_digit(digits: str) -> str:
    """Return the Damm check digit of a string of digits."""
    interim = 0
    for digit in digits:
        interim = QUASIGROUP[interim][int(digit)]
    return str(interim)


def _bare(text: str) -> str:
    return "".join(re.findall(r"[^\W_]", text)).upper()
