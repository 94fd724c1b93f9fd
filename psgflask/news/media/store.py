"""Files on their way into instance/media: checked, prepared beside it, placed all at once."""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import failures
from psgflask.core.durable import fsync, write_synced
from psgflask.core.locks import FileLock
from psgflask.manuscript import FrontMatterWrong, Mistake
from psgflask.news.drafts import AttachmentDraft, Draft, PictureDraft
from psgflask.news.front_matter import ArticleFile, NamedFile
from psgflask.news.media import attachments, pictures
from psgflask.news.media.attachments import AttachmentRefused
from psgflask.news.media.extraction import Extracted, extract
from psgflask.news.media.pictures import PictureRefused
from psgflask.news.models import Attachment, Picture
from psgflask.news.slugs import slug_of

INCOMING = ".incoming"  # dotted: a backup leaves out what is not in its place yet


def _is_in_use(folder: Path) -> bool:
    try:
        FileLock(folder, wait=False).close()
    except BlockingIOError:
        return True
    except OSError:  # gone just now
        return False
    return False


class Tray:
    """Prepared files; none is in the media folder until `place`, and then all are.

    Prepare before the database is written, place just before the commit: a refusal leaves
    nothing behind, and a row never names a file that is not there.
    """

    def __init__(self, media: Path) -> None:
        self.media = media
        self.names: dict[str, Path] = {}
        self.texts: dict[str, Extracted] = {}

    def __enter__(self) -> "Tray":
        """Make the folder beside the media in which files are prepared."""
        incoming = self.media / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        with FileLock(incoming):
            for old in incoming.iterdir():
                if not _is_in_use(old):
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
        """Remove what was not placed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def add(self, data: bytes) -> str:
        """Write a file to the disk and return its SHA-256 in hex, by which it will be known."""
        name = hashlib.sha256(data).hexdigest()
        prepared = self.folder / name
        write_synced(prepared, data)
        self.names[name] = prepared
        return name

    def place(self) -> None:
        """Move every file to its place in one step each, so that no half of one is ever seen."""
        for name, prepared in self.names.items():
            target = place_of(self.media, name)
            target.parent.mkdir(exist_ok=True)
            prepared.replace(target)
            fsync(target.parent)
        fsync(self.media)
        self.names.clear()


def place_of(media: Path, file_hash: str) -> Path:
    """Return where the file of a hash lies: media/<first two letters>/<hash>."""
    return media / file_hash[:2] / file_hash


def store_picture(path: Path, tray: Tray) -> PictureDraft:
    """Re-encode a picture and put it on the tray. Raises PictureRefused."""
    recoded = pictures.recode(path)
    return PictureDraft(
        file_hash=tray.add(recoded.data),
        file_name=f"{slug_of(path.stem)}.{recoded.extension}",
        media_type=recoded.media_type,
        size=len(recoded.data),
        width=recoded.width,
        height=recoded.height,
    )


def store_attachment(path: Path, tray: Tray, *, title: str, language: str) -> AttachmentDraft:
    """Check a file against its extension and put it on the tray. Raises AttachmentRefused.

    A PDF is read for the search; one that cannot be read is taken all the same.
    """
    kind = attachments.check(path)
    data = path.read_bytes()
    file_hash = tray.add(data)
    if kind is attachments.KINDS["pdf"]:
        with contextlib.suppress(OSError):  # the worker tries again
            tray.texts[file_hash] = extract(tray.names[file_hash])
    return AttachmentDraft(
        file_hash=file_hash,
        file_name=f"{slug_of(path.stem)}.{kind.extension}",
        media_type=kind.media_type,
        size=len(data),
        title=title,
        language=language,
    )


Kept = Mapping[tuple[str, str], PictureDraft | AttachmentDraft]


def kept_files(session: Session, article: ArticleFile) -> Kept:
    """Return, by hash and name, the files that the site has already and this article names."""
    kept: dict[tuple[str, str], PictureDraft | AttachmentDraft] = {}
    for named in (*article.pictures, *article.attachments):
        if named.kept is None:
            continue
        for model, draft in ((Picture, PictureDraft), (Attachment, AttachmentDraft)):
            row = session.scalar(
                select(model).where(
                    model.file_hash == named.kept[0], model.file_name == named.kept[1]
                )
            )
            if row is not None:
                kept[named.kept] = draft(
                    **{field.name: getattr(row, field.name) for field in fields(draft)}
                )
    return kept


def draft_with_files(article: ArticleFile, tray: Tray, kept: Kept) -> Draft:
    """Return the draft of a file with its pictures and attachments on the tray.

    Raises FrontMatterWrong with the line of every file that cannot be taken.
    """
    mistakes: list[Mistake] = []
    pictures_taken: list[PictureDraft] = []
    attachments_taken: list[AttachmentDraft] = []
    for named in article.pictures:
        try:
            pictures_taken.append(_picture(named, tray, kept))
        except (PictureRefused, OSError) as error:
            _unless_full(error)
            mistakes.append(Mistake(named.line, str(error)))
    for named in article.attachments:
        try:
            attachments_taken.append(_attachment(named, tray, kept))
        except (AttachmentRefused, OSError) as error:
            _unless_full(error)
            mistakes.append(Mistake(named.line, str(error)))
    if mistakes:
        raise FrontMatterWrong(*mistakes)
    return replace(article.draft, pictures=pictures_taken, attachments=attachments_taken)


def _unless_full(error: Exception) -> None:
    """Raise what is no mistake in anybody's file: there is no room for it here."""
    if failures.is_disk_full(error):
        raise error


def _picture(named: NamedFile, tray: Tray, kept: Kept) -> PictureDraft:
    if named.kept is None:
        taken = store_picture(named.path, tray)
    else:
        known = kept.get(named.kept)
        if not isinstance(known, PictureDraft):
            raise PictureRefused(f"The site has no picture media/{'/'.join(named.kept)}")
        taken = known
    return replace(
        taken,
        alt=named.alt,
        decorative=named.decorative,
        caption=named.caption,
        credit=named.credit,
    )


def _attachment(named: NamedFile, tray: Tray, kept: Kept) -> AttachmentDraft:
    if named.kept is None:
        return store_attachment(named.path, tray, title=named.title, language=named.language)
    known = kept.get(named.kept)
    if not isinstance(known, AttachmentDraft):
        raise AttachmentRefused(f"The site has no attachment media/{'/'.join(named.kept)}")
    return replace(known, title=named.title, language=named.language)
