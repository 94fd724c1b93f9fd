"""Loading the sample content."""

from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import Dateline
from psgflask.news.models import Article, Topic
from psgflask.pages.models import Appeal, Page
from psgflask.sample import loading

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
    appeals = session.scalars(select(Appeal)).all()
    assert {appeal.language for appeal in appeals} == {"en", "es"}
    for appeal in appeals:
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


def test_the_home_page_shows_the_ten_items_and_the_appeal(
    client: FlaskClient, session: Session
) -> None:
    loading.load_content(session, now=NOW)
    session.commit()
    for prefix in ("", "/es"):
        page = client.get(f"{prefix}/").text
        articles = session.scalars(catalogue.listing(Scope(prefix[1:] or "en", NOW))).all()
        assert articles
        for article in articles:
            assert f"/news/{article.slug}" in page
