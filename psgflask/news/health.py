"""The health checks of news: are the files of articles whole, and can search read every PDF?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flask import Flask

from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.news import redaction
from psgflask.news.media import broken_files, file_texts
from psgflask.news.media.broken_files import UNREADABLE, BrokenFile
from psgflask.news.media.storage import media_folder
from psgflask.news.slugs import article_name

MAX_NAMED = 5


def check_media(app: Flask) -> Iterator[Finding]:
    """Check that the files of articles are there, undamaged and readable.

    Reads and hashes all of them, which is what finds damage: a second or two for 500 MB.
    """
    media = media_folder(app.instance_path)
    named = broken_files.named_files(db.session())
    broken = broken_files.compare(named, partial(broken_files.digest, media))
    for file in broken[:MAX_NAMED]:
        yield Finding("media", _state(file), str(file), _advice(file, media))
    if more := broken[MAX_NAMED:]:
        text = f"{len(more)} more files are lost, damaged or unreadable"
        # The first of them is the worst.
        yield Finding("media", _state(more[0]), text, "psgflask news check-media lists them all")
    elif not broken:
        yield Finding("media", OK, f"The {len(named)} files of articles are whole")


def _state(file: BrokenFile) -> str:
    return FAULT if file.named.articles else ATTENTION  # a revision alone: readers miss nothing


def _advice(file: BrokenFile, media: Path) -> str:
    back = "psgflask restore-media (from the hourly backups; or name another one)"
    if file.state == UNREADABLE:
        return (
            f"As root: chown -R --reference={media.parent} {media}; chmod -R u+rwX {media}."
            f" If that is not it: {back}"
        )
    if file.named.articles:
        return f"{back}, or upload it again: psgflask news edit ARTICLE FILE"
    return f"{back}; if none has it: psgflask news redact ARTICLE --file NAME"


def check_redactions(app: Flask) -> Iterator[Finding]:
    """Name the articles from which a restored backup has brought back what was removed."""
    for article in redaction.unredacted(db.session()):
        name = article_name(article.slug, article.language)
        text = f"{name} was redacted after the backup that was restored, and is withdrawn"
        advice = f"psgflask news redact {name} WORDS; psgflask news publish {name}"
        yield Finding("redactions", FAULT, text, advice)


def check_attached_texts(app: Flask) -> Iterator[Finding]:
    """Could every attached PDF be read?"""
    unreadable, unread = file_texts.unreadable(db.session()), len(file_texts.unread(db.session()))
    for name, problem in unreadable[:MAX_NAMED]:
        advice = "Attach it saved anew, with its text; psgflask news read-attachments lists all"
        yield Finding("attachments", ATTENTION, f"{name} could not be read: {problem}", advice)
    if unread:
        text = f"{unread} attached PDFs are still to be read for the search"
        yield Finding("attachments", ATTENTION, text, "psgflask news read-attachments")
    elif not unreadable:
        yield Finding("attachments", OK, "Every attached PDF was read")
