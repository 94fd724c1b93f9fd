"""Turns the pages of a list: which one a request asks for, and the links to its neighbours."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from flask import abort, request, url_for
from flask_babel import gettext as _
from sqlalchemy import ColumnElement

from psgflask.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.slices import PAGE_SIZE, Cursor, Slice, slice_of
from psgflask.paging import Pager

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


def is_first_page() -> bool:
    """Say whether the address names no place."""
    return BEFORE not in request.args and AFTER not in request.args


def slice_asked_for(scope: Scope, *within: ColumnElement[bool], size: int = PAGE_SIZE) -> Slice:
    """Return the page of a scope's list, narrowed by conditions, that the address asks for.

    400 where the cursor is none that a page of this list gives: by one look at its article.
    """
    before, after = places_asked_for(Cursor.parse)
    session, place = db.session(), before or after
    if place and not catalogue.has_place(session, scope, within, place.order_date, place.id):
        no_such_place()
    chosen = catalogue.listing(scope).where(*within)
    return slice_of(session, chosen, before=before, after=after, size=size)


def pager(before: object | None, after: object | None) -> Pager:
    """Return the pager of the list that is being shown; a side with nothing beyond it is None."""
    return Pager(
        earlier=_here(BEFORE, before) if before else None,
        later=_here(AFTER, after) if after else None,
    )


def _here(side: str, place: object) -> str:
    return url_for(str(request.endpoint), **{**(request.view_args or {}), side: str(place)})
