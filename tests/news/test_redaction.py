"""Taking words out of an article and of all that belongs to it."""

import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import Session

from psgflask.core.redaction import MARK, Words
from psgflask.news import article_revisions, catalogue, publishing, redaction
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media import storage
from psgflask.news.models import (
    DRAFT,
    Article,
    Attachment,
    Correction,
    FileText,
    Picture,
    Revision,
)
from psgflask.redirects.models import Redirect
from tests import factories
from tests.factories import EDITOR, NOW

NAME = "María Quispe"
WORDS = Words([NAME])
# Texts of the tables whose values are the site's own, or those of other rows.
OTHER_TEXTS = {
    "articles": {"kind", "language", "work", "status", "precision", "slug"},
    "pictures": {"file_hash", "media_type", "file_name"},
    "attachments": {"file_hash", "media_type", "file_name", "language"},
    "corrections": {"text"},
}


def picture(**values: Any) -> PictureDraft:
    """Return a picture whose every text holds the name."""
    return PictureDraft(
        **{
            "file_hash": "a" * 64,
            "file_name": "maria-quispe-speaks.jpg",
            "media_type": "image/jpeg",
            "size": 1,
            "width": 1,
            "height": 1,
            "alt": f"{NAME} speaks",
            "caption": f"{NAME} in Puno",
            "credit": NAME,
            **values,
        }
    )


def attachment(**values: Any) -> AttachmentDraft:
    """Return an attachment whose every text holds the name."""
    return AttachmentDraft(
        **{
            "file_hash": "b" * 64,
            "file_name": "maria-quispe.txt",
            "media_type": "text/plain",
            "size": 1,
            "title": f"The case of {NAME}",
            "language": "en",
            **values,
        }
    )


def full_article(session: Session, **fields: Any) -> Article:
    """Add an article that names somebody wherever it has a text."""
    article = factories.article(
        session,
        f"{NAME} speaks",
        teaser=f"What {NAME} said.",
        body=f"First.\n\nThen {NAME} spoke.\n\nLast.",
        byline=NAME,
        source=f"Letter of {NAME}",
        pictures=[picture()],
        attachments=[attachment()],
        **fields,
    )
    publishing.correct(session, article, f"It was {NAME}.", by=EDITOR, now=NOW)
    return article


def redact(session: Session, article: Article, words: Words = WORDS, **values: Any) -> list[str]:
    """Redact an article and commit; return the places."""
    removals = redaction.redact(
        session, article, words, files=values.get("files", ()), by=EDITOR, now=NOW
    )
    session.commit()
    session.expire_all()
    return [removal.place for removal in removals]


def test_every_text_of_an_article_and_of_its_revisions_is_redacted(session: Session) -> None:
    article = full_article(session)
    places = redact(session, article)
    assert article.title == f"{MARK} speaks"
    assert article.body == f"First.\n\nThen {MARK} spoke.\n\nLast."
    assert article.pictures[0].file_name == "speaks.jpg"
    assert article.attachments[0].file_name == "file.txt"
    assert article.corrections[0].text == f"It was {MARK}."
    for revision in article.revisions:
        assert not WORDS.are_in(str(revision.snapshot))
    assert not WORDS.are_in(str(article_revisions.snapshot(article)))
    assert "en/maria-quispe-speaks, picture alt" in places
    assert "en/speaks, revision 1" in places


def test_every_column_that_people_write_is_redacted() -> None:
    written = {
        "articles": set(redaction.ARTICLE_TEXTS),
        **{kind: set(names) for kind, names in redaction.FILE_TEXTS.items()},
        "corrections": set(),
    }
    for model in (Article, Picture, Attachment, Correction):
        texts = {each.name for each in model.__table__.columns if isinstance(each.type, String)}
        name = model.__tablename__
        assert texts == written[name] | OTHER_TEXTS[name], name


