"""Old addresses: stored, looked up and shortened; the rules for families of them."""

import re
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from psgflask.news import publishing
from psgflask.redirects import destinations
from psgflask.redirects.models import Redirect
from tests import factories


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("/news.php", "", "/news.php"),
        ("/news.php", "b=2&a=1", "/news.php?a=1&b=2"),
        ("/news.php", "a=&a=1", "/news.php?a=&a=1"),
        ("/x", "q=ca%C3%B1a", "/x?q=ca%C3%B1a"),
    ],
)
def test_an_address_is_stored_with_its_query_sorted(path: str, query: str, key: str) -> None:
    assert destinations.normalise(path, query) == key


@given(st.lists(st.tuples(st.text("ab=&%+", max_size=3), st.text(max_size=3)), max_size=4))
def test_the_order_of_a_query_makes_no_difference(pairs: list[tuple[str, str]]) -> None:
    assert destinations.normalise("/x", urlencode(pairs)) == destinations.normalise(
        "/x", urlencode(pairs[::-1])
    )


def test_an_old_address_redirects_permanently_to_the_new_one(
    client: FlaskClient, session: Session
) -> None:
    factories.redirect(session, "/old.php?a=1&b=2", "/news/")
    answer = client.get("/old.php?b=2&a=1")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/news/")
    assert client.get("/old.php?a=1").status_code == 404


def test_chains_are_shortened_and_nothing_redirects_to_itself(session: Session) -> None:
    for old, new in (("/a", "/b"), ("/b", "/c"), ("/c", "/a")):
        destinations.record_move(session, old, new)
        session.commit()
    kept = {row.old: row.new for row in session.scalars(select(Redirect))}
    assert kept == {"/b": "/a", "/c": "/a"}


@given(moves=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=12))
def test_every_former_address_of_a_page_redirects_to_its_present_one(moves: list[str]) -> None:
    engine = create_engine("sqlite://")
    Redirect.metadata.tables["redirects"].create(engine)
    at = moves[0]
    been = {at}
    with Session(engine) as session:
        for place in moves[1:]:
            if place == at:
                continue
            destinations.record_move(session, f"/{at}", f"/{place}")
            session.commit()
            at = place
            been.add(at)
        kept = {row.old: row.new for row in session.scalars(select(Redirect))}
    engine.dispose()
    assert kept == {f"/{old}": f"/{at}" for old in been - {at}}


def test_an_article_that_moves_leaves_a_redirect(client: FlaskClient, session: Session) -> None:
    article = factories.article(session, slug="first-name")
    for slug in ("second-name", "third-name"):
        draft = factories.draft("The same", slug=slug)
        publishing.revise(session, article, draft, by="x", now=factories.NOW)
        session.commit()
    for old in ("first-name", "second-name"):
        answer = client.get(f"/news/{old}")
        assert (answer.status_code, answer.headers["Location"]) == (301, "/news/third-name")
    assert client.get("/news/third-name").status_code == 200


def test_old_addresses_are_looked_up_only_for_missing_pages(
    client: FlaskClient, session: Session
) -> None:
    factories.redirect(session, "/topics/", "/news/")
    assert client.get("/topics/").status_code == 200
    assert client.post("/topics/").status_code == 405


@pytest.fixture
def with_rule(app: Flask) -> Flask:
    destinations.register_rule(
        r"/story-(\d+)",
        lambda match, query: f"/news/{match[1]}?{query.get('part')}" if "part" in query else None,
        extensions=app.extensions,
    )
    return app


def test_a_rule_gets_the_match_and_the_query(with_rule: Flask) -> None:
    extensions = with_rule.extensions
    assert (
        destinations.find_by_rule("/story-7", {"part": "2"}, extensions=extensions) == "/news/7?2"
    )
    assert destinations.find_by_rule("/story-7", {}, extensions=extensions) is None


@pytest.mark.parametrize("path", ["/story-x", "/story-7/more", "/a/story-7", "/story-7\n"])
def test_a_rule_matches_the_whole_path_or_not_at_all(with_rule: Flask, path: str) -> None:
    query = {"part": "2"}
    assert destinations.find_by_rule(path, query, extensions=with_rule.extensions) is None


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
def test_s16_no_address_redirects_to_another_site(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {301, 308, 400, 404}
    place = answer.headers.get("Location", "/")
    assert re.match(r"/(?![/\\])", place), place
    assert "evil" not in answer.headers.get("Set-Cookie", "")


def test_a_redirect_is_not_built_from_the_host_header(client: FlaskClient) -> None:
    answer = client.get("/news", headers={"Host": "127.0.0.1:9"})
    assert answer.headers["Location"] == "/news/"
