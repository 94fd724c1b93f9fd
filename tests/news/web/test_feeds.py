"""The feeds: right, complete, and cheap to ask again."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from psgflask.news import publishing
from psgflask.search.sync import indexer
from tests import factories

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("name", ["/news", "/publications", "/events", "/topics/mining"])
def test_every_feed_is_well_formed_in_both_forms(
    client: FlaskClient, session: Session, name: str, prefix: str
) -> None:
    factories.topic(session, "mining")
    for kind in ("news", "publication", "event"):
        for language in ("en", "es"):
            factories.article(
                session, "Ñandú & <co>", kind=kind, language=language, topics=["mining"]
            )
    atom = client.get(f"{prefix}{name}.atom")
    assert atom.content_type == "application/atom+xml; charset=utf-8"
    entries = ElementTree.fromstring(atom.data).findall(f"{ATOM}entry")
    assert entries
    assert entries[0].findtext(f"{ATOM}title") == "Ñandú & <co>"
    rss = client.get(f"{prefix}{name}.rss")
    assert rss.content_type == "application/rss+xml; charset=utf-8"
    assert ElementTree.fromstring(rss.data).findall("channel/item")


def test_a_feed_holds_the_articles_of_its_language(client: FlaskClient, session: Session) -> None:
    factories.article(session, "In English")
    factories.article(session, "En castellano", language="es")
    assert "En castellano" not in client.get("/news.atom").text
    assert "In English" not in client.get("/es/news.atom").text


def test_an_unchanged_feed_is_not_sent_again(client: FlaskClient, session: Session) -> None:
    factories.article(session, slug="first")
    first = client.get("/news.atom")
    by_tag = client.get("/news.atom", headers={"If-None-Match": first.headers["ETag"]})
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    by_date = client.get("/news.atom", headers=since)
    assert (by_tag.status_code, by_date.status_code) == (304, 304)
    assert by_tag.data == b""


def test_a_withdrawal_changes_the_feed(client: FlaskClient, session: Session) -> None:
    article = factories.article(session, slug="gone")
    factories.article(session, slug="stays")
    first = client.get("/news.atom")
    publishing.withdraw(session, article, by="editor", now=factories.NOW)
    session.commit()
    again = client.get("/news.atom", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert "/news/gone" not in again.text
    assert "/news/stays" in again.text


def test_an_article_changed_no_earlier_than_it_came_out(
    client: FlaskClient, session: Session
) -> None:
    later = factories.NOW + timedelta(days=2)
    factories.article(session, status="scheduled", at=later)
    feed = ElementTree.fromstring(client.get("/news.atom").data)  # our own
    moments = {e.text for e in feed.iter() if e.tag.endswith(("}updated", "}published"))}
    assert moments == {later.isoformat()}


def test_a_long_feed_makes_no_more_queries_than_a_short_one(
    client: FlaskClient, session: Session
) -> None:
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(str(arguments[2]))

    numbers = []
    event.listen(Engine, "before_cursor_execute", note)
    try:
        for _round in range(2):
            factories.articles(session, 3)
            statements.clear()
            client.get("/news.atom")
            numbers.append(len(statements))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert numbers[0] == numbers[1]


# ASCII's controls, and the two that Unicode says are no characters (XML 1.0, 2.2).
NOT_IN_XML = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))


def test_characters_that_xml_forbids_are_in_no_feed(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    topic = factories.topic(session, "mining")
    article = factories.article(session, "Title", topics=["mining"], slug="odd")
    # Behind the back of the rules, as an import may leave it.
    topic.name_en = f"Min{NOT_IN_XML}ing"
    article.title, article.teaser = f"Ti{NOT_IN_XML}tle", f"Tea{NOT_IN_XML}ser"
    article.body = f"Bo{NOT_IN_XML}dy " + "".join(f"&#{ord(sign)};" for sign in NOT_IN_XML)
    session.commit()
    indexer.drain(app)
    query = f"ti{NOT_IN_XML}tle\ud800"
    for address in (
        *("/news.atom", "/news.rss", "/topics/mining.atom", "/topics/mining.rss", "/sitemap.xml"),
        *("/search.atom?q=" + quote(q, errors="surrogatepass") for q in (query, "topic:mining")),
    ):
        feed = client.get(address)
        assert feed.status_code == 200
        ElementTree.fromstring(feed.data)  # Expat raises at a character that XML forbids


def test_characters_that_xml_allows_stay(client: FlaskClient, session: Session) -> None:
    factories.article(session, "Ñandú \U0001f999 \u2028 \ufffd", teaser="tab\tand more")
    feed = ElementTree.fromstring(client.get("/news.atom").data)
    assert feed.findtext(f".//{ATOM}entry/{ATOM}title") == "Ñandú \U0001f999 \ufffd"


def test_an_unknown_feed_is_not_found(client: FlaskClient) -> None:
    assert client.get("/topics/nothing.atom").status_code == 404
    assert client.get("/about.atom").status_code == 404
