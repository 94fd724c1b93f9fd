"""The revisions of articles: what they restore, and what stays because one names it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psgflask.core import revisions
from psgflask.core.revisions import RevisionUnknown, SavedMeanwhile
from psgflask.news import article_revisions, publishing, topics
from psgflask.news.drafts import AttachmentDraft, PictureDraft, PublishingRefused, draft_of
from psgflask.news.models import Article, Revision
from psgflask.news.publishing import TopicUnknown, TranslationUnknown
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


def revise(session: Session, article: Article, **fields: Any) -> None:
    publishing.revise(session, article, draft(**fields), by=EDITOR, now=LATER)


def restore(session: Session, article: Article, number: int, **fields: Any) -> None:
    publishing.restore(session, article, number, by="ana", now=LATER, **fields)
    session.commit()
    session.expire_all()


@pytest.fixture
def full(session: Session) -> Article:
    """A published article with a value in every field."""
    factories.topic(session, "mining")
    factories.article(session, slug="huelga", language="es")
    return factories.article(
        session,
        "Strike in Lima",
        slug="strike",
        kind="update",
        dated="June / July 2009",
        issue=("Peru News", 65),
        topics=["mining"],
        translation_of="huelga",
        byline="Ana",
        source="La República",
        members_only=True,
        synthetic=True,
        pictures=[PICTURE, replace(PICTURE, alt="", decorative=True)],
        attachments=[FILE],
    )


def test_every_field_is_restored(session: Session, full: Article) -> None:
    before = draft_of(session, full)
    kept = full.revisions[-1].snapshot
    revise(session, full, title="All is different", slug="other", dated="undated")
    assert article_revisions.draft_of_snapshot(kept) == replace(before, translation_of=None)
    restore(session, full, 2)
    assert draft_of(session, full) == before
    assert full.revisions[-1].snapshot == kept
    assert (full.revisions[-1].what, full.revisions[-1].saved_by) == ("restored 2", "ana")
    assert full.changed_at == LATER


def test_a_restored_address_redirects_from_the_one_in_between(session: Session) -> None:
    article = factories.article(session, slug="first")
    revise(session, article, slug="second")
    restore(session, article, 1)
    assert {row.old: row.new for row in session.scalars(select(Redirect))} == {
        "/news/second": "/news/first"
    }


def test_a_restore_can_be_undone(session: Session, full: Article) -> None:
    revise(session, full, title="All is different")
    after = draft_of(session, full)
    restore(session, full, 2)
    restore(session, full, 3)
    assert draft_of(session, full) == after


def test_status_and_notes_stay_as_they_are(session: Session) -> None:
    article = factories.article(session, "Before", status="draft")
    publishing.publish(session, article, by=EDITOR, now=NOW)
    publishing.correct(session, article, "It was two.", by=EDITOR, now=NOW)
    revise(session, article, title="After")
    publishing.withdraw(session, article, by=EDITOR, now=LATER)
    restore(session, article, 1)
    assert (article.title, article.status, article.publish_at) == ("Before", "withdrawn", NOW)
    assert [note.text for note in article.corrections] == ["It was two."]


def test_a_topic_that_was_renamed_since_is_found(session: Session) -> None:
    topic = factories.topic(session, "oroya")
    article = factories.article(session, topics=["oroya"])
    revise(session, article)
    topics.rename(session, topic, slug="la-oroya")
    topics.rename(session, topic, slug="oroya-lima")
    restore(session, article, 1)
    assert article.topics == [topic]


def test_a_topic_stays_while_a_revision_names_it(session: Session) -> None:
    used, unused = factories.topic(session, "oroya"), factories.topic(session, "roya")
    article = factories.article(session, topics=["oroya"])
    revise(session, article)
    topics.rename(session, used, slug="la-oroya")
    with pytest.raises(PublishingRefused, match="could not be restored without it"):
        topics.remove(session, used)
    topics.remove(session, unused)


def test_an_old_slug_of_a_topic_is_no_other_topic_s(session: Session) -> None:
    renamed = factories.topic(session, "oroya")
    topics.rename(session, renamed, slug="la-oroya")
    with pytest.raises(PublishingRefused, match="'oroya' is an old slug of 'la-oroya'"):
        topics.add(session, "oroya", kind="place", name_en="x", name_es="x")
    topics.rename(session, renamed, slug="oroya")
    assert renamed.slug == "oroya"


def test_a_revision_whose_topic_is_gone_changes_nothing(session: Session) -> None:
    factories.topic(session, "mining")
    article = factories.article(session, topics=["mining"])
    revise(session, article, title="After")
    session.commit()
    session.execute(text("DELETE FROM topics"))
    with pytest.raises(TopicUnknown, match="There is no topic 'mining'"):
        publishing.restore(session, article, 1, by=EDITOR, now=LATER)
    assert article.title == "After"


def test_an_article_leaves_the_translation_that_it_was_not_then(session: Session) -> None:
    english = factories.article(session, slug="strike")
    spanish = factories.article(session, slug="huelga", language="es")
    alone = spanish.work
    revise(session, spanish, language="es", translation_of="strike")
    assert spanish.work == english.work
    restore(session, spanish, 1)
    assert spanish.work == alone
    factories.article(session, slug="otra", language="es", translation_of="strike")
    with pytest.raises(TranslationUnknown, match="has a translation already: 'otra'"):
        publishing.restore(session, spanish, 3, by=EDITOR, now=LATER)


def test_an_unknown_revision_is_refused_with_those_that_there_are(session: Session) -> None:
    article = factories.article(session)
    for number in (0, 3, -1):
        with pytest.raises(RevisionUnknown, match="they go from 1 to 2"):
            publishing.restore(session, article, number, by=EDITOR, now=LATER)


def test_a_change_based_on_an_earlier_state_is_refused(session: Session) -> None:
    article = factories.article(session, "Before")
    version = article.version
    publishing.revise(session, article, draft("Theirs"), by="luis", now=LATER, version=version)
    for based_on in ({"version": version}, {"revision": 2}):
        with pytest.raises(SavedMeanwhile, match=r"revision 3, revised by luis.*--version \d+$"):
            publishing.revise(session, article, draft("Mine"), by=EDITOR, now=LATER, **based_on)
    with pytest.raises(SavedMeanwhile):
        publishing.restore(session, article, 1, by=EDITOR, now=LATER, version=version)
    assert article.title == "Theirs"
    newest = {"version": article.version, "revision": 2}
    publishing.revise(session, article, draft("Mine"), by=EDITOR, now=LATER, **newest)
    assert article.title == "Mine"


@pytest.mark.parametrize("status", ["draft", "scheduled"])
def test_what_was_never_public_can_be_deleted(session: Session, status: str) -> None:
    article = factories.article(session, status=status, slug="first")
    revise(session, article, slug="second")
    publishing.delete(session, article, now=LATER)
    session.commit()
    for table in ("articles", "revisions", "redirects"):
        assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    factories.article(session, slug="first")


def test_what_was_public_once_is_not_deleted(session: Session) -> None:
    published = factories.article(session)
    withdrawn = factories.article(session, status="withdrawn")
    came_out = factories.article(session, status="scheduled", at=LATER)
    again = factories.article(session, status="withdrawn")
    publishing.schedule(session, again, LATER + timedelta(days=1), by=EDITOR, now=LATER)
    for article in (published, withdrawn, came_out, again):
        with pytest.raises(PublishingRefused, match="withdraw it instead"):
            publishing.delete(session, article, now=LATER)
    publishing.withdraw(session, came_out, by=EDITOR, now=LATER)
    with pytest.raises(PublishingRefused, match="withdraw it instead"):
        publishing.delete(session, came_out, now=LATER)


def test_a_note_is_amended_and_taken_back_with_a_trace(session: Session) -> None:
    article = factories.article(session)
    for note in ("It was one.", "It was two."):
        publishing.correct(session, article, note, by=EDITOR, now=NOW)
    publishing.amend_correction(session, article, 2, " It was three. ", by="ana", now=LATER)
    publishing.remove_correction(session, article, 1, by="luis", now=LATER)
    session.commit()
    session.expire_all()
    assert [(note.text, note.noted_at) for note in article.corrections] == [("It was three.", NOW)]
    saves = revisions.saves(session, Revision, article_id=article.id)
    assert [(save.what, save.saved_by, save.changed) for save in saves[-2:]] == [
        ("note amended", "ana", ["corrections"]),
        ("note removed", "luis", ["corrections"]),
    ]
    notes = [[note["text"] for note in row.snapshot["corrections"]] for row in article.revisions]
    assert notes[3:] == [
        ["It was one.", "It was two."],
        ["It was one.", "It was three."],
        ["It was three."],
    ]
    assert article.changed_at == LATER


@pytest.mark.parametrize(("number", "note"), [(0, "x"), (2, "x"), (-1, "x"), (1, " "), (1, "\0")])
def test_a_refused_change_of_a_note_changes_nothing(
    session: Session, number: int, note: str
) -> None:
    article = factories.article(session)
    publishing.correct(session, article, "It was one.", by=EDITOR, now=NOW)
    with pytest.raises(PublishingRefused):
        publishing.amend_correction(session, article, number, note, by=EDITOR, now=LATER)
    if number != 1:
        with pytest.raises(PublishingRefused, match="the article has 1"):
            publishing.remove_correction(session, article, number, by=EDITOR, now=LATER)
    assert [each.text for each in article.corrections] == ["It was one."]


def test_revisions_with_a_text_are_found_as_it_is_written(session: Session) -> None:
    article = factories.article(session, 'Ñustas: "a\\b" 50%_', status="draft")
    factories.article(session, "Nothing")
    for sought in ("Ñustas", '"a\\b"', "50%_"):
        found = list(revisions.with_text(session, Revision, sought))
        assert [row.article_id for row in found] == [article.id], sought
    assert Revision in revisions.tables()
