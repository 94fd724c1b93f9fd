"""Whole pages for anonymous readers, cached in memory until the content changes."""

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
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
from psgflask.web import compression

View = TypeVar("View", bound=Callable[..., object])
# Returns when pages next expire for a reason of its own, None when nothing is due.
Expiry = Callable[[Session, datetime], datetime | None]

# A client that sends one of these is signed in, and may be shown what others are not.
PERSONAL_COOKIES = frozenset({"__Host-account", "account"})
# No view takes longer; if it seems so, the clock has jumped.
MAX_VIEW_TIME = timedelta(minutes=1)
# Characters of a path and query whose page is cached; no page of ours has a longer one.
MAX_KEY_LENGTH = 600
# Bytes of a cached page beside its texts: the objects that hold them.
OVERHEAD = 1_500


@dataclass(frozen=True)
class CachedPage:
    """A rendered page, of which content stamp, from when and until when it may be served."""

    stamp: int
    created: datetime
    expires: datetime
    content_type: str
    etag: str
    headers: tuple[tuple[str, str], ...]
    bodies: dict[str, bytes]  # by content coding, "identity" always among them
    note: object = None  # of the view, for the search log

    def size(self, key: str) -> int:
        """Return the bytes that a page takes in memory with its key, approximately."""
        texts = [key, self.content_type, self.etag, *self.bodies.values()]
        texts += [text for header in self.headers for text in header]
        return sum(map(sys.getsizeof, texts)) + sys.getsizeof(self.note) + OVERHEAD


class PageCache:
    """Rendered pages by key, bounded in bytes; the least recently used are evicted."""

    def __init__(self, megabytes: int) -> None:
        self.max_size = megabytes * 1_000_000
        self.pages: OrderedDict[str, CachedPage] = OrderedDict()
        self.size = 0  # bytes, approximately
        self.lock = threading.Lock()
        self.stamp = -1  # the newest content stamp seen

    def __contains__(self, key: str) -> bool:
        return key in self.pages

    def get(self, key: str, stamp: int, now: datetime) -> CachedPage | None:
        """Return the page of a key if it is still valid."""
        with self.lock:
            self.stamp = stamp
            page = self.pages.get(key)
            if page is None or page.stamp != stamp:
                return None
            # One created after now was created while the clock was ahead.
            if not page.created <= now < page.expires:
                return None
            self.pages.move_to_end(key)
            return page

    def get_stale(self, key: str, now: datetime) -> CachedPage | None:
        """Return the page of a key, expired or not, if it has the newest content stamp seen."""
        with self.lock:
            page = self.pages.get(key)
            usable = page is not None and page.stamp == self.stamp and page.created <= now
            return page if usable else None

    def put(self, key: str, page: CachedPage) -> None:
        """Cache a page, unless it fills a quarter of the cache by itself."""
        if page.size(key) * 4 > self.max_size or len(key) > MAX_KEY_LENGTH:
            return
        with self.lock:
            self._evict(key)
            self.pages[key] = page
            self.size += page.size(key)
            while self.size > self.max_size:
                self._evict(next(iter(self.pages)))

    def _evict(self, key: str) -> None:
        page = self.pages.pop(key, None)
        if page is not None:
            self.size -= page.size(key)


def init_app(app: Flask) -> None:
    """Serve cached pages before views run, and cache what cacheable views return."""
    app.extensions["psg_page_cache"] = PageCache(int(app.config["PAGE_CACHE_MB"]))
    app.extensions["psg_page_expiries"] = []
    app.before_request(_check_query)
    app.before_request(cached_response)
    app.after_request(_cache)


def register_expiry(app: Flask, expiry: Expiry) -> None:
    """Register a function that bounds how long pages are cached."""
    app.extensions["psg_page_expiries"].append(expiry)


def cacheable(view: View) -> View:
    """Mark a view whose page is the same for every anonymous reader."""
    view.cacheable = True  # type: ignore[attr-defined]  # a mark on a plain function
    return view


def query_parameters(*names: str, repeated: Collection[str] = ()) -> Callable[[View], View]:
    """Name the query parameters that a view reads; others are no part of a page's key.

    Only `repeated` ones may be given several times, and none twice with the same value.
    """

    def mark(view: View) -> View:
        view.parameters = frozenset(names)  # type: ignore[attr-defined]  # a mark, as above
        view.repeated = frozenset(repeated)  # type: ignore[attr-defined]  # likewise
        return view

    return mark


def set_note(note: object) -> None:
    """Attach a note to the page that a view renders; it is cached with the page."""
    request.environ["psg.note"] = note


def get_note() -> object:
    """Return the note of the page that answers this request, None without one."""
    return request.environ.get("psg.note")


