"""Takes words out of an article for good: out of its translations, files and revisions too.

What is left is a dated note that something was removed, not what.
"""

import contextlib
import sqlite3
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from psgflask.core import revisions
from psgflask.core.redaction import Words
from psgflask.news import article_revisions, publishing
from psgflask.news.media import file_texts
from psgflask.news.media.attachments import ZIP_ERRORS
from psgflask.news.media.pdf_text import MAX_WORDS, extract
from psgflask.news.media.storage import path_of
from psgflask.news.models import Article, Attachment, Correction, FileText, Picture, Revision
from psgflask.news.slugs import article_path, unreserved
from psgflask.redirects import destinations

# The columns that people write; other texts have values of the site's own.
ARTICLE_TEXTS = ("title", "teaser", "body", "byline", "source")
FILE_TEXTS = {"pictures": ("alt", "caption", "credit"), "attachments": ("title",)}
NOTES = {
    "en": "Something was removed from this article, and from its earlier versions.",
    "es": "Se ha quitado algo de este artículo y de sus versiones anteriores.",
}
MAX_MEMBER_SIZE = 50_000_000  # bytes that are read of one file in an archive
PDF_HEAD = b"%PDF-"
# As whom a restore withdraws what it has brought back.
BY_RESTORE = "restore"


@dataclass(frozen=True)
class Removal:
    """Something that was removed: where, and what it was there."""

    place: str
    text: str


@dataclass(frozen=True, order=True)
class Redaction:
    """That an article was redacted: when, its id, and when it was created, for ids are reused.

    Times are as the database has them (ISO 8601, UTC without a zone).
    """

    at: str
    article_id: int
    created_at: str


@dataclass(frozen=True)
class FilesFound:
    """Files of an article by hash: those that hold the words, and those that cannot be read."""

    holding: dict[str, str]
    unread: dict[str, str]


def parts_of_work(session: Session, article: Article) -> Sequence[Article]:
    """Return an article and its translations."""
    return session.scalars(select(Article).where(Article.work == article.work)).all()


def find_files(
    session: Session, article: Article, words: Words, names: Collection[str], media: Path
) -> FilesFound:
    """Find the files to remove whole: attachments that hold the words, and those of these names.

    A file cannot be redacted like a text. What is not read to its end is `unread`.
    """
    holding: dict[str, str] = {}
    unread: dict[str, str] = {}
    for each in parts_of_work(session, article):
        for kind, file in _files(session, each):
            file_hash, name = file["file_hash"], file["file_name"]
            if name in names:
                holding[file_hash] = name
            elif kind == "attachments" and file_hash not in holding:
                stored_text = partial(_stored_text, session, file_hash)
                texts, whole = _read(path_of(media, file_hash), stored_text)
                if any(map(words.are_in, texts)):
                    holding[file_hash] = name
                elif not whole:
                    unread[file_hash] = name
    return FilesFound(holding, unread)


def holds(path: Path, words: Words) -> bool:
    """Say whether a file that no article names holds the words, as far as it can be read."""
    texts, _whole = _read(path, lambda: extract(path).text)
    return any(map(words.are_in, texts))


def redact(
    session: Session,
    article: Article,
    words: Words,
    *,
    files: Collection[str],
    by: str,
    now: datetime,
) -> list[Removal]:
    """Remove words, and files by their hashes, from an article and its translations; flush.

    Every revision is redacted too, and a new one says who did it. An address that holds them
    changes, and nothing leads there from the old one. What readers knew gets a dated note.
    """
    removals: list[Removal] = []
    for each in parts_of_work(session, article):
        public = article_revisions.was_public(session, each, now)
        found = [
            *_redact_article(session, each, words, files),
            *_redact_revisions(session, each, words, files),
        ]
        if not found:
            continue
        if public:
            each.corrections.append(Correction(noted_at=now, text=NOTES[each.language]))
        publishing.record_redaction(session, each, by=by, now=now)
        removals += found
    file_texts.delete_unattached(session)
    session.flush()
    return removals


