"""The only writer of articles: what it refuses, what it leaves behind."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from psgflask.news import catalogue, publishing
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import AttachmentDraft, Draft, PictureDraft, PublishingRefused
from psgflask.news.models import Article, Issue, Revision
from psgflask.news.publishing import SlugTaken, TopicUnknown, TranslationUnknown
from psgflask.redirects import destinations
from psgflask.redirects.models import Redirect
from tests import factories
from tests.factories import EDITOR, NOW, draft
from tests.news.archives import empty_archive

LATER = NOW + timedelta(hours=1)
PICTURE = PictureDraft("a" * 64, "strike.jpg", "image/jpeg", 1000, 800, 600, alt="A march")
FILE = AttachmentDraft("b" * 64, "report.pdf", "application/pdf", 2000, "Report", "en")


@pytest.fixture
def session() -> Iterator[Session]:
    with empty_archive() as session:
        yield session


def create(session: Session, submitted: Draft) -> Article:
    return publishing.create(session, submitted, by=EDITOR, now=NOW)


def revise(session: Session, article: Article, submitted: Draft) -> Article:
    return publishing.revise(session, article, submitted, by=EDITOR, now=LATER)


def test_a_new_article_is_a_draft_with_its_first_revision(session: Session) -> None:
    factories.topic(session, "mining")
    article = create(
        session,
        replace(
            draft("Teachers start new strike", topics=["mining"], issue=("Update", 134)),
            pictures=[PICTURE],
            attachments=[FILE],
        ),
    )
    session.commit()
    assert article.slug == "teachers-start-new-strike"
    assert article.status == "draft"
    assert not catalogue.is_published(article, NOW)
    assert [topic.slug for topic in article.topics] == ["mining"]
    assert article.issue is not None
    assert article.issue.label == "Update 134"
    assert [revision.number for revision in article.revisions] == [1]
    snapshot = article.revisions[0].snapshot
    assert snapshot["title"] == article.title
    assert snapshot["pictures"] == [
        {
            **{"file_hash": "a" * 64, "file_name": "strike.jpg", "media_type": "image/jpeg"},
            **{"size": 1000, "width": 800, "height": 600, "alt": "A march"},
            **{"decorative": False, "caption": "", "credit": ""},
        }
    ]
    assert snapshot["attachments"][0]["title"] == "Report"


def test_a_revision_has_every_field_of_the_draft(session: Session) -> None:
    factories.topic(session, "mining")
    submitted = draft(
        "One", topics=["mining"], byline="Ana", source="La República", members_only=True
    )
    article = create(session, submitted)
    saved = article.revisions[0].snapshot
    assert {each.name for each in fields(Draft)} - {"dateline", "translation_of"} <= set(saved)
    assert (saved["byline"], saved["source"]) == ("Ana", "La República")
    assert saved["members_only"] is True


def test_every_save_is_a_revision_with_the_next_number(session: Session) -> None:
    article = create(session, draft("One"))
    publishing.publish(session, article, by="ana", now=LATER)
    revise(session, article, draft("Two"))
    publishing.correct(session, article, "It was two.", by="luis", now=LATER)
    publishing.withdraw(session, article, by=EDITOR, now=LATER)
    session.commit()
    revisions = [(r.number, r.what, r.snapshot["title"]) for r in article.revisions]
    assert revisions == [
        (1, "created", "One"),
        (2, "published", "One"),
        (3, "revised", "Two"),
        (4, "corrected", "Two"),
        (5, "withdrawn", "Two"),
    ]
    assert article.revisions[1].saved_by == "ana"
    assert article.revisions[3].snapshot["corrections"] == [
        {"noted_at": LATER.isoformat(), "text": "It was two."}
    ]


REFUSED: list[tuple[str, Callable[[Draft], Draft]]] = [
    ("title", lambda d: replace(d, title="  ")),
    ("title", lambda d: replace(d, title="x" * 251)),
    ("title", lambda d: replace(d, title="a\x0bb")),
    ("body", lambda d: replace(d, body="a&#12;b")),
    ("teaser", lambda d: replace(d, teaser="")),
    ("body", lambda d: replace(d, body="\n")),
    ("body", lambda d: replace(d, body="a\0b")),
    ("body", lambda d: replace(d, body="a\ufffeb")),
    ("body", lambda d: replace(d, body="x" * 400_001)),
    ("byline", lambda d: replace(d, byline="x" * 201)),
    ("source", lambda d: replace(d, source="x" * 301)),
    ("language", lambda d: replace(d, language="qu")),
    ("kind", lambda d: replace(d, kind="rumour")),
    ("slug", lambda d: replace(d, slug="2018")),
    ("slug", lambda d: replace(d, slug="Not A Slug")),
    ("slug", lambda d: replace(d, slug="undated")),
    ("slug", lambda d: replace(d, slug="taken")),
    ("topics", lambda d: replace(d, topics=["mining", "weather"])),
    ("issue", lambda d: replace(d, issue=("Update", 0))),
    ("issue", lambda d: replace(d, issue=("a/b", 1))),
    ("issue", lambda d: replace(d, issue=("134", 1))),
    ("translation of", lambda d: replace(d, translation_of="nowhere")),
    ("pictures", lambda d: replace(d, pictures=[replace(PICTURE, alt=" ")])),
    ("pictures", lambda d: replace(d, pictures=[replace(PICTURE, caption="x" * 501)])),
    ("attachments", lambda d: replace(d, attachments=[replace(FILE, title="")])),
    ("attachments", lambda d: replace(d, attachments=[replace(FILE, language="fr")])),
]


def everything(session: Session) -> dict[str, list[Any]]:
    session.flush()
    return {
        table: [tuple(row) for row in session.execute(text(f"SELECT * FROM {table}"))]
        for table in ("articles", "revisions", "issues", "article_topics", "redirects", "pictures")
    }


@pytest.mark.parametrize(("field", "spoil"), REFUSED)
def test_a_refusal_names_its_field_and_changes_nothing(
    session: Session, field: str, spoil: Callable[[Draft], Draft]
) -> None:
    factories.topic(session, "mining")
    factories.article(session, slug="taken")
    article = factories.article(session, "As it was", topics=["mining"], issue=("Update", 134))
    before = everything(session)
    attempts: list[Callable[[], Article]] = [
        lambda: revise(session, article, spoil(draft("Other", issue=("Update", 135)))),
        lambda: create(session, spoil(draft("New", issue=("Update", 136)))),
    ]
    for attempt in attempts:
        with pytest.raises(PublishingRefused) as caught:
            attempt()
        assert caught.value.field == field
        assert str(caught.value)
        # Nothing waits in the session either: a caller that goes on does no harm.
        assert not session.new
        assert not session.dirty
        assert everything(session) == before


def test_each_refusal_is_an_error_of_its_own(session: Session) -> None:
    factories.article(session, slug="taken")
    with pytest.raises(SlugTaken, match="is the address of"):
        create(session, draft(slug="taken"))
    with pytest.raises(TopicUnknown, match="There is no topic 'weather'"):
        create(session, draft(topics=["weather"]))
    with pytest.raises(TranslationUnknown, match="There is no article 'nowhere' in 'en'"):
        create(session, draft(language="es", translation_of="nowhere"))


def test_a_slug_may_be_used_once_in_each_language(session: Session) -> None:
    create(session, draft(slug="lima"))
    assert create(session, draft(slug="lima", language="es")).slug == "lima"


def test_an_article_without_a_slug_finds_a_free_one(session: Session) -> None:
    slugs = [create(session, draft("Strike in Lima")).slug for _ in range(3)]
    assert slugs == ["strike-in-lima", "strike-in-lima-2", "strike-in-lima-3"]


def test_a_title_and_a_teaser_are_one_line(session: Session) -> None:
    article = create(session, draft("Strike\n in   Lima ", teaser="One.\n\nTwo."))
    assert (article.title, article.teaser) == ("Strike in Lima", "One. Two.")


def test_revising_without_a_slug_keeps_the_address(session: Session) -> None:
    article = create(session, draft("Strike"))
    revise(session, article, draft("Strike is over"))
    assert (article.slug, article.title) == ("strike", "Strike is over")
    assert session.scalars(select(Redirect)).all() == []


def test_every_former_address_redirects_straight_to_the_present_one(session: Session) -> None:
    article = create(session, draft(slug="first"))
    for slug in ("second", "third", "fourth"):
        revise(session, article, draft(slug=slug))
    session.commit()
    rows = {row.old: row.new for row in session.scalars(select(Redirect))}
    assert rows == {
        "/news/first": "/news/fourth",
        "/news/second": "/news/fourth",
        "/news/third": "/news/fourth",
    }


def test_an_article_may_take_its_former_address_back(session: Session) -> None:
    article = create(session, draft(slug="first", language="es"))
    revise(session, article, draft(slug="second", language="es"))
    revise(session, article, draft(slug="first", language="es"))
    session.commit()
    rows = {row.old: row.new for row in session.scalars(select(Redirect))}
    assert rows == {"/es/news/second": "/es/news/first"}


def test_no_other_article_takes_an_address_that_redirects(session: Session) -> None:
    article = create(session, draft("Strike", slug="strike"))
    revise(session, article, draft("Strike", slug="strike-in-lima"))
    with pytest.raises(SlugTaken, match="is an old address of /news/strike-in-lima"):
        create(session, draft("Another strike", slug="strike"))
    assert create(session, draft("Strike")).slug == "strike-2"
    assert destinations.find(session, "/news/strike", "") == "/news/strike-in-lima"


def test_the_language_of_an_article_stays(session: Session) -> None:
    article = create(session, draft())
    with pytest.raises(PublishingRefused) as caught:
        revise(session, article, draft(language="es"))
    assert caught.value.field == "language"


def test_publishing_shows_an_article_from_now_on(session: Session) -> None:
    article = create(session, draft())
    publishing.publish(session, article, by=EDITOR, now=NOW)
    assert catalogue.is_published(article, NOW)
    publishing.publish(session, article, by=EDITOR, now=LATER)
    assert article.publish_at == NOW


def test_a_scheduled_article_appears_at_its_moment(session: Session) -> None:
    article = create(session, draft())
    publishing.schedule(session, article, LATER, by=EDITOR, now=NOW)
    assert not catalogue.is_published(article, LATER - timedelta(seconds=1))
    assert catalogue.is_published(article, LATER)
    publishing.schedule(session, article, LATER + timedelta(days=1), by=EDITOR, now=NOW)
    assert not catalogue.is_published(article, LATER)
    publishing.publish(session, article, by=EDITOR, now=NOW)
    assert catalogue.is_published(article, NOW)


@pytest.mark.parametrize("at", [NOW, NOW - timedelta(seconds=1)])
def test_no_article_is_scheduled_for_the_past(session: Session, at: datetime) -> None:
    article = create(session, draft())
    with pytest.raises(PublishingRefused, match="The moment is past"):
        publishing.schedule(session, article, at, by=EDITOR, now=NOW)
    assert (article.status, article.publish_at) == ("draft", None)
    assert len(article.revisions) == 1


def test_a_published_article_cannot_be_scheduled(session: Session) -> None:
    article = factories.article(session)
    with pytest.raises(PublishingRefused, match="public already"):
        publishing.schedule(session, article, LATER, by=EDITOR, now=NOW)
    assert catalogue.is_published(article, NOW)


def test_a_withdrawn_article_is_gone_and_may_come_back(session: Session) -> None:
    article = factories.article(session)
    publishing.withdraw(session, article, by=EDITOR, now=NOW)
    assert not catalogue.is_published(article, LATER)
    publishing.publish(session, article, by=EDITOR, now=LATER)
    assert not catalogue.is_published(article, NOW)
    assert catalogue.is_published(article, LATER)


@pytest.mark.parametrize("note", ["", "  \n", "a\0b", "x" * 5001])
def test_an_empty_correction_is_refused(session: Session, note: str) -> None:
    article = factories.article(session)
    with pytest.raises(PublishingRefused) as caught:
        publishing.correct(session, article, note, by=EDITOR, now=LATER)
    assert caught.value.field == "text"
    assert article.corrections == []


def test_translations_share_a_work(session: Session) -> None:
    english = factories.article(session, slug="strike")
    spanish = factories.article(session, slug="huelga", language="es", translation_of="strike")
    assert english.work == spanish.work
    assert catalogue.translation(session, english, NOW) is spanish
    assert catalogue.translation(session, spanish, NOW) is english
    with pytest.raises(TranslationUnknown, match="has a translation already: 'huelga'"):
        create(session, draft(language="es", translation_of="strike"))
    revise(session, spanish, draft(language="es", translation_of="strike"))
    assert spanish.work == english.work


def test_an_article_may_become_a_translation_later(session: Session) -> None:
    english = factories.article(session, slug="strike")
    spanish = factories.article(session, slug="huelga", language="es")
    assert english.work != spanish.work
    revise(session, spanish, draft(language="es", translation_of="strike"))
    assert english.work == spanish.work


def test_an_issue_is_the_same_however_it_is_written(session: Session) -> None:
    for series in ("Update", "update", "Peru News", "peru  news"):
        create(session, draft(issue=(series, 65)))
    labels = sorted(issue.label for issue in session.scalars(select(Issue)))
    assert labels == ["Peru News 65", "Update 65"]


def test_a_concurrent_save_is_refused(session: Session) -> None:
    article = factories.article(session, "Mine")
    assert article.title == "Mine"
    session.execute(
        text("UPDATE articles SET title = 'Theirs', version = version + 1 WHERE id = :id"),
        {"id": article.id},
    )
    with pytest.raises(StaleDataError):
        revise(session, article, draft("Mine again"))
    session.rollback()


@pytest.mark.parametrize(
    "change",
    [
        lambda session, article: revise(session, article, draft("Strike", topics=["mining"])),
        lambda session, article: revise(session, article, draft("Strike", dated="undated")),
        lambda session, article: publishing.correct(session, article, "x", by=EDITOR, now=LATER),
        lambda session, article: publishing.withdraw(session, article, by=EDITOR, now=LATER),
    ],
)
def test_every_change_raises_the_version(
    session: Session, change: Callable[[Session, Article], object]
) -> None:
    factories.topic(session, "mining")
    article = factories.article(session, "Strike")
    before = article.version
    change(session, article)
    session.commit()
    assert article.version > before
    assert article.updated_at == LATER


def test_pictures_and_files_follow_the_latest_draft(session: Session) -> None:
    submitted = replace(draft(), pictures=[PICTURE], attachments=[FILE])
    article = create(session, submitted)
    revise(
        session, article, replace(submitted, pictures=[replace(PICTURE, alt="", decorative=True)])
    )
    session.commit()
    assert [(p.position, p.alt, p.decorative) for p in article.pictures] == [(0, "", True)]
    revise(session, article, replace(submitted, pictures=[], attachments=[]))
    session.commit()
    assert article.pictures == []
    assert session.execute(text("SELECT count(*) FROM attachments")).scalar() == 0


def test_a_time_without_zone_is_refused(session: Session) -> None:
    article = create(session, draft())
    naive = datetime(2018, 7, 20, 12, 0)  # noqa: DTZ001  # the mistake under test
    with pytest.raises(TypeError):
        publishing.schedule(session, article, naive, by=EDITOR, now=NOW)
    assert datetime(2018, 7, 20, 12, 0, tzinfo=UTC) == NOW
    assert session.scalar(select(Revision.saved_at)) == NOW
    assert article.dateline == Dateline.parse("15 July 2018")