def _is_cacheable() -> bool:
    if request.method not in {"GET", "HEAD"} or request.endpoint is None:
        return False
    view = current_app.view_functions.get(request.endpoint)
    return bool(getattr(view, "cacheable", False)) and PERSONAL_COOKIES.isdisjoint(request.cookies)


def known_query() -> str:
    """Return the query string of this request, "?" first, without what its view does not read."""
    view = current_app.view_functions.get(request.endpoint or "")
    known: frozenset[str] = getattr(view, "parameters", frozenset())
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name in known]
    return f"?{urlencode(pairs)}" if pairs else ""


def _check_query() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    for name in getattr(view, "parameters", ()):
        values = request.args.getlist(name)
        may_repeat = name in getattr(view, "repeated", ())
        if len(values) > (len(set(values)) if may_repeat else 1):
            abort(
                400,
                _("The address names the same thing twice. Leave one out and try again."),
            )


def _key() -> str:
    # The query first: it holds no space, so no path can imitate one.
    return f"{known_query()} {request.script_root}{request.path}"


def cached_response() -> Response | None:
    """Respond with the cached page of this request, None where there is no valid one.

    Where the content stamp cannot be read from the database, as `stale_response`.
    """
    if not _is_cacheable():
        return None
    cache: PageCache = current_app.extensions["psg_page_cache"]
    now = utc_now()
    try:
        stamp = current_stamp()
    except DatabaseError:
        return stale_response()  # or let the view try, whose page is not cached
    request.environ["psg.stamp"], request.environ["psg.requested"] = stamp, now
    key = _key()
    page = cache.get(key, stamp, now)
    request.environ["psg.was_cached"] = page is None and key in cache
    return _respond(page) if page is not None else None


def stale_response() -> Response | None:
    """Respond with the cached page of this request though it may have expired.

    It has the newest content stamp seen here, for what was withdrawn since must not reappear. No
    proxy or browser may store it.
    """
    if not _is_cacheable():
        return None
    cache: PageCache = current_app.extensions["psg_page_cache"]
    page = cache.get_stale(_key(), utc_now())
    if page is None:
        return None
    headers = [pair for pair in page.headers if pair[0] != "Last-Modified"]
    return _response(page, headers, "no-store")


def prevent_caching() -> None:
    """Keep the page being rendered out of the cache: it lacks something that was unreadable."""
    request.environ.pop("psg.stamp", None)


def was_cached() -> bool:
    """Say whether the cached page of this request is no longer valid."""
    return bool(request.environ.get("psg.was_cached"))


def _cache(response: Response) -> Response:
    stamp = request.environ.get("psg.stamp")
    if stamp is None or response.status_code != 200 or "psg.cached" in request.environ:
        return response
    if response.is_streamed or "Set-Cookie" in response.headers:
        return response
    # As of before the view ran: what came due while it ran must expire the page.
    requested: datetime = request.environ["psg.requested"]
    if not timedelta(0) <= utc_now() - requested <= MAX_VIEW_TIME:
        return response  # the clock jumped: the view may have seen another time
    try:
        expires = _expires(db.session(), requested)
    except DatabaseError:  # the page is rendered, and is sent all the same
        return response
    body = response.get_data()
    page = CachedPage(
        stamp,
        requested,
        expires,
        response.content_type,
        _etag(body),
        tuple((k, v) for k, v in response.headers if k in {"Last-Modified", "X-Robots-Tag"}),
        compression.compress(body),
        get_note(),
    )
    current_app.extensions["psg_page_cache"].put(_key(), page)
    return _respond(page)


def _expires(session: Session, now: datetime) -> datetime:
    expiries: list[Expiry] = current_app.extensions["psg_page_expiries"]
    times = [expiry(session, now) for expiry in expiries]
    return min([next_london_midnight(now), *filter(None, times)])


def _etag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def _respond(page: CachedPage) -> Response:
    response = _response(page, page.headers, "public, max-age=0, must-revalidate")
    coding = response.headers.get("Content-Encoding", "identity")
    response.headers["ETag"] = f'"{page.etag}-{coding}"'
    since = request.if_modified_since
    if since is not None and since > utc_now():
        # From our clock while it was ahead: it would hide all changes until then.
        del request.environ["HTTP_IF_MODIFIED_SINCE"]
    response.make_conditional(request.environ)
    return response


def _response(page: CachedPage, headers: Iterable[tuple[str, str]], control: str) -> Response:
    request.environ["psg.cached"] = True
    set_note(page.note)
    accepted = request.headers.get("Accept-Encoding", "")
    coding, body = compression.negotiate(page.bodies, accepted)
    all_headers = [*headers, ("Cache-Control", control), ("Vary", "Accept-Encoding")]
    if coding != "identity":
        all_headers.append(("Content-Encoding", coding))
    return Response(body, headers=all_headers, content_type=page.content_type)
