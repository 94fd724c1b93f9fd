"""The texts of attached PDFs, stored by the hash of the file, for search."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.news.media.attachments import KINDS
from psgflask.news.media.pdf_text import ExtractedText
from psgflask.news.models import Attachment, FileText

IS_PDF = Attachment.media_type == KINDS["pdf"].media_type
_UNATTACHED = FileText.file_hash.not_in(select(Attachment.file_hash))


def save(session: Session, texts: Mapping[str, ExtractedText]) -> None:
    """Save the texts of files, by hash, replacing earlier ones; flushes, never commits."""
    for file_hash, extracted in texts.items():
        row = FileText(file_hash=file_hash, text=extracted.text, problem=extracted.problem)
        session.merge(row)
    session.flush()


def unread(session: Session) -> list[str]:
    """Return the hashes of the attached PDFs that nobody has tried to read."""
    wanted = select(Attachment.file_hash).where(
        IS_PDF, Attachment.file_hash.not_in(select(FileText.file_hash))
    )
    return list(session.scalars(wanted.distinct().order_by(Attachment.file_hash)))


def unreadable(session: Session) -> list[tuple[str, str]]:
    """Return (file name, problem) of each attached PDF that could not be read."""
    problems = select(Attachment.file_name, FileText.problem).join(Attachment.read)
    rows = session.execute(problems.where(FileText.problem != "").distinct())
    return sorted((name, problem) for name, problem in rows)


def delete_failures(session: Session) -> None:
    """Make the files that could not be read unread again; the caller commits."""
    for row in session.scalars(select(FileText).where(FileText.problem != "")):
        session.delete(row)


def has_unattached(session: Session) -> bool:
    """Say whether there are texts of files that no article has any more."""
    return session.scalar(select(FileText.file_hash).where(_UNATTACHED).limit(1)) is not None


def delete_unattached(session: Session) -> None:
    """Delete the texts of files that no article has any more; the caller commits."""
    for row in session.scalars(select(FileText).where(_UNATTACHED)):
        session.delete(row)
