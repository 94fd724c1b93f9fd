"""The questions of joining, page by page: their order, what each asks, which page comes next."""

from collections.abc import Callable, Iterable, Mapping

MEMBERSHIP, YOU, CONTACT = "membership", "you", "contact"
PAYMENT, AGREEMENTS, CHECK, SEND = "payment", "agreements", "check", "send"

# What each page asks, by the names of its fields.
ASKED: dict[str, tuple[str, ...]] = {
    MEMBERSHIP: ("tier",),
    YOU: ("organisation", "name", "household"),
    CONTACT: ("email", "phone", "address", "postcode", "country"),
    PAYMENT: ("payment",),
    AGREEMENTS: ("consents",),
}
QUESTIONS = tuple(ASKED)
PAGES = (*QUESTIONS, CHECK)
PLACES = (*PAGES, SEND)

Typed = Mapping[str, tuple[str, ...]]


def number(page: str) -> int:
    """Return which page of the form this is, from 1."""
    return PAGES.index(page) + 1


def after(page: str) -> str:
    """Return the place that the page's main button leads to."""
    return PLACES[PLACES.index(page) + 1]


def before(page: str) -> str | None:
    """Return the page before this one, None for the first."""
    at = PLACES.index(page)
    return PLACES[at - 1] if at else None


def to_show(wanted: str, answered: Callable[[str], bool]) -> str:
    """Return the page to show to somebody who wants one: the first before it that lacks an answer.

    So nobody gets past a question, whatever address a form was sent to.
    """
    earlier = QUESTIONS[: PLACES.index(wanted)]
    return next((page for page in earlier if not answered(page)), wanted)


def kept(form: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return what was typed so far, of all that a browser sent; anything else is dropped."""
    known = {name for names in ASKED.values() for name in names}
    found: dict[str, tuple[str, ...]] = {}
    for name, value in form:
        if name in known:
            found[name] = (*found.get(name, ()), value)
    return found


def carried(typed: Typed, page: str) -> list[tuple[str, str]]:
    """Return what travels through a page unseen: the answers that the page itself does not ask."""
    own = ASKED.get(page, ())
    return [(name, value) for name, values in typed.items() if name not in own for value in values]
