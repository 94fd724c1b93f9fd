"""Member numbers: "PSG 1042-9", a running number and a check digit; none is given twice."""

import re

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.members.models import LastNumber
from psgflask.members.refusals import MembershipRefused

# Numbers have four digits from the first on, which are as many as people remember.
BEFORE_THE_FIRST = 1000
ROW = 1
# The quasigroup of order 10 in H. Michael Damm, "Total anti-symmetrische Quasigruppen", thesis,
# Marburg 2004, p. 111. Its check digit shows every single wrong digit and every two neighbours
# that have changed places.
TABLE = (
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
TYPED = re.compile(r"(?:PSG)?(\d{5,7})")


class NumberUnreadable(MembershipRefused):
    """What was typed is no member number: mistyped, or something else."""

    field = "number"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no member number: it looks like {write(1042)}")


def next_number(session: Session) -> str:
    """Return a number that nobody has had, and count it as given.

    It is taken with the transaction: of two at a time the later waits for the earlier.
    """
    one_more = (
        update(LastNumber)
        .where(LastNumber.id == ROW)
        .values(last=LastNumber.last + 1)
        .returning(LastNumber.last)
        .execution_options(synchronize_session=False)
    )
    last = session.scalar(one_more)
    if last is None:
        try:
            with session.begin_nested():
                session.execute(insert(LastNumber).values(id=ROW, last=BEFORE_THE_FIRST))
        except IntegrityError:  # somebody else was the first meanwhile
            pass
        last = session.scalars(one_more).one()
    return write(last)


def write(running: int) -> str:
    """Return the number of a running number as it is printed: 1042 gives "PSG 1042-9"."""
    return f"PSG {running}-{check_digit(str(running))}"


def parse(text: str) -> str:
    """Return the number that somebody typed, as it is printed: "psg1042 9", "10429", "#1042/9".

    Raises NumberUnreadable, also for a number whose check digit does not fit.
    """
    found = TYPED.fullmatch("".join(re.findall(r"[^\W_]", text)).upper())
    # Digits of other scripts are digits to Python: what is not ours is not read.
    if found is None or not found[1].isascii():
        raise NumberUnreadable(text)
    running, check = found[1][:-1], found[1][-1]
    if running.startswith("0") or check != check_digit(running):
        raise NumberUnreadable(text)
    return write(int(running))


def check_digit(digits: str) -> str:
    """Return the Damm check digit of a row of digits."""
    interim = 0
    for digit in digits:
        interim = TABLE[interim][int(digit)]
    return str(interim)
