"""Loading the synthetic archive."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.news import article_revisions, catalogue, publishing
from psgflask.news.models import Article, Issue, Revision
from psgflask.sample.loading import add_topics
from psgflask.search.sync import indexer
from tests.sample_archive import archive, loading

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_archive_is_loaded_as_publishing_would_have_written_it(session: Session) -> None:
    assert loading.load_archive(session, 60, seed=3, now=NOW) == 60
    session.commit()
    drafts = {(draft.language, draft.slug): draft for draft in archive.articles(60, 3)}
    for article in session.scalars(select(Article)):
        draft = drafts[article.language, article.slug]
        assert (article.title, article.teaser, article.body) == (
            *(draft.title, draft.teaser, draft.body),
        )
        assert article.dateline == draft.dateline
        assert {topic.slug for topic in article.topics} == set(draft.topics)
        assert (
            (article.issue.series, article.issue.number) == draft.issue if article.issue else True
        )
        assert article.synthetic
        assert catalogue.is_published(article, NOW)
        [revision] = article.revisions
        assert revision.snapshot == article_revisions.snapshot(article)


def test_every_draft_of_the_archive_would_pass_the_rules_of_publishing(session: Session) -> None:
    add_topics(session, archive.topics())
    for draft in archive.articles(60, 4):
        publishing.create(session, draft, by="test", now=NOW)
    assert count(session, Article) == 60


def test_translations_of_the_archive_find_each_other(session: Session) -> None:
    loading.load_archive(session, 120, seed=3, now=NOW)
    session.commit()
    pairs = [draft for draft in archive.articles(120, 3) if draft.translation_of]
    assert pairs
    for draft in pairs:
        article = catalogue.find(session, str(draft.slug), "es")
        assert article is not None
        original = catalogue.translation(session, article, NOW)
        assert original is not None
        assert original.slug == draft.translation_of


def test_a_larger_archive_adds_only_what_is_missing(session: Session) -> None:
    loading.load_archive(session, 30, seed=3, now=NOW)
    assert loading.load_archive(session, 50, seed=3, now=NOW) == 20
    assert loading.load_archive(session, 50, seed=3, now=NOW) == 0
    assert count(session, Article) == count(session, Revision) == 50


def test_a_second_seed_adds_a_second_archive(session: Session) -> None:
    loading.load_archive(session, 30, seed=3, now=NOW)
    assert loading.load_archive(session, 30, seed=4, now=NOW) == 30
    issues = session.execute(select(Issue.series, Issue.number)).all()
    assert len(issues) == len(set(issues))


def test_an_article_can_be_revised_after_it_was_loaded_in_bulk(session: Session) -> None:
    loading.load_archive(session, 1, seed=3, now=NOW)
    session.commit()
    article = session.scalars(select(Article)).one()
    publishing.correct(session, article, "The name was wrong.", by="test", now=NOW)
    session.commit()
    assert [revision.number for revision in article.revisions] == [1, 2]


def test_progress_is_reported_for_every_article(session: Session) -> None:
    reported: list[int] = []
    loading.load_archive(session, 40, seed=3, now=NOW, on_progress=reported.append)
    assert sum(reported) == 40


def test_articles_loaded_in_bulk_make_cached_pages_stale(session: Session) -> None:
    # The second batch adds articles alone: no topic or issue whose event would tell as well.
    assert [draft.issue for draft in archive.articles(4, 3)][2:] == [None, None]
    loading.load_archive(session, 2, seed=3, now=NOW)
    session.commit()
    before = content_stamp.current_stamp()
    loading.load_archive(session, 4, seed=3, now=NOW)
    session.commit()
    assert content_stamp.current_stamp() > before


MADE_UP = {"en": "This text is made up.", "es": "Este texto es inventado."}


def test_pages_of_the_archive_answer_and_say_once_that_they_are_synthetic(
    client: FlaskClient, session: Session
) -> None:
    loading.load_archive(session, 40, seed=3, now=NOW)
    session.commit()
    articles = session.scalars(select(Article)).all()
    assert len(articles) == 40
    for article in articles:
        prefix = "/es" if article.language == "es" else ""
        answer = client.get(f"{prefix}/news/{article.slug}")
        assert answer.status_code == 200
        assert answer.text.count(MADE_UP[article.language]) == 1


@pytest.mark.parametrize(("language", "path"), [("en", "/news"), ("es", "/es/news")])
def test_each_entry_of_a_feed_says_of_the_archive_that_it_is_synthetic(
    client: FlaskClient, session: Session, language: str, path: str
) -> None:
    loading.load_archive(session, 40, seed=3, now=NOW)
    session.commit()
    atom = ElementTree.fromstring(client.get(f"{path}.atom").data)
    entries = atom.findall(f"{ATOM}entry")
    rss = ElementTree.fromstring(client.get(f"{path}.rss").data).findall("channel/item")
    assert len(entries) == len(rss) > 5
    for entry in entries:
        assert entry.findtext(f"{ATOM}summary", "").startswith(MADE_UP[language])
        content = entry.findtext(f"{ATOM}content")
        assert content is None or content.count(MADE_UP[language]) == 1
    for item in rss:
        assert item.findtext("description", "").startswith(f"<p><strong>{MADE_UP[language]}")


def test_each_result_of_a_search_says_of_the_archive_that_it_is_synthetic(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    loading.load_archive(session, 40, seed=3, now=NOW)
    session.commit()
    indexer.rebuild(app)
    page = client.get("/search/?q=topic:mining").text
    assert page.count('<article class="item">') == page.count("Made up for testing") > 5
