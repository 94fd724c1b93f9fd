"""The front page, the sitemap and robots."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories


def test_an_empty_site_has_a_home_page(client: FlaskClient) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/es/").status_code == 200


def test_the_newest_article_leads(client: FlaskClient, session: Session) -> None:
    factories.article(session, "Older", dated="1 July 2018")
    factories.article(session, "Newest of all", dated="2 July 2018")
    page = client.get("/").text
    assert page.index("Newest of all") < page.index("Older")


def test_an_archive_of_one_year_shows_months_and_a_longer_one_years(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, dated="2018-07-01")
    assert 'href="/news/2018/07/"' in client.get("/").text
    factories.article(session, dated="1983-03-01")
    page = client.get("/").text
    assert 'href="/news/1983/"' in page


def test_the_sitemap_lists_each_published_article_once(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="census")
    factories.article(session, slug="censo", language="es", translation_of="census")
    places = re.findall(r"<loc>([^<]+)</loc>", client.get("/sitemap.xml").text)
    assert places.count("http://127.0.0.1:8000/news/census") == 1
    assert places.count("http://127.0.0.1:8000/es/news/censo") == 1
    assert len(places) == len(set(places))
    ElementTree.fromstring(client.get("/sitemap.xml").data)


def test_the_sitemap_has_the_day_of_a_change_in_london(
    client: FlaskClient, session: Session
) -> None:
    article = factories.article(session)
    article.updated_at = article.publish_at = datetime(2025, 7, 1, 23, 30, tzinfo=UTC)
    session.commit()
    assert "<lastmod>2025-07-02</lastmod>" in client.get("/sitemap.xml").text


def test_robots_txt_names_the_sitemap(client: FlaskClient) -> None:
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in client.get("/robots.txt").text
    assert client.get("/es/robots.txt").status_code == 404
    assert client.get("/es/sitemap.xml").status_code == 404


def test_an_unknown_parameter_is_not_repeated_in_the_page(client: FlaskClient) -> None:
    assert "quipu" not in client.get("/?utm=quipu").text


def test_the_home_page_links_to_earlier_news_only_where_there_are_any(
    client: FlaskClient, session: Session
) -> None:
    factories.articles(session, 10)
    assert "before=" not in client.get("/").text
    factories.article(session, dated="2017-01-01")
    assert 'href="/news/?before=' in client.get("/").text
