"""Turns the pages of a list: which one a request asks for, and the links to its neighbours."""

from collections.abc import Callable
from datetime import date
from typing import NoReturn, TypeVar

from flask import abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import ColumnElement

from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.lists import PAGE_SIZE, Cursor, Slice, slice_of
from psgflask.web.paging import Pager

Place = TypeVar("Place")
BEFORE, AFTER = "before", "after"


def places_asked_for(read: Callable[[str], Place]) -> tuple[Place | None, Place | None]:
    """Return the place that the address names, as (before, None), (None, after), or none.

    400 where it names two, or where `read` raises ValueError.
    """
    named = [side for side in (BEFORE, AFTER) if side in request.args]
    if not named:
        return None, None
    if len(named) > 1:
        no_such_place()
    try:
        place = read(request.args[named[0]])
    except ValueError:
        no_such_place()
    return (place, None) if named == [BEFORE] else (None, place)


def no_such_place() -> NoReturn:
    """Answer 400: no page of ours gives the place that the address names."""
    abort(400, _("The place in the list could not be read. Start again from its first page."))


def moved(**place: object) -> NoReturn:
    """Answer 302: the list goes on at this place, or begins again at its first page."""
    abort(redirect(_here(**place), 302))


def is_first_page() -> bool:
    """Say whether the address names no place."""
    return BEFORE not in request.args and AFTER not in request.args


def slice_asked_for(scope: Scope, *within: ColumnElement[bool], size: int = PAGE_SIZE) -> Slice:
    """Return the page of a scope's list, narrowed by conditions, that the address asks for.

    By one look at the cursor's article: 400 where none of its id is or was public; 302 where a
    page of this list does not give the cursor any more.
    """
    before, after = places_asked_for(Cursor.parse)
    session, place = db.session(), before or after
    if place:
        _follow(place, catalogue.place_of(session, scope, within, place.id))
    chosen = catalogue.listing(scope).where(*within)
    return slice_of(session, chosen, before=before, after=after, size=size)


def _follow(place: Cursor, found: tuple[date, bool] | None) -> None:
    """Lead whoever asks for an article's former place to where it is, or to the first page."""
    if found is None:
        no_such_place()
    day, stands = found
    if not stands:
        moved()
    if day != place.order_date:
        moved(**{BEFORE if BEFORE in request.args else AFTER: Cursor(day, place.id)})


def pager(before: object | None, after: object | None) -> Pager:
    """Return the pager of the list that is being shown; a side with nothing beyond it is None."""
    return Pager(
        earlier=_here(before=before) if before else None,
        later=_here(after=after) if after else None,
    )


def _here(**place: object) -> str:
    named = {side: str(where) for side, where in place.items()}
    return url_for(str(request.endpoint), **{**(request.view_args or {}), **named})
