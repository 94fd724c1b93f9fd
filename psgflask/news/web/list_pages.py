"""Paging of lists by cursor: the page that a request names, redirects, and the pager."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from flask import abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import ColumnElement

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import NEWS_KINDS, Scope
from psgflask.news.lists import PAGE_SIZE, Cursor, CursorPage, current_cursor, cursor_page
from psgflask.web import languages
from psgflask.web.paging import Pager

Position = TypeVar("Position")
BEFORE, AFTER = "before", "after"


def current_scope(*kinds: str, topic_id: int | None = None) -> Scope:
    """Return the scope of kinds of article (default: news), now and in this request's language."""
    return Scope(languages.current_language(), utc_now(), kinds or NEWS_KINDS, topic_id)


def requested_cursors(
    parse: Callable[[str], Position],
) -> tuple[Position | None, Position | None]:
    """Return the cursor in the query string, as (before, None), (None, after) or (None, None).

    Aborts with 400 where there are two, or where `parse` raises ValueError.
    """
    sides = [side for side in (BEFORE, AFTER) if side in request.args]
    if not sides:
        return None, None
    if len(sides) > 1:
        abort_bad_cursor()
    try:
        cursor = parse(request.args[sides[0]])
    except ValueError:
        abort_bad_cursor()
    return (cursor, None) if sides == [BEFORE] else (None, cursor)


def abort_bad_cursor() -> NoReturn:
    """Abort with 400: no page of the site has a link with this cursor."""
    abort(400, _("The place in the list could not be read. Start again from its first page."))


def redirect_to(**cursor: object) -> NoReturn:
    """Redirect (302) to a cursor in this list, or to its first page."""
    abort(redirect(_address(**cursor), 302))


def is_first_page() -> bool:
    """Say whether the address has no cursor."""
    return BEFORE not in request.args and AFTER not in request.args


def requested_page(
    scope: Scope, *conditions: ColumnElement[bool], size: int = PAGE_SIZE
) -> CursorPage:
    """Return the requested page of a scope's list, narrowed by conditions.

    One query for the cursor's article decides: 400 where no article of this id is or was public;
    302 where it now has another date or has left this list.
    """
    before, after = requested_cursors(Cursor.parse)
    session, cursor = db.session(), before or after
    if cursor:
        try:
            current = current_cursor(session, scope, conditions, cursor)
        except LookupError:
            abort_bad_cursor()
        if current is None:
            redirect_to()
        if current != cursor:
            redirect_to(**{BEFORE if before else AFTER: current})
    articles = catalogue.listing(scope).where(*conditions)
    return cursor_page(session, articles, before=before, after=after, size=size)


def pager(before: object | None, after: object | None) -> Pager:
    """Return the pager of the requested list; None where there is nothing beyond."""
    return Pager(
        earlier=_address(before=before) if before else None,
        later=_address(after=after) if after else None,
    )


def _address(**cursor: object) -> str:
    query = {side: str(value) for side, value in cursor.items()}
    return url_for(str(request.endpoint), **{**(request.view_args or {}), **query})
