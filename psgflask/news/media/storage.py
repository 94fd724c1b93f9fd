"""The files in instance/media: staged beside it, moved into place together, found by hash."""

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import failures
from psgflask.core.durable import fsync, write_synced
from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.core.locks import FileLock
from psgflask.core.paths import MEDIA
from psgflask.news import article_revisions
from psgflask.news.article_files import ArticleFile, FileReference
from psgflask.news.drafts import (
    AttachmentDraft,
    Draft,
    FileDraft,
    PictureDraft,
    attachment_draft,
    picture_draft,
)
from psgflask.news.media import attachments, pictures
from psgflask.news.media.attachments import AttachmentRefused
from psgflask.news.media.pdf_text import ExtractedText, extract
from psgflask.news.media.pictures import PictureRefused
from psgflask.news.models import Attachment, Picture
from psgflask.news.slugs import slugify

INCOMING = ".incoming"  # dotted: backups leave out staged files


def _is_locked(folder: Path) -> bool:
    try:
        FileLock(folder, wait=False).close()
    except BlockingIOError:
        return True
    except OSError:  # removed meanwhile
        return False
    return False


class StagedFiles:
    """New files, written beside the media folder and moved into it together by `move`.

    Stage before the database is written and move just before the commit: a refusal leaves
    nothing behind, and no row refers to a missing file.
    """

    def __init__(self, media: Path) -> None:
        self.media = media
        self.names: dict[str, Path] = {}
        self.texts: dict[str, ExtractedText] = {}

    def __enter__(self) -> "StagedFiles":
        """Create the staging folder, and remove those that dead processes left."""
        incoming = self.media / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        with FileLock(incoming):
            for old in incoming.iterdir():
                if not _is_locked(old):
                    shutil.rmtree(old, ignore_errors=True)
            self.folder = Path(tempfile.mkdtemp(dir=incoming))
            self._lock = FileLock(self.folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not moved."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def add(self, data: bytes) -> str:
        """Write a file durably and return its SHA-256 in hex, its name in the media folder."""
        name = hashlib.sha256(data).hexdigest()
        staged = self.folder / name
        write_synced(staged, data)
        self.names[name] = staged
        return name

    def move(self) -> None:
        """Move every file into the media folder, each atomically."""
        for name, staged in self.names.items():
            target = path_of(self.media, name)
            target.parent.mkdir(exist_ok=True)
            staged.replace(target)
            fsync(target.parent)
        fsync(self.media)
        self.names.clear()


def media_folder(instance: str | Path) -> Path:
    """Return the media folder of an instance folder."""
    return Path(instance) / MEDIA


def is_file_hash(text: str) -> bool:
    """Say whether a text may be the name of a stored file: a SHA-256 in hex."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", text))


def path_of(media: Path, file_hash: str) -> Path:
    """Return the path of a file: media/<first two characters>/<hash>."""
    return media / file_hash[:2] / file_hash


def store_picture(path: Path, staged: StagedFiles) -> PictureDraft:
    """Re-encode a picture and stage it. Raises PictureRefused."""
    recoded = pictures.recode(path)
    return PictureDraft(
        file_hash=staged.add(recoded.data),
        file_name=f"{slugify(path.stem)}.{recoded.extension}",
        media_type=recoded.media_type,
        size=len(recoded.data),
        width=recoded.width,
        height=recoded.height,
    )


def store_attachment(
    path: Path, staged: StagedFiles, *, title: str, language: str
) -> AttachmentDraft:
    """Check a file against its extension and stage it. Raises AttachmentRefused.

    A PDF is read for the search; one that cannot be read is accepted all the same.
    """
    kind = attachments.check(path)
    data = path.read_bytes()
    file_hash = staged.add(data)
    if kind is attachments.KINDS["pdf"]:
        with contextlib.suppress(OSError):  # the worker will try again
            staged.texts[file_hash] = extract(staged.names[file_hash])
    return AttachmentDraft(
        file_hash=file_hash,
        file_name=f"{slugify(path.stem)}.{kind.extension}",
        media_type=kind.media_type,
        size=len(data),
        title=title,
        language=language,
    )


File = TypeVar("File", Picture, Attachment)
Drafted = TypeVar("Drafted", PictureDraft, AttachmentDraft)
StoredFiles = Mapping[tuple[str, str], FileDraft]


def stored_files(session: Session, article: ArticleFile) -> StoredFiles:
    """Return, by hash and name, the files of the site that an article's file refers to."""
    found: dict[tuple[str, str], FileDraft] = {}
    for reference in (*article.pictures, *article.attachments):
        if reference.stored is None:
            continue
        file_hash, name = reference.stored
        if picture := _first(session, Picture, file_hash, name):
            found[reference.stored] = picture_draft(picture)
        if attachment := _first(session, Attachment, file_hash, name):
            found[reference.stored] = attachment_draft(attachment)
        if reference.stored not in found:
            is_picture = reference in article.pictures
            kind = PictureDraft if is_picture else AttachmentDraft
            if former := article_revisions.stored_file(session, kind, file_hash, name):
                found[reference.stored] = former
    return found


def _first(session: Session, model: type[File], file_hash: str, name: str) -> File | None:
    rows = select(model).where(model.file_hash == file_hash, model.file_name == name)
    return session.scalar(rows)


DraftOf = Callable[[FileReference, StagedFiles, StoredFiles], Drafted]


def draft_with_files(article: ArticleFile, staged: StagedFiles, stored: StoredFiles) -> Draft:
    """Return the draft of an article's file with its pictures and attachments, new ones staged.

    Raises InvalidFile with the line of every file that is refused.
    """
    mistakes: list[Mistake] = []

    def accepted(draft: DraftOf[Drafted], reference: FileReference) -> Iterator[Drafted]:
        try:
            yield draft(reference, staged, stored)
        except (PictureRefused, AttachmentRefused, OSError) as error:
            if failures.is_disk_full(error):  # the file is not to blame
                raise
            mistakes.append(Mistake(reference.line, str(error)))

    pictures = [draft for each in article.pictures for draft in accepted(_picture, each)]
    attachments = [draft for each in article.attachments for draft in accepted(_attachment, each)]
    if mistakes:
        raise InvalidFile(*mistakes)
    return replace(article.draft, pictures=pictures, attachments=attachments)


def _picture(reference: FileReference, staged: StagedFiles, stored: StoredFiles) -> PictureDraft:
    if reference.stored is None:
        draft = store_picture(reference.path, staged)
    else:
        found = stored.get(reference.stored)
        if not isinstance(found, PictureDraft):
            raise PictureRefused(f"The site has no picture media/{'/'.join(reference.stored)}")
        draft = found
    return replace(
        draft,
        alt=reference.alt,
        decorative=reference.decorative,
        caption=reference.caption,
        credit=reference.credit,
    )


def _attachment(
    reference: FileReference, staged: StagedFiles, stored: StoredFiles
) -> AttachmentDraft:
    title, language = reference.title, reference.language
    if reference.stored is None:
        return store_attachment(reference.path, staged, title=title, language=language)
    found = stored.get(reference.stored)
    if not isinstance(found, AttachmentDraft):
        raise AttachmentRefused(f"The site has no attachment media/{'/'.join(reference.stored)}")
    return replace(found, title=title, language=language)
