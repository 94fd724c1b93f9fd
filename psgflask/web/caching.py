"""Whole pages for anonymous readers, kept until the content changes."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, request
from flask_babel import gettext as _
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from psgflask.core.clock import next_london_midnight, utc_now
from psgflask.core.content_stamp import current_stamp
from psgflask.core.database import db
from psgflask.web.compression import choose, compressed
from psgflask.web.page_cache import Entry, PageCache

View = TypeVar("View", bound=Callable[..., object])
# Who sends one of these is signed in, and may be shown what others are not.
PERSONAL_COOKIES = frozenset({"__Host-account", "account"})
# No view takes longer; if it seems so, the clock has jumped.
LONGEST_VIEW = timedelta(minutes=1)


# Rooms add what makes a page stale by itself: each gives the next such moment, or None.
Staleness = Callable[[Session, datetime], datetime | None]


def init_app(app: Flask) -> None:
    """Serve kept pages before views run, and keep what cacheable views return."""
    app.extensions["psg_pages"] = PageCache(int(app.config["PAGE_CACHE_MB"]))
    app.extensions["psg_staleness"] = []
    app.before_request(_check_query)
    app.before_request(serve)
    app.after_request(_keep)


def goes_stale(app: Flask, when: Staleness) -> None:
    """Register a question whose answer bounds how long a page is kept."""
    app.extensions["psg_staleness"].append(when)


def cacheable(view: View) -> View:
    """Mark a view whose page is the same for every anonymous reader."""
    view.cacheable = True  # type: ignore[attr-defined]  # a mark on a plain function
    return view


def reads(*parameters: str, repeated: Collection[str] = ()) -> Callable[[View], View]:
    """Name what a view reads of its address's query; nothing else makes a page of its own.

    A parameter that no page of ours repeats may not be repeated, nor any with the same value.
    """

    def mark(view: View) -> View:
        view.parameters = frozenset(parameters)  # type: ignore[attr-defined]  # a mark, as above
        view.repeated = frozenset(repeated)  # type: ignore[attr-defined]  # likewise
        return view

    return mark


def note(what: object) -> None:
    """Note something of the page that a view draws; a kept page has the note of its drawing."""
    request.environ["psg.note"] = what


def noted() -> object:
    """Return what was noted of the page that answers this request, None without a note."""
    return request.environ.get("psg.note")


def _is_cacheable() -> bool:
    if request.method not in {"GET", "HEAD"} or request.endpoint is None:
        return False
    view = current_app.view_functions.get(request.endpoint)
    return bool(getattr(view, "cacheable", False)) and PERSONAL_COOKIES.isdisjoint(request.cookies)


def known_query() -> str:
    """Return the query of this request less what its view does not read, "?" in front."""
    view = current_app.view_functions.get(request.endpoint or "")
    known: frozenset[str] = getattr(view, "parameters", frozenset())
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name in known]
    return f"?{urlencode(pairs)}" if pairs else ""


def _check_query() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    for name in getattr(view, "parameters", ()):
        values = request.args.getlist(name)
        may_be_many = name in getattr(view, "repeated", ())
        if len(values) > (len(set(values)) if may_be_many else 1):
            abort(
                400,
                _("The address names the same thing twice. Leave one out and try again."),
            )


def _key() -> str:
    # The query first: it holds no space, so that no path can pretend to have one.
    return f"{known_query()} {request.script_root}{request.path}"


def serve() -> Response | None:
    """Answer with the kept page of this address, None where there is none that holds.

    Where the database does not say what holds, any kept page will do: see `last_known`.
    """
    if not _is_cacheable():
        return None
    pages: PageCache = current_app.extensions["psg_pages"]
    now = utc_now()
    try:
        stamp = current_stamp()
    except DatabaseError:
        return last_known()  # or let the view try, whose page is not kept
    request.environ["psg.stamp"], request.environ["psg.asked"] = stamp, now
    key = _key()
    entry = pages.get(key, stamp, now)
    request.environ["psg.was_kept"] = entry is None and pages.knows(key)
    return _respond(entry) if entry is not None else None


def last_known() -> Response | None:
    """Return the kept page of this address though none can say whether it still holds.

    It is of the newest state of the content that was seen here, for what was taken back since
    must not come back. It is for this reader alone: nothing on the way may keep it.
    """
    if not _is_cacheable():
        return None
    pages: PageCache = current_app.extensions["psg_pages"]
    entry = pages.last_known(_key(), utc_now())
    if entry is None:
        return None
    headers = [pair for pair in entry.headers if pair[0] != "Last-Modified"]
    return _drawn(entry, headers, "no-store")


def do_not_keep() -> None:
    """Say that the page being drawn lacks something that could not be read."""
    request.environ.pop("psg.stamp", None)


def was_kept() -> bool:
    """Say whether this address had a page that was kept, and holds no more."""
    return bool(request.environ.get("psg.was_kept"))


def _keep(response: Response) -> Response:
    stamp = request.environ.get("psg.stamp")
    if stamp is None or response.status_code != 200 or "psg.kept" in request.environ:
        return response
    if response.is_streamed or "Set-Cookie" in response.headers:
        return response
    # As of before the view ran: what came due while it ran must make the page stale.
    asked: datetime = request.environ["psg.asked"]
    if not timedelta(0) <= utc_now() - asked <= LONGEST_VIEW:
        return response  # who knows what time it was for the view
    try:
        until = _stale_at(db.session(), asked)
    except DatabaseError:  # the page is drawn, and whoever asked for it gets it
        return response
    body = response.get_data()
    entry = Entry(
        stamp,
        asked,
        until,
        response.content_type,
        _etag(body),
        tuple((k, v) for k, v in response.headers if k in {"Last-Modified", "X-Robots-Tag"}),
        compressed(body),
        noted(),
    )
    current_app.extensions["psg_pages"].put(_key(), entry)
    return _respond(entry)


def _stale_at(session: Session, now: datetime) -> datetime:
    asked: list[Staleness] = current_app.extensions["psg_staleness"]
    moments = [ask(session, now) for ask in asked]
    return min([next_london_midnight(now), *filter(None, moments)])


def _etag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def _respond(entry: Entry) -> Response:
    response = _drawn(entry, entry.headers, "public, max-age=0, must-revalidate")
    coding = response.headers.get("Content-Encoding", "identity")
    response.headers["ETag"] = f'"{entry.etag}-{coding}"'
    since = request.if_modified_since
    if since is not None and since > utc_now():
        # By a clock of ours that was ahead: it would hold back all that changes until then.
        del request.environ["HTTP_IF_MODIFIED_SINCE"]
    response.make_conditional(request.environ)
    return response


def _drawn(entry: Entry, headers: Iterable[tuple[str, str]], for_caches: str) -> Response:
    request.environ["psg.kept"] = True
    note(entry.note)
    coding, body = choose(entry.bodies, request.headers.get("Accept-Encoding", ""))
    said = [*headers, ("Cache-Control", for_caches), ("Vary", "Accept-Encoding")]
    if coding != "identity":
        said.append(("Content-Encoding", coding))
    return Response(body, headers=said, content_type=entry.content_type)