def test_readers_get_a_dated_note_that_says_nothing_of_what(session: Session) -> None:
    article = full_article(session)
    redact(session, article)
    note = article.corrections[-1]
    assert (note.noted_at, note.text) == (NOW, redaction.NOTES["en"])
    assert (article.revisions[-1].what, article.revisions[-1].saved_by) == ("redacted", EDITOR)


def test_a_draft_that_nobody_saw_gets_no_note(session: Session) -> None:
    article = factories.article(session, NAME, status=DRAFT)
    redact(session, article)
    assert article.corrections == []
    assert article.slug == "article"


def test_an_article_without_them_stays_as_it_is(session: Session) -> None:
    article = factories.article(session, "Another")
    before = article.version
    assert redact(session, article) == []
    assert (article.version, len(article.revisions)) == (before, 2)


def test_words_that_only_a_former_version_has_go_too(session: Session) -> None:
    article = factories.article(session, "A title", body=f"Of {NAME}.")
    publishing.revise(session, article, factories.draft("A title"), by=EDITOR, now=NOW)
    assert redact(session, article) == ["en/a-title, revision 1", "en/a-title, revision 2"]
    assert article_revisions.find(session, article, 1).snapshot["body"] == f"Of {MARK}."
    publishing.restore(session, article, 1, by=EDITOR, now=NOW)
    assert article.body == f"Of {MARK}."


def test_translations_are_redacted_with_it(session: Session) -> None:
    article = full_article(session)
    spanish = full_article(session, language="es", translation_of=article.slug)
    redact(session, article)
    assert spanish.title == f"{MARK} speaks"
    assert spanish.corrections[-1].text == redaction.NOTES["es"]


def test_an_address_that_holds_them_changes_and_leaves_no_redirect(session: Session) -> None:
    article = full_article(session)
    old = "/news/maria-quispe-speaks"
    factories.redirect(session, "/news/an-older-address", old)
    factories.redirect(session, "/news/about-maria-quispe", old)
    redact(session, article)
    assert catalogue.find(session, "speaks", "en") is article
    rows = session.execute(select(Redirect.old, Redirect.new)).all()
    assert [tuple(row) for row in rows] == [("/news/an-older-address", "/news/speaks")]


@pytest.mark.parametrize(
    ("slug", "after"),
    [("maria-quispe-2018", "article-2018"), ("undated-maria-quispe", "article-undated")],
)
def test_an_address_never_becomes_that_of_a_list(session: Session, slug: str, after: str) -> None:
    article = full_article(session, slug=slug)
    redact(session, article)
    assert article.slug == after
    assert {revision.snapshot["slug"] for revision in article.revisions} == {after}
    publishing.restore(session, article, 1, by=EDITOR, now=NOW)
    assert article.slug == after


def test_an_address_that_is_taken_gets_a_number(session: Session) -> None:
    factories.article(session, "Speaks")
    article = full_article(session)
    redact(session, article)
    assert article.slug == "speaks-2"


def test_a_file_goes_from_article_and_revisions_and_is_unused_then(session: Session) -> None:
    article = full_article(session)
    session.add(FileText(file_hash="b" * 64, text=NAME))
    redact(session, article, files={"b" * 64})
    assert article.attachments == []
    assert all(revision.snapshot["attachments"] == [] for revision in article.revisions)
    assert session.get(FileText, "b" * 64) is None
    assert redaction.unused_of(session, {"a" * 64, "b" * 64}) == {"b" * 64}


def stored(media: Path, data: bytes, media_type: str = "text/plain") -> AttachmentDraft:
    """Put a file into the media folder and return its attachment."""
    media.mkdir(exist_ok=True)
    with storage.StagedFiles(media) as staged:
        file_hash = staged.add(data)
        staged.move()
    return attachment(file_hash=file_hash, file_name="report.bin", media_type=media_type)


