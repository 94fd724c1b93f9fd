"""Cursors in addresses: only those that pages link to; and repeated parameters."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.news.models import Article
from psgflask.web.caching import MAX_KEY_LENGTH, CachedPage, PageCache
from tests import addresses, factories
from tests.browser import content
from tests.conftest import Visitor

DAY, ID = "2018-07-15", 10_001
# Invalid cursors for the article ID of DAY; "{}" is the valid one.
INVALID = (
    *("", "{} ", " {}", "{}.1", "x", "2018-07-15", "2018-07-15.", ".10001", "20180715.10001"),
    *("2018-W28-7.10001", "2018-07-15.010001", "2018-07-15.+10001", "2018-07-15.10_001"),
    *("2018-07-16.10001", "2018-07-15.10002", "2018-07-15.99999999", "0001-01-01.10001"),
    *("2018-07-15.\u0661\u0660\u0660\u0660\u0661", "2018-07-15,10001", "2018-7-15.10001"),
    *("{}\0", "\n{}"),
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The site with something at every address."""
    with content.filled(tmp_path_factory.mktemp("paging"), "full") as app:
        app.test_client_class = Visitor
        yield app


def revise(session: Session, article: Article, **values: Any) -> None:
    """Replace what an article says, and commit."""
    draft = factories.draft(article.title, **values)
    publishing.revise(session, article, draft, by=factories.EDITOR, now=factories.NOW)
    session.commit()


def reading(app: Flask) -> Iterator[tuple[str, object]]:
    """Yield an address and its view for each that reads parameters."""
    adapter = app.url_map.bind("127.0.0.1")
    for path in addresses.of(app):
        plain = path.partition("?")[0]
        view = app.view_functions[adapter.match(plain.removeprefix("/es"))[0]]
        if getattr(view, "parameters", ()):
            yield plain, view


def test_a_repeated_parameter_is_a_400_unless_our_pages_repeat_it(full: Flask) -> None:
    cached = full.extensions["psg_page_cache"].pages
    client, seen = full.test_client(), 0
    for path, view in reading(full):
        for name in view.parameters:  # type: ignore[attr-defined]  # a mark of `query_parameters`
            before = len(cached)
            for query in (f"{name}=a&{name}=b", f"{name}=a&x=1&{name}=a", f"{name}=&{name}="):
                many = name in view.repeated and "=b" in query  # type: ignore[attr-defined]  # likewise
                response = client.get(f"{path}?{query}")
                assert response.status_code == 400, (path, query)
                if not many:
                    assert "twice" in response.text or "dos veces" in response.text
            assert len(cached) == before
            seen += 1
    assert seen > 40


def test_only_the_filters_of_a_search_may_be_repeated(full: Flask) -> None:
    repeated = {
        name: path
        for path, view in reading(full)
        for name in view.repeated  # type: ignore[attr-defined]  # a mark of `query_parameters`
    }
    assert set(repeated) == {"topic", "lang"}
    client = full.test_client()
    assert client.get("/search/?q=radio&lang=en&lang=es").status_code == 200


def redirected(client: FlaskClient, path: str) -> str:
    """Return where an address redirects to, which is a page."""
    response = client.get(path)
    assert response.status_code == 302, path
    assert response.headers["Cache-Control"] == "no-store"
    assert client.get(response.location).status_code == 200
    return response.location


def test_every_list_refuses_invalid_cursors_and_caches_no_page_of_them(full: Flask) -> None:
    cached = full.extensions["psg_page_cache"].pages
    client, lists = full.test_client(), 0
    for path, view in reading(full):
        if "before" not in view.parameters:  # type: ignore[attr-defined]  # a mark of `query_parameters`
            continue
        lists += 1
        before = set(cached)
        for invalid in INVALID:
            for side in ("before", "after"):
                response = client.get(path, query_string={side: invalid.format(f"{DAY}.{ID}")})
                assert response.status_code == 400, (path, side, invalid)
        assert set(cached) == before
    assert lists >= 14


def test_a_cursor_is_valid_in_either_language_and_only_in_the_lists_of_its_article(
    client: FlaskClient, session: Session
) -> None:
    factories.topic(session, "mining")
    article = factories.article(session, dated="15 July 2018", topics=["mining"])
    factories.article(session, "El mismo", language="es", translation_of=article.slug)
    report = factories.article(session, dated="15 July 2018", kind="publication")
    cursor, other = f"2018-07-15.{article.id}", f"2018-07-15.{report.id}"
    for path in ("/news/", "/news/2018/", "/news/2018/07/", "/topics/mining"):
        for prefix in ("", "/es"):
            for side in ("before", "after"):
                assert client.get(f"{prefix}{path}?{side}={cursor}").status_code == 200
            assert redirected(client, f"{prefix}{path}?before={other}") == f"{prefix}{path}"
    for path in ("/publications/", "/events/", "/news/undated/"):
        assert redirected(client, f"{path}?before={cursor}") == path
    assert client.get(f"/publications/?before={other}").status_code == 200


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_the_cursor_of_an_article_with_a_new_date_redirects_to_its_new_position(
    app: Flask, client: FlaskClient, session: Session, side: str, prefix: str
) -> None:
    factories.topic(session, "mining")
    article = factories.article(session, dated="8 July 2018", topics=["mining"])
    for year in (2017, 2019):  # the archive keeps its years
        factories.article(session, dated=f"1 January {year}")
    link = f"?{side}=2018-07-08.{article.id}"
    lists = [f"{prefix}{path}" for path in ("/news/", "/news/2018/", "/topics/mining")]
    of_month = f"{prefix}/news/2018/07/"
    for path in (*lists, of_month):
        assert client.get(path + link).status_code == 200
    revise(session, article, dated="8 June 2018", topics=["mining"])
    app.extensions["psg_page_cache"].pages.clear()
    for path in lists:
        assert client.get(f"{path}{link}&x=1").location == f"{path}?{side}=2018-06-08.{article.id}"
        assert not app.extensions["psg_page_cache"].pages
    for path in lists:
        assert redirected(client, path + link) == f"{path}?{side}=2018-06-08.{article.id}"
    assert redirected(client, of_month + link) == of_month
    revise(session, article, dated="undated", topics=["mining"])
    assert (
        redirected(client, f"{prefix}/news/{link}")
        == f"{prefix}/news/?{side}=0001-01-01.{article.id}"
    )
    assert redirected(client, f"{prefix}/news/2018/{link}") == f"{prefix}/news/2018/"


