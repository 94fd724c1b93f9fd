"""S24 in small: hostile requests to every route; `make drills` sends ten times as many."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask

from tests import hostile
from tests.browser import content


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("hostile"), "full") as app:
        yield app


@pytest.mark.parametrize("seed", [1, 2])
def test_s24_no_request_makes_a_fault(full: Flask, seed: int) -> None:
    outcome = hostile.walk(full, 300, seed)
    assert outcome.faults == []
    assert outcome.statuses[200] > 20
    assert outcome.statuses[400] > 20
    assert outcome.statuses[404] > 20


@pytest.mark.parametrize(
    "words",
    ["ñ" * 10_000, "(" * 5_000, "\0" * 99, "%", "\ud800", "\xff", "a OR " * 900, "[a TO zz]"],
)
def test_any_words_of_a_reader_get_an_answer(full: Flask, words: str) -> None:
    query = quote(words.encode("utf-8", "surrogatepass"))
    for prefix in ("", "/es"):
        assert full.test_client().get(f"{prefix}/search/?q={query}").status_code == 200


def test_bytes_that_nobody_escaped_are_a_bad_request(full: Flask) -> None:
    environ = {"QUERY_STRING": "q=\xc0\xaf"}
    assert full.test_client().get("/search/", environ_overrides=environ).status_code == 400
    environ = {"QUERY_STRING": "q=miner\xc3\xada"}
    assert full.test_client().get("/search/", environ_overrides=environ).status_code == 200


@pytest.mark.parametrize("path", ["/es/search///", "/search//", "/search"])
@pytest.mark.parametrize("ending", ["\n", "\r"])
def test_a_line_break_never_gets_into_the_address_that_a_reader_is_sent_to(
    full: Flask, path: str, ending: str
) -> None:
    environ = {"QUERY_STRING": f"q=mine{ending}Set-Cookie: a=b"}
    assert full.test_client().get(path, environ_overrides=environ).status_code == 400


def test_s24_the_walk_would_notice_a_fault(full: Flask) -> None:
    def faulty(environ: object, start: object) -> list[bytes]:
        raise RuntimeError("a fault for the test")

    whole = full.wsgi_app
    full.wsgi_app = faulty  # type: ignore[method-assign, assignment]  # put back below
    try:
        assert len(hostile.walk(full, 10, 1).faults) == 10
    finally:
        full.wsgi_app = whole  # type: ignore[method-assign]  # as it was