def redactions_of_file(database: Path) -> set[Redaction]:
    """Return the redactions in a database file of any revision. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as file:
        file.execute("PRAGMA trusted_schema=OFF")
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'revisions'").fetchone():
            return set()
        rows = file.execute(
            "SELECT saved_at, articles.id, created_at FROM revisions"
            " JOIN articles ON articles.id = article_id WHERE what = ?",
            (publishing.REDACTED,),
        )
        return {Redaction(str(at), int(article_id), str(made)) for at, article_id, made in rows}


def withdraw_unredacted(
    session: Session, redactions: Iterable[Redaction], *, now: datetime
) -> list[Article]:
    """Withdraw the articles of redactions that a restored backup has undone; return them.

    The words are known to nobody here, so a person redacts again, and publishes.
    """
    withdrawn: dict[int, Article] = {}
    for redaction in sorted(redactions):
        article = session.get(Article, redaction.article_id)
        created_at = datetime.fromisoformat(redaction.created_at).replace(tzinfo=UTC)
        if article is not None and article.created_at == created_at:
            withdrawn[article.id] = article
    for article in withdrawn.values():
        publishing.withdraw(session, article, by=BY_RESTORE, now=now)
    return list(withdrawn.values())


def unredacted(session: Session) -> Sequence[Article]:
    """Return the articles that `withdraw_unredacted` withdrew and nobody has redacted since."""
    later = aliased(Revision)
    redacted = (
        exists()
        .where(later.article_id == Revision.article_id, later.what == publishing.REDACTED)
        .where(later.number > Revision.number)
    )
    withdrawn = (
        select(Revision.article_id)
        .where(Revision.what == publishing.WITHDREW, Revision.saved_by == BY_RESTORE)
        .where(~redacted)
    )
    return session.scalars(
        select(Article).where(Article.id.in_(withdrawn)).order_by(Article.id)
    ).all()


def parts_left(session: Session, article: Article, words: Words) -> list[str]:
    """Return the single words of phrases that an article, or a revision of it, still has."""
    texts = [
        text
        for each in parts_of_work(session, article)
        for row in revisions.history(session, Revision, article_id=each.id)
        for text in _texts(row.snapshot)
    ]
    return [part for part in words.parts if any(map(Words([part]).are_in, texts))]


def _texts(values: dict[str, Any]) -> Iterator[str]:
    """Yield what people wrote of a revision."""
    yield from (str(values.get(name, "")) for name in (*ARTICLE_TEXTS, "slug"))
    for kind, names in FILE_TEXTS.items():
        for file in values.get(kind, ()):
            yield from (str(file.get(name, "")) for name in (*names, "file_name"))
    yield from (note["text"] for note in values.get("corrections", ()))


def unused_of(session: Session, hashes: Collection[str]) -> set[str]:
    """Return those of these files that nothing names any more: no article, no revision."""
    used: set[str] = set()
    for file_hash in hashes:
        rows = (
            select(model.id).where(model.file_hash == file_hash) for model in (Picture, Attachment)
        )
        if any(session.scalar(query.limit(1)) is not None for query in rows) or any(
            revisions.with_text(session, Revision, file_hash)
        ):
            used.add(file_hash)
    return set(hashes) - used


def _redact_article(
    session: Session, article: Article, words: Words, files: Collection[str]
) -> list[Removal]:
    place = f"{article.language}/{article.slug}"
    found: list[Removal] = []

    def change(row: Any, name: str, label: str) -> None:
        before = getattr(row, name)
        after = _redacted(words, name, before)
        if after != before:
            find = words.find_in_body if name == "body" else words.find
            found.extend(Removal(f"{place}, {label}", text) for text in find(before))
            setattr(row, name, after)

    found += _redact_address(session, article, words, place)
    for name in ARTICLE_TEXTS:
        change(article, name, name)
    for kind, names in FILE_TEXTS.items():
        for row in list(getattr(article, kind)):
            if row.file_hash in files:
                found.append(Removal(f"{place}, {kind[:-1]}", f"the file {row.file_name}"))
                getattr(article, kind).remove(row)
                continue
            for name in (*names, "file_name"):
                change(row, name, f"{kind[:-1]} {name.replace('_', ' ')}")
    for note in article.corrections:
        change(note, "text", "correction")
    return found


def _redact_address(session: Session, article: Article, words: Words, place: str) -> list[Removal]:
    """Change an address that holds the words; delete the redirects that do."""
    old = article_path(article.slug, article.language)
    found = []
    for source in destinations.find_sources(session, old):
        if words.are_in(source):
            found.append(Removal(f"{place}, old address", source))
            destinations.delete(session, source)
    if words.are_in(article.slug):
        found += [Removal(f"{place}, address", text) for text in words.find(article.slug)]
        slug = _redacted(words, "slug", article.slug)
        article.slug = publishing.free_slug(session, slug, article.language)
        destinations.change_target(session, old, article_path(article.slug, article.language))
    return found


def _redact_revisions(
    session: Session, article: Article, words: Words, files: Collection[str]
) -> Iterator[Removal]:
    place = f"{article.language}/{article.slug}"
    for revision in revisions.history(session, Revision, article_id=article.id):
        before = revision.snapshot
        after = redact_snapshot(words, before, files)
        if after != before:
            changed = revisions.changed_fields(before, after)
            revision.snapshot = after
            yield Removal(f"{place}, revision {revision.number}", ", ".join(changed))


def redact_snapshot(words: Words, values: dict[str, Any], files: Collection[str]) -> dict[str, Any]:
    """Return the values of a revision without words, and without files of these hashes."""
    after = dict(values)
    for name in (*ARTICLE_TEXTS, "slug"):
        if name in after:
            after[name] = _redacted(words, name, after[name])
    for kind, names in FILE_TEXTS.items():
        after[kind] = [
            {
                **file,
                **{
                    name: _redacted(words, name, file[name])
                    for name in (*names, "file_name")
                    if name in file
                },
            }
            for file in after.get(kind, ())
            if file["file_hash"] not in files
        ]
    after["corrections"] = [
        {**note, "text": words.redact(note["text"])} for note in after.get("corrections", ())
    ]
    return after


def _redacted(words: Words, name: str, text: str) -> str:
    """Return a text without the words, in the form that its column has."""
    if not words.are_in(text):
        return text
    if name == "slug":
        return unreserved(words.redact_slug(text) or "article")
    if name == "file_name":
        stem, dot, extension = text.rpartition(".")
        return f"{words.redact_slug(stem) or 'file'}{dot}{extension}"
    return words.redact_body(text) if name == "body" else words.redact(text)


def _files(session: Session, article: Article) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the files that an article or one of its revisions names, each with its kind."""
    snapshots = [
        row.snapshot for row in revisions.history(session, Revision, article_id=article.id)
    ]
    for values in [article_revisions.snapshot(article), *snapshots]:
        for kind in FILE_TEXTS:
            for file in values.get(kind, ()):
                yield kind, file


