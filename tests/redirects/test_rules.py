"""Rules for families of old addresses."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from psgflask.redirects import rules


@pytest.fixture
def with_rule(app: Flask) -> Flask:
    rules.register(
        r"/story-(\d+)",
        lambda found, query: f"/news/{found[1]}?{query.get('part')}" if "part" in query else None,
        extensions=app.extensions,
    )
    return app


def test_a_rule_sees_the_match_and_the_query(with_rule: Flask) -> None:
    with with_rule.app_context():
        assert rules.apply("/story-7", {"part": "2"}) == "/news/7?2"
        assert rules.apply("/story-7", {}) is None


@pytest.mark.parametrize("path", ["/story-x", "/story-7/more", "/a/story-7", "/story-7\n"])
def test_a_rule_fits_a_whole_path_or_not_at_all(with_rule: Flask, path: str) -> None:
    with with_rule.app_context():
        assert rules.apply(path, {"part": "2"}) is None


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/news.php",
        "/\\evil.example/",
        "/news.php/..//evil.example",
        "/2020/04/%2f%2fevil.example/",
        "/2020/04/%0d%0aSet-Cookie:x/",
        "/%0d%0aLocation:%20https://evil.example",
        "/news.php?position=//evil.example",
        "/https:/evil.example",
        "//evil.example//",
        "/.//evil.example/%2e%2e",
    ],
)
def test_s16_no_address_leads_away_from_the_site(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {301, 308, 400, 404}
    place = answer.headers.get("Location", "/")
    assert re.match(r"/(?![/\\])", place), place
    assert "evil" not in answer.headers.get("Set-Cookie", "")


def test_a_redirect_is_not_built_from_what_the_client_calls_us(client: FlaskClient) -> None:
    answer = client.get("/news", headers={"Host": "127.0.0.1:9"})
    assert answer.headers["Location"] == "/news/"