def word_file(path: Path, text: str, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a document as word processors write it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("word/document.xml", text)
    return path.read_bytes()


def test_files_that_hold_them_are_found_by_what_is_in_them(
    session: Session, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    split = "<w:t>María Qui</w:t></w:r><w:r><w:t>spe</w:t>"
    files = [
        stored(media, f"a,{NAME},b".encode()),
        stored(media, b"nobody"),
        stored(media, word_file(tmp_path / "a.docx", split), "application/x-docx"),
        stored(media, word_file(tmp_path / "b.docx", "<w:t>Nobody</w:t>"), "application/x-docx"),
        stored(media, b"%PDF-1.7 /Author (Maria Quispe)", "application/pdf"),
        stored(media, b"%PDF-1.7 read", "application/pdf"),
        stored(media, b"%PDF-1.7 unread", "application/pdf"),
    ]
    article = factories.article(session, attachments=files)
    session.add(FileText(file_hash=files[5].file_hash, text=f"By {NAME}"))
    session.commit()
    found = redaction.find_files(session, article, WORDS, (), media)
    assert found.holding.keys() == {files[each].file_hash for each in (0, 2, 4, 5)}
    assert found.unread.keys() == {files[6].file_hash}


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED]
)
def test_an_archive_that_is_damaged_anywhere_is_unread(
    session: Session, tmp_path: Path, compression: int
) -> None:
    whole = word_file(tmp_path / "a.docx", "<w:t>Nobody of that name</w:t>" * 9, compression)
    for at in range(0, len(whole), 3):
        data = whole[:at] + bytes([whole[at] ^ 0xFF]) * 3 + whole[at + 3 :]
        (tmp_path / "b.docx").write_bytes(data)
        assert redaction.holds(tmp_path / "b.docx", WORDS) is False
    # The content begins after the local header: 30 bytes and the name.
    at = 30 + len("word/document.xml") + 20
    broken = whole[:at] + b"\xff" * 8 + whole[at + 8 :]
    file = stored(tmp_path / "media", broken, "application/x-docx")
    article = factories.article(session, attachments=[file])
    found = redaction.find_files(session, article, WORDS, (), tmp_path / "media")
    assert found.unread.keys() == {file.file_hash}


def test_what_is_not_compressed_in_a_pdf_is_found_where_no_pdf_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError("No PDF can be read")

    monkeypatch.setattr(redaction, "extract", fail)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 /Author (Maria Quispe)")
    assert redaction.holds(tmp_path / "a.pdf", WORDS)


def test_a_file_of_a_former_version_is_found_and_one_by_its_name(
    session: Session, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    file = stored(media, f"By {NAME}".encode())
    article = factories.article(session, "A title", attachments=[file])
    publishing.revise(
        session, article, factories.draft("A title", pictures=[picture()]), by=EDITOR, now=NOW
    )
    assert redaction.find_files(session, article, WORDS, (), media).holding == {
        file.file_hash: "report.bin"
    }
    named = redaction.find_files(session, article, Words([]), ["maria-quispe-speaks.jpg"], media)
    assert named.holding == {"a" * 64: "maria-quispe-speaks.jpg"}


@pytest.mark.parametrize("missing", ["pictures", "attachments", "corrections", "source"])
def test_a_revision_that_is_older_than_a_field_is_redacted(missing: str) -> None:
    values = {
        "title": NAME,
        "teaser": "",
        "body": "",
        "byline": "",
        "source": "",
        "slug": "a",
        "pictures": [asdict(picture())],
        "attachments": [],
        "corrections": [],
    }
    del values[missing]
    assert redaction.redact_snapshot(WORDS, values, ())["title"] == MARK


def test_revisions_of_other_articles_stay(session: Session) -> None:
    article, other = full_article(session), full_article(session)
    redact(session, article)
    query = select(Revision).where(Revision.article_id == other.id)
    assert all(WORDS.are_in(row.snapshot["body"]) for row in session.scalars(query))
