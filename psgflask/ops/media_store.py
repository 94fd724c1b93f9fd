"""The media that the backups of a folder share: each file once, named by its SHA-256.

Media never change, so an hourly backup adds those that are new. An archive names what it needs of
the store beside it by name, size and hash; nothing in the store is trusted without them.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

from psgflask.core import durable
from psgflask.news.media.storage import is_file_hash, path_of
from psgflask.ops.backup_archive import BackupRefused, SourceUnreadable, hash_file

Stored = Mapping[str, tuple[int, str]]  # size and hash by the name in an instance


class MediaStore:
    """The folder `media` beside backups, laid out as that of a site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, file_hash: str) -> Path:
        """Return where a file is, or would be."""
        return path_of(self.folder, file_hash)

    def is_whole(self, size: int, file_hash: str, copy: Path | None = None) -> bool:
        """Say whether the store has a file and it has its hash; copy it then, if `copy` is given.

        What cannot be read is not whole. Raises OSError where the copy cannot be written.
        """
        path = self.path_of(file_hash)
        try:
            if not path.is_file() or path.stat().st_size != size:
                return False
            opened = path.open("rb")
        except OSError:
            return False
        with opened:
            try:
                whole = hash_file(opened, copy) == file_hash
            except SourceUnreadable:
                whole = False
        if copy is not None and not whole:
            copy.unlink()
        return whole

    def size_of(self, file_hash: str) -> int | None:
        """Return the size of a file that is there and whole, None of any other."""
        try:
            size = self.path_of(file_hash).stat().st_size
        except OSError:
            return None
        return size if self.is_whole(size, file_hash) else None

    def add(self, opened: IO[bytes], file_hash: str, working: Path) -> tuple[int, str]:
        """Store an open file unless it is there and whole; return its size and hash.

        `working` is a folder on the disk of the store for what is being written. Raises
        BackupRefused for a file that changes meanwhile, or cannot be read back; OSError.
        """
        size = os.fstat(opened.fileno()).st_size
        if self.is_whole(size, file_hash):
            return size, file_hash
        opened.seek(0)
        copy, target = working / file_hash, self.path_of(file_hash)
        hash_file(opened, copy)
        durable.fsync(copy)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy.chmod(0o600)
        copy.replace(target)
        durable.fsync(target.parent)
        if not self.is_whole(size, file_hash):
            raise BackupRefused(f"{opened.name} changed meanwhile, or cannot be read back")
        return size, file_hash

    def extract(self, stored: Stored, into: Path) -> list[str]:
        """Copy files to their names in a folder; return those that are lost or damaged.

        Raises BackupRefused where there is no room for them; OSError.
        """
        size_of_all = sum(size for size, _hash in stored.values())
        if size_of_all > shutil.disk_usage(into).free:
            raise BackupRefused(f"The media need {size_of_all / 1e9:.1f} GB, which are not free")
        lost: list[str] = []
        for name, (size, file_hash) in sorted(stored.items()):
            copy = into / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not self.is_whole(size, file_hash, copy):
                lost.append(name)
        return lost

    def remove_others(self, needed: Collection[str]) -> int:
        """Delete the files of other hashes; return how many. What is no file of a store stays."""
        removed = 0
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if is_file_hash(path.name) and path.name not in needed:
                path.unlink(missing_ok=True)
                removed += 1
        return removed
