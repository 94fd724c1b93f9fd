"""Loading the sample content and the synthetic archive."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.news import catalogue, publishing
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import Dateline
from psgflask.news.models import Article, Issue, Revision, Topic
from psgflask.pages.models import Appeal, Page
from psgflask.sample import archive, content, loading
from psgflask.search.sync import keeper

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_sample_content_is_published_in_the_order_of_the_old_home_page(
    session: Session,
) -> None:
    loading.load_content(session, now=NOW)
    articles = session.scalars(catalogue.listing(Scope("en", NOW))).all()
    assert len(articles) == 10
    assert articles[0].title == "UN Human Rights Commissioner lists necessary reforms"
    assert articles[1].title == "Formal launch of the ‘Responsible Mining Index’"
    assert articles[-1].title.startswith("Anglo sells part")


def test_a_translated_item_stands_in_the_spanish_list_in_place_of_its_original(
    session: Session,
) -> None:
    loading.load_content(session, now=NOW)
    articles = session.scalars(catalogue.listing(Scope("es", NOW))).all()
    assert len(articles) == 10
    assert [article.language for article in articles].count("es") == 4


def test_the_appeal_leads_to_the_item_of_its_language(session: Session) -> None:
    loading.load_content(session, now=NOW)
    for appeal in session.scalars(select(Appeal)):
        article = session.get(Article, appeal.article_id)
        assert article is not None
        assert article.language == appeal.language
        assert (appeal.target, appeal.total, appeal.link) == (None, None, "")


def test_loading_the_sample_content_again_adds_nothing(session: Session) -> None:
    first = loading.load_content(session, now=NOW)
    assert first == count(session, Article) + count(session, Page) + count(session, Appeal)
    assert loading.load_content(session, now=NOW) == 0


def test_what_a_volunteer_changed_stays(session: Session) -> None:
    loading.load_content(session, now=NOW)
    page = session.scalars(select(Page).where(Page.slug == "aims")).first()
    topic = session.scalars(select(Topic).where(Topic.slug == "mining")).one()
    assert page is not None
    page.title, topic.name_en = "Our aims", "Mines"
    session.flush()
    loading.load_content(session, now=NOW)
    assert (page.title, topic.name_en) == ("Our aims", "Mines")


def test_sample_articles_are_not_marked_synthetic(session: Session) -> None:
    loading.load_content(session, now=NOW)
    assert not session.scalars(select(Article).where(Article.synthetic.is_(True))).all()


def test_an_article_comes_out_on_its_date_and_never_in_the_future() -> None:
    def out(dated: str, kind: str = "news") -> str:
        return loading.published_at(Dateline.parse(dated), kind, NOW).isoformat()

    assert out("15 July 2018") == "2018-07-15T09:00:00+00:00"
    assert out("June / July 2009") == "2009-07-31T09:00:00+00:00"
    assert out("undated").startswith("2005-01-01")
    assert out("15 December 2026", "event") == NOW.isoformat()
    assert out("15 July 2018", "event") == "2018-06-15T09:00:00+00:00"


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
        assert revision.snapshot == publishing.snapshot(article)


def test_every_draft_of_the_archive_would_pass_the_rules_of_publishing(session: Session) -> None:
    loading.add_topics(session, content.topics(archive=True))
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


def test_progress_is_told_for_every_article(session: Session) -> None:
    told: list[int] = []
    loading.load_archive(session, 40, seed=3, now=NOW, progressed=told.append)
    assert sum(told) == 40


def test_articles_loaded_in_bulk_make_kept_pages_stale(session: Session) -> None:
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
    for article in session.scalars(select(Article)):
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
    keeper.rebuild(app)
    page = client.get("/search/?q=topic:mining").text
    assert page.count('<article class="item">') == page.count("Made up for testing") > 5


def test_the_home_page_shows_the_ten_items_and_the_appeal(
    client: FlaskClient, session: Session
) -> None:
    loading.load_content(session, now=NOW)
    session.commit()
    for prefix in ("", "/es"):
        page = client.get(f"{prefix}/").text
        for article in session.scalars(catalogue.listing(Scope(prefix[1:] or "en", NOW))):
            assert f"/news/{article.slug}" in page


def commands(app: Flask) -> set[str]:
    return {"sample-content", "sample-archive"} & set(app.cli.commands)


def test_both_commands_are_there(app: Flask) -> None:
    assert commands(app) == {"sample-content", "sample-archive"}
