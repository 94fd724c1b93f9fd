"""The news by topic."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories


def test_topics_are_listed_by_kind_with_their_counts(client: FlaskClient, session: Session) -> None:
    factories.topic(session, "mining", name_es="Minería")
    factories.topic(session, "moquegua", kind="place")
    factories.topic(session, "empty")
    factories.article(session, topics=["mining", "moquegua"])
    page = client.get("/topics/").text
    assert 'href="/topics/mining"' in page
    assert 'href="/topics/moquegua"' in page
    assert 'href="/topics/empty"' not in page
    assert "Minería" in client.get("/es/topics/").text


def test_a_topic_lists_every_kind_of_article(client: FlaskClient, session: Session) -> None:
    factories.topic(session, "mining")
    for kind in ("news", "publication", "event"):
        factories.article(session, slug=f"about-{kind}", kind=kind, topics=["mining"])
    factories.article(session, slug="about-nothing")
    page = client.get("/topics/mining").text
    for kind in ("news", "publication", "event"):
        assert f'href="/news/about-{kind}"' in page
    assert "about-nothing" not in page
