"""Turns the pages of a list: which one a request asks for, and the links to its neighbours."""

from collections.abc import Callable
from typing import TypeVar

from flask import abort, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Select

from psgflask.database import db
from psgflask.news.models import Article
from psgflask.news.slices import PAGE_SIZE, Cursor, Slice, slice_of
from psgflask.paging import Pager

Place = TypeVar("Place")


def place_asked_for(name: str, read: Callable[[str], Place]) -> Place | None:
    """Return the place in a list that the address names; 400 where `read` raises ValueError."""
    text = request.args.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        abort(400, _("The place in the list could not be read. Start again from its first page."))


def slice_asked_for(chosen: Select[Article], size: int = PAGE_SIZE) -> Slice:
    """Return the page of a list that the request's cursor asks for; 400 on an unreadable one."""
    before = place_asked_for("before", Cursor.parse)
    after = place_asked_for("after", Cursor.parse)
    return slice_of(db.session(), chosen, before=before, after=after, size=size)


def pager(before: object | None, after: object | None) -> Pager:
    """Return the pager of the list that is being shown; a side with nothing beyond it is None."""
    return Pager(
        earlier=_here("before", before) if before else None,
        later=_here("after", after) if after else None,
    )


def _here(side: str, place: object) -> str:
    return url_for(str(request.endpoint), **{**(request.view_args or {}), side: str(place)})