def test_the_cursor_of_an_article_that_left_the_list_redirects_to_the_first_page(
    client: FlaskClient, session: Session
) -> None:
    factories.topic(session, "mining")
    factories.topic(session, "oil")
    article = factories.article(session, dated="8 July 2018", topics=["mining"])
    link = f"?before=2018-07-08.{article.id}"
    revise(session, article, dated="8 July 2018", topics=["oil"])
    assert redirected(client, f"/topics/mining{link}") == "/topics/mining"
    assert client.get(f"/topics/oil{link}").status_code == 200
    revise(session, article, dated="8 July 2018", kind="publication")
    assert redirected(client, f"/news/{link}") == "/news/"
    assert redirected(client, f"/es/news/2018/{link}") == "/es/news/2018/"
    assert client.get(f"/publications/{link}").status_code == 200
    revise(session, article, dated="8 July 2099", kind="event")  # to come, so on the first page
    assert redirected(client, f"/events/{link}") == "/events/"


def test_two_cursors_are_a_400(client: FlaskClient, session: Session) -> None:
    cursor = f"2018-07-15.{factories.article(session, dated='15 July 2018').id}"
    response = client.get(f"/news/?before={cursor}&after={cursor}")
    assert response.status_code == 400
    assert "first page" in response.text


def test_a_withdrawn_article_is_still_a_cursor_and_one_never_public_is_none(
    client: FlaskClient, session: Session
) -> None:
    def status(article_id: int) -> int:
        return client.get(f"/news/?before=2018-07-15.{article_id}").status_code

    factories.topic(session, "mining")
    article = factories.article(session, dated="15 July 2018", topics=["mining"])
    assert status(article.id) == 200
    publishing.withdraw(session, article, by=factories.EDITOR, now=factories.NOW)
    session.commit()
    assert status(article.id) == 200
    assert client.get(f"/topics/mining?before=2018-07-15.{article.id}").status_code == 200
    draft = factories.article(session, dated="15 July 2018", status="draft")
    later = utc_now() + timedelta(days=3)
    waiting = factories.article(
        session, dated="15 July 2018", status="scheduled", at=later, now=utc_now()
    )
    assert status(draft.id) == status(waiting.id) == 400
    # Nor does a guess reveal the date of an article that is not public.
    for hidden in (draft, waiting):
        assert client.get(f"/news/?before=2018-07-16.{hidden.id}").status_code == 400


def test_an_issue_that_is_not_public_is_no_cursor(client: FlaskClient, session: Session) -> None:
    factories.article(session, issue=("Update", 134))
    factories.article(session, issue=("Update", 135), status="draft")
    assert client.get("/updates/?before=134").status_code == 200
    for slug in ("135", "0134", "134 ", "136", "", "134&after=134"):
        assert client.get(f"/updates/?before={slug}").status_code == 400


def test_the_cursor_of_a_withdrawn_or_renumbered_issue_redirects_to_the_first_page(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, issue=("Update", 133))
    article = factories.article(session, dated="15 July 2018", issue=("Update", 134))
    assert client.get("/updates/?before=134").status_code == 200
    publishing.withdraw(session, article, by=factories.EDITOR, now=factories.NOW)
    session.commit()
    assert redirected(client, "/updates/?before=134") == "/updates/"
    assert redirected(client, "/es/updates/?after=134") == "/es/updates/"
    revise(session, article, dated="15 July 2018", issue=("Update", 135))
    assert redirected(client, "/updates/?before=134") == "/updates/"
    assert client.get("/updates/?before=0134").status_code == 400


@pytest.mark.parametrize("leads", [False, True])
def test_one_query_checks_a_cursor(
    app: Flask, client: FlaskClient, session: Session, leads: bool
) -> None:
    number, status = factories.article(session, dated="15 July 2018").id, 302
    if not leads:
        number, status = number + 1, 400
    statements: list[str] = []
    with app.app_context():
        event.listen(
            db.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
        )
    assert client.get(f"/news/?before=2018-07-16.{number}").status_code == status
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1
    assert "articles.id = ?" in statements[-1]


def test_a_page_with_a_cursor_is_cached_once_however_its_address_is_written(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    cursor = f"2018-07-15.{factories.article(session, dated='15 July 2018').id}"
    for query in (f"before={cursor}", f"x=1&before={cursor}&y=2", f"%62efore={cursor}&before2=1"):
        assert client.get(f"/news/?{query}").status_code == 200
    assert len(app.extensions["psg_page_cache"].pages) == 1


def test_a_page_with_a_very_long_address_is_not_cached(app: Flask) -> None:
    pages = PageCache(1)
    entry = CachedPage(1, utc_now(), utc_now(), "text/html", "x", (), {"identity": b"x"})
    pages.put("x" * (MAX_KEY_LENGTH + 1), entry)
    assert not pages.pages
