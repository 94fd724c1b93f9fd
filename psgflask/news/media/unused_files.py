"""The files of instance/media that no article uses, now or in any revision."""

import os
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.orm import Session

from psgflask.news.media.broken_files import named_files
from psgflask.news.media.storage import path_of


def unused_files(session: Session, media: Path) -> dict[Path, int]:
    """Return the files that no picture, attachment or revision uses, with their size in bytes.

    Dotted folders hold staged files and are ignored.
    """
    # Files before rows: a file that is put into place meanwhile is not in question.
    sizes = _sizes(media)
    used = {path_of(media, file_hash) for file_hash in named_files(session)}
    return {file: sizes[file] for file in sorted(sizes.keys() - used)}


def remove(files: Iterable[Path]) -> None:
    """Remove files; the caller holds the write lock, so that no article begins to use them."""
    for file in files:
        file.unlink(missing_ok=True)


def _sizes(media: Path) -> dict[Path, int]:
    sizes: dict[Path, int] = {}
    for name, folders, files in os.walk(media):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for file in files:
            if not file.startswith("."):
                sizes[Path(name, file)] = Path(name, file).lstat().st_size
    return sizes
