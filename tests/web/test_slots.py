"""Slots: a few requests of a kind at once, some in the queue, the next is refused."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.core.database import db
from psgflask.core.fair_semaphore import FairSemaphore
from psgflask.ops.serving.process import ServingProcess
from psgflask.web import errors, slots
from psgflask.web.slots import (
    CAPACITY,
    FILES,
    FORMS,
    HEALTH,
    PAGES,
    RENEWALS,
    SEARCH,
)
from tests import addresses, factories, html_forms
from tests.browser import content
from tests.conftest import Visitor
from tests.waiting import until

SEARCHES = [f"/search{form}?q=lima" for form in ("/", ".atom", ".json", "/suggest")]
# Routes that run no query, each with the reason; they are never refused.
EXEMPT = {
    "assets.serve": "from memory",
    "assets.favicon": "from memory",
    "home.robots": "a few lines of text",
    "doctor.alive": "says only that the process answers",
}
OTHER_KINDS = {
    "doctor.ready": HEALTH,
    "media.file": FILES,
    "search.search": SEARCH,
    "search.suggest": SEARCH,
    "search_feeds.atom": SEARCH,
    "search_feeds.json_feed": SEARCH,
}


def held(app: Flask, stack: ExitStack, *kinds: str) -> None:
    """Hold all slots of these kinds, with queues of no length."""
    for kind in kinds:
        app.extensions["psg_slots"][kind] = taken = FairSemaphore(1, 0)
        taken.acquire(0)
        stack.callback(taken.release)


def test_the_server_has_more_threads_than_there_are_slots(app: Flask) -> None:
    with socket.socket() as line:
        gateway = ServingProcess(app, line).gateway
    assert gateway.threads >= sum(map(sum, CAPACITY.values())) + 4


def test_there_is_a_connection_for_each_thread(app: Flask) -> None:
    with app.app_context():
        pool: Any = db.engine.pool
        assert pool.size() + pool._max_overflow >= slots.THREADS


# Which requests take which slots


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The site with content at every address."""
    with content.filled(tmp_path_factory.mktemp("slots"), "full") as app:
        app.test_client_class = Visitor
        yield app


def test_s2_every_page_takes_a_slot_or_is_exempt_for_a_reason(full: Flask) -> None:
    full.extensions["psg_page_cache"].pages.clear()
    adapter = full.url_map.bind("127.0.0.1")
    with ExitStack() as stack:
        held(full, stack, *CAPACITY)
        for path in addresses.of(full):
            plain = path.removeprefix("/es").partition("?")[0]
            endpoint = adapter.match(plain)[0]
            status = full.test_client().get(path).status_code
            assert (status == 503) is (endpoint not in EXEMPT), path
    full.extensions["psg_slots"] = {kind: FairSemaphore(*sizes) for kind, sizes in CAPACITY.items()}


def test_each_kind_has_its_own_routes(full: Flask) -> None:
    marked = {
        endpoint: view.slots
        for endpoint, view in full.view_functions.items()
        if hasattr(view, "slots")
    }
    assert marked == {**dict.fromkeys(EXEMPT, ""), **OTHER_KINDS}


@pytest.mark.parametrize("address", SEARCHES)
def test_s2_without_a_free_slot_a_search_is_a_503_and_other_pages_are_served(
    client: FlaskClient, app: Flask, address: str
) -> None:
    assert client.get(address).status_code == 200
    with ExitStack() as stack:
        held(app, stack, SEARCH)
        busy = client.get(address)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        assert "Many people are searching" in busy.text
        assert client.get("/").status_code == 200
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        *("/news/2018/?before=2018-07-15.1", "/topics/", "/accounts/join/again", "/sitemap.xml"),
        *("/nothing", "/news.php?position=7", "/2018/07/some-slug/", "/members/join/membership"),
    ],
)
def test_s2_without_a_free_slot_a_page_is_a_503(
    client: FlaskClient, app: Flask, session: Session, address: str
) -> None:
    factories.article(session, dated="15 July 2018")
    with ExitStack() as stack:
        held(app, stack, PAGES)
        busy = client.get(address)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        assert "busy for a moment" in busy.text
        for free in ("/robots.txt", "/favicon.ico", "/healthz", "/readyz", "/search/?q=lima"):
            assert b"busy" not in client.get(free).data
    assert client.get(address).status_code != 503


