"""S24 in small: hostile requests to every route; `make drills` sends ten times as many."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask

from tests import hostile_requests
from tests.browser import content


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("hostile"), "full") as app:
        yield app


@pytest.mark.parametrize("seed", [1, 2])
def test_s24_no_hostile_request_causes_a_500(full: Flask, seed: int) -> None:
    outcome = hostile_requests.walk(full, 300, seed)
    assert outcome.faults == []
    assert outcome.statuses[200] > 20
    assert outcome.statuses[400] > 20
    assert outcome.statuses[404] > 20


@pytest.mark.parametrize(
    "words",
    ["ñ" * 10_000, "(" * 5_000, "\0" * 99, "%", "\ud800", "\xff", "a OR " * 900, "[a TO zz]"],
)
def test_any_query_gets_a_response(full: Flask, words: str) -> None:
    query = quote(words.encode("utf-8", "surrogatepass"))
    for prefix in ("", "/es"):
        assert full.test_client().get(f"{prefix}/search/?q={query}").status_code == 200


def test_raw_bytes_in_a_query_are_a_bad_request(full: Flask) -> None:
    environ = {"QUERY_STRING": "q=\xc0\xaf"}
    assert full.test_client().get("/search/", environ_overrides=environ).status_code == 400
    environ = {"QUERY_STRING": "q=miner\xc3\xada"}
    assert full.test_client().get("/search/", environ_overrides=environ).status_code == 200


@pytest.mark.parametrize("path", ["/es/search///", "/search//", "/search"])
@pytest.mark.parametrize("ending", ["\n", "\r"])
def test_a_line_break_never_reaches_a_location_header(full: Flask, path: str, ending: str) -> None:
    environ = {"QUERY_STRING": f"q=mine{ending}Set-Cookie: a=b"}
    assert full.test_client().get(path, environ_overrides=environ).status_code == 400


def test_s24_the_check_notices_a_500(full: Flask) -> None:
    def faulty(environ: object, start: object) -> list[bytes]:
        raise RuntimeError("a fault for the test")

    whole = full.wsgi_app
    full.wsgi_app = faulty  # type: ignore[method-assign, assignment]  # put back below
    try:
        assert len(hostile_requests.walk(full, 10, 1).faults) == 10
    finally:
        full.wsgi_app = whole  # type: ignore[method-assign]  # as it was