def _stored_text(session: Session, file_hash: str) -> str:
    row = session.get(FileText, file_hash)
    return row.text if row is not None else ""


def _read(path: Path, pdf_text: Callable[[], str]) -> tuple[list[str], bool]:
    """Return the texts of an attachment, and whether they are all of it."""
    try:
        data = path.read_bytes()
    except OSError:
        return [], False
    # As it lies there: titles and authors of PDFs, and whatever is not compressed.
    texts = [data.decode("utf-8", "replace"), data.decode("latin-1")]
    if data.startswith(PDF_HEAD):
        text = ""
        with contextlib.suppress(OSError):  # what reads PDFs is not installed
            text = pdf_text()
        return [*texts, text], bool(text) and len(text.split()) < MAX_WORDS
    if zipfile.is_zipfile(path):
        members, whole = _members(path)
        return [*texts, *members], whole
    return texts, True


def _members(path: Path) -> tuple[list[str], bool]:
    texts, whole = [], True
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as opened:
                    data = opened.read(MAX_MEMBER_SIZE)
                whole &= len(data) == member.file_size
                text = data.decode("utf-8", "replace")
                # A word processor may cut a word by its marks.
                texts += [text, _without_tags(text)]
    except ZIP_ERRORS:
        whole = False
    return texts, whole


def _without_tags(text: str) -> str:
    return "".join(part.rpartition(">")[2] for part in text.split("<"))