def test_s2_a_cached_page_never_waits(client: FlaskClient, app: Flask, session: Session) -> None:
    factories.article(session, "Kept all the time")
    client.get("/")
    with ExitStack() as stack:
        held(app, stack, *CAPACITY)
        assert "Kept all the time" in client.get("/").text
        etag = client.get("/").headers["ETag"]
        assert client.get("/", headers={"If-None-Match": etag}).status_code == 304


def test_s2_an_expired_page_is_rendered_again_though_all_other_slots_are_taken(
    client: FlaskClient, app: Flask, session: Session
) -> None:
    factories.article(session, "First headline")
    client.get("/")
    factories.article(session, "Second headline")
    with ExitStack() as stack:
        held(app, stack, *(set(CAPACITY) - {RENEWALS}))
        assert "Second headline" in client.get("/").text
        assert client.get("/news/").status_code == 503  # never requested before
        assert client.get("/").status_code == 200


def test_s2_an_expired_page_may_wait_with_the_others_too(
    client: FlaskClient, app: Flask, session: Session
) -> None:
    client.get("/")
    factories.article(session, "Second headline")
    with ExitStack() as stack:
        held(app, stack, RENEWALS)
        assert "Second headline" in client.get("/").text


def test_a_submitted_form_takes_no_slot_of_pages(
    client: FlaskClient, app: Flask, session: Session
) -> None:
    form = html_forms.form_of(client.get("/accounts/join/again").text).filled(
        {"email": "a@b.example"}
    )
    with ExitStack() as stack:
        held(app, stack, PAGES)
        assert client.post("/accounts/join/again", data=form).status_code == 303
        held(app, stack, FORMS)
        refused = client.post("/accounts/join/again", data=form)
        assert refused.status_code == 503
        assert "a@b.example" in refused.text  # nothing that was typed is lost
        # Neither asks the database anything.
        assert client.post("/news/").status_code == 405
        assert client.get("/topics").status_code == 308
        assert client.options("/news/").status_code == 200


def test_a_queued_request_gets_the_page_rendered_meanwhile(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "Drawn once")
    app.extensions["psg_slots"][PAGES] = queue = FairSemaphore(1, 9)
    rendered, may_go_on = [], threading.Event()
    view: Any = app.view_functions["news.listing"]

    def slow() -> Any:
        rendered.append(1)
        assert may_go_on.wait(60)
        return view()

    slow.__dict__.update(view.__dict__)
    monkeypatch.setitem(app.view_functions, "news.listing", slow)
    responses: list[str] = []

    def ask() -> None:
        responses.append(app.test_client().get("/news/").text)

    threads = [threading.Thread(target=ask) for _reader in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: len(queue._queue) == 4)
    may_go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(rendered) == 1
    assert len(set(responses)) == 1
    assert "Drawn once" in responses[0]


@pytest.mark.parametrize("how", ["an error", "a fault", "a stream", "a page that is missing"])
def test_a_slot_is_released_however_a_request_ends(
    make_app: Callable[..., Flask], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(TESTING=False)

    def failing() -> Any:
        if how == "an error":
            abort(418)
        if how == "a stream":
            return (part for part in ("a", "b"))
        raise RuntimeError("a fault for the test")

    app.add_url_rule("/ends", view_func=failing)
    app.extensions["psg_slots"][PAGES] = FairSemaphore(1, 0)
    path = "/nowhere" if how == "a page that is missing" else "/ends"
    statuses = {app.test_client().get(path).status_code for _time in range(3)}
    assert len(statuses) == 1
    assert 503 not in statuses


def test_a_refusal_queries_only_the_content_stamp(client: FlaskClient, app: Flask) -> None:
    asked: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    form = html_forms.form_of(client.get("/accounts/join/again").text).filled(
        {"email": "a@b.example"}
    )
    asked.clear()
    with ExitStack() as stack:
        held(app, stack, *CAPACITY)
        for address in ("/news/", "/nothing", "/search/?q=x", "/media/" + "a" * 64 + "/x"):
            assert client.get(address).status_code == 503
        assert client.post("/accounts/join/again", data=form).status_code == 503
    assert asked == []


def test_an_exempt_404_runs_no_query(app: Flask, client: FlaskClient) -> None:
    asked: list[str] = []
    errors.register_404_redirect(app, lambda: asked.append("old addresses"))
    for path in ("/static/0/nothing.css", "/es/static/0/nothing.css", "/es/robots.txt"):
        assert client.get(path).status_code == 404
    assert asked == []
    assert client.get("/nothing").status_code == 404
    assert asked == ["old addresses"]
