"""The texts of attached PDFs, kept by the hash of the file: what the search reads of them."""

import threading
from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.database import db, read_only
from psgflask.news.media.attachments import KINDS
from psgflask.news.media.extraction import Extracted, extract
from psgflask.news.media.store import place_of
from psgflask.news.models import Attachment, FileText

IS_PDF = Attachment.media_type == KINDS["pdf"].media_type


def keep(session: Session, extracted: Mapping[str, Extracted]) -> None:
    """Keep the texts of files, by hash, in place of those they had; flushes, never commits."""
    for file_hash, found in extracted.items():
        session.merge(FileText(file_hash=file_hash, text=found.text, problem=found.problem))
    session.flush()


def missing(session: Session) -> list[str]:
    """Return the hashes of the attached PDFs that nobody has tried to read."""
    known = select(FileText.file_hash)
    wanted = select(Attachment.file_hash).where(IS_PDF, Attachment.file_hash.not_in(known))
    return list(session.scalars(wanted.distinct().order_by(Attachment.file_hash)))


def unreadable(session: Session) -> list[tuple[str, str]]:
    """Return (file name, what is wrong) of each attached PDF whose text the search lacks."""
    chosen = select(Attachment.file_name, FileText.problem).join(Attachment.read)
    rows = session.execute(chosen.where(FileText.problem != "").distinct())
    return sorted((name, problem) for name, problem in rows)


def forget_failures(session: Session) -> None:
    """Let the files that could not be read be tried again; the caller commits."""
    for row in session.scalars(select(FileText).where(FileText.problem != "")):
        session.delete(row)


def _forget_unattached(session: Session) -> bool:
    """Let go of the texts of files that no article has any more."""
    attached = select(Attachment.file_hash)
    rows = session.scalars(select(FileText).where(FileText.file_hash.not_in(attached))).all()
    for row in rows:
        session.delete(row)
    return bool(rows)


def sweep(app: Flask, stop: threading.Event) -> None:
    """Read what nobody has read yet: an errand of the worker, since a file may take long."""
    read_missing(app, stop)


def read_missing(app: Flask, stop: threading.Event | None = None) -> int:
    """Read every attached PDF that nobody has read, and forget others' texts; return how many.

    A file that is not in its place is left for the next time.
    """
    media = Path(app.instance_path) / "media"
    done = 0
    with read_only(), app.app_context(), Session(db.engine) as session:
        wanted = missing(session)
        attached = select(Attachment.file_hash)
        surplus = select(FileText.file_hash).where(FileText.file_hash.not_in(attached)).limit(1)
        left_over = session.scalar(surplus) is not None
    for file_hash in wanted:
        if stop is not None and stop.is_set():
            return done
        try:
            found = extract(place_of(media, file_hash))
        except OSError:
            continue
        with app.app_context(), Session(db.engine) as session:
            keep(session, {file_hash: found})
            session.commit()
        done += 1
    if left_over:
        with app.app_context(), Session(db.engine) as session:
            _forget_unattached(session)
            session.commit()
    return done
