"""Old addresses: how they are kept, found, and shortened."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.news import publishing
from psgflask.redirects import remembering
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
def test_an_address_is_kept_with_its_query_sorted(path: str, query: str, key: str) -> None:
    assert remembering.key(path, query) == key


@given(st.lists(st.tuples(st.text("ab=&%+", max_size=3), st.text(max_size=3)), max_size=4))
def test_the_order_of_a_query_makes_no_difference(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    assert remembering.key("/x", urlencode(pairs)) == remembering.key("/x", urlencode(pairs[::-1]))


def test_an_old_address_leads_to_the_new_for_good(client: FlaskClient, session: Session) -> None:
    factories.redirect(session, "/old.php?a=1&b=2", "/news/")
    answer = client.get("/old.php?b=2&a=1")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/news/")
    assert client.get("/old.php?a=1").status_code == 404


def test_chains_are_shortened_and_nothing_leads_to_itself(session: Session) -> None:
    for old, new in (("/a", "/b"), ("/b", "/c"), ("/c", "/a")):
        remembering.moved(session, old, new)
        session.commit()
    kept = {row.old: row.new for row in session.scalars(select(Redirect))}
    assert kept == {"/b": "/a", "/c": "/a"}


@given(moves=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=12))
def test_every_place_a_page_ever_had_leads_to_where_it_is(moves: list[str]) -> None:
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    Redirect.metadata.tables["redirects"].create(engine)
    at = moves[0]
    been = {at}
    with Session(engine) as session:
        for place in moves[1:]:
            if place == at:
                continue
            remembering.moved(session, f"/{at}", f"/{place}")
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


def test_only_a_missing_page_asks_for_an_old_address(client: FlaskClient, session: Session) -> None:
    factories.redirect(session, "/topics/", "/news/")
    assert client.get("/topics/").status_code == 200
    assert client.post("/topics/").status_code == 405
