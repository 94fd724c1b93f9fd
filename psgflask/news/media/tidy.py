"""Finds the files of instance/media that no article names, in its present or any former state."""

import os
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.news.media.store import place_of
from psgflask.news.models import Attachment, Picture, Revision

READ_AT_ONCE = 200  # revisions, each with the whole text of its article


def unnamed(session: Session, media: Path) -> dict[Path, int]:
    """Return the files, each with its bytes, that no picture, attachment or revision names.

    What begins with a dot is still being prepared and is left alone.
    """
    # Files first: one that is put in its place after this look is not in question.
    there = _files(media)
    named = {place_of(media, file_hash) for file_hash in _hashes(session)}
    return {file: there[file] for file in sorted(there.keys() - named)}


def remove(files: Iterable[Path]) -> None:
    """Remove files; the caller sees to it that nobody begins to name them meanwhile."""
    for file in files:
        file.unlink(missing_ok=True)


def _files(media: Path) -> dict[Path, int]:
    found: dict[Path, int] = {}
    for name, folders, files in os.walk(media):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for file in files:
            if not file.startswith("."):
                found[Path(name, file)] = Path(name, file).lstat().st_size
    return found


def _hashes(session: Session) -> set[str]:
    hashes: set[str] = set()
    for model in (Picture, Attachment):
        hashes.update(session.scalars(select(model.file_hash).distinct()))
    # A former state may be brought back, so its files stay.
    for snapshot in session.scalars(
        select(Revision.snapshot).execution_options(yield_per=READ_AT_ONCE)
    ):
        for kind in ("pictures", "attachments"):
            hashes.update(file["file_hash"] for file in snapshot.get(kind, ()))
    return hashes
