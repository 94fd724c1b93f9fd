"""The lists of the erased that a restore is given: a file, a newer backup, or another instance."""

import sqlite3
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psgflask.core.clock_watch import NEVER
from psgflask.core.paths import DATABASE
from psgflask.members import erasure
from psgflask.members.erasure import LIST_FILE, UNCONFIRMED_FILE, ErasedEntry, ErasedListUnreadable
from psgflask.news.redaction import Redaction, redactions_of_file
from psgflask.ops import backup_archive
from psgflask.ops.backup_archive import BackupRefused, Manifest

TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")


@dataclass(frozen=True)
class ErasedList:
    """A list of the erased: as of when (None: not known), and since when it may have gaps.

    That of the instance that was served is as of `NEVER`: nobody was erased after it. `redactions`
    are those of the same database.
    """

    entries: frozenset[ErasedEntry]
    whole: bool
    as_of: datetime | None = None
    unconfirmed_since: datetime | None = None
    redactions: frozenset[Redaction] = frozenset()


def read(path: Path, folder: Path) -> ErasedList:
    """Read a list from an erased.txt, a backup, or the folder of an instance.

    `folder` is empty, and for what is extracted. Raises BackupRefused.
    """
    try:
        if path.is_dir():
            return _of_instance(path)
        return _of_backup(path, folder) if _is_archive(path) else _of_file(path)
    except OSError as error:
        raise BackupRefused(f"Cannot read {path}: {error.strerror or error}") from error
    except ErasedListUnreadable as error:
        raise BackupRefused(str(error)) from error


def unconfirmed_since(
    manifest: Manifest, own: ErasedList, newer: Collection[ErasedList]
) -> datetime | None:
    """Return since when people may have been erased of whom no list knows; None if none were.

    `own` is the list of the backup that is restored. A newer one counts until its own time, or
    until its own gap begins, but not if it lacks whom the backup lists: it is another site's then.
    A mere file does not say as of when it is, nor whether it has gaps.
    """
    made_at = datetime.fromisoformat(manifest.made_at)
    until = min(made_at, own.unconfirmed_since or made_at)
    for one in newer:
        if one.as_of and one.whole and one.entries >= own.entries:
            until = max(until, min(one.as_of, one.unconfirmed_since or one.as_of))
    return None if until == NEVER else until


def of_folder(folder: Path, *, whole: bool, as_of: datetime | None = None) -> ErasedList:
    """Return the list in a folder, with whom the database there knows to be erased, if it can."""
    entries, damaged = erasure.read_list(folder / LIST_FILE)
    with suppress(ErasedListUnreadable):
        if (folder / DATABASE).is_file():
            entries += erasure.entries_of_file(folder / DATABASE)
    since = erasure.unconfirmed_since(folder)
    return ErasedList(frozenset(entries), whole and not damaged, as_of, since)


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    return head.startswith(COMPRESSED) or head[TAR_MAGIC_AT:] == TAR_MAGIC


def _of_file(path: Path) -> ErasedList:
    if path.stat().st_size > erasure.MAX_LIST_SIZE:
        raise BackupRefused(f"{path} is larger than any list of the erased")
    entries, damaged = erasure.read_list(path)
    if damaged and not entries:
        raise BackupRefused(f"{path} is neither a list of the erased nor a backup")
    return ErasedList(frozenset(entries), whole=not damaged)


def _of_instance(path: Path) -> ErasedList:
    if (path / DATABASE).is_file():
        found = of_folder(path, whole=True, as_of=NEVER)
        with suppress(sqlite3.Error):  # a damaged database
            return replace(found, redactions=frozenset(redactions_of_file(path / DATABASE)))
        return found
    if (path / LIST_FILE).is_file():
        return _of_file(path / LIST_FILE)
    raise BackupRefused(f"{path} is the folder of no site")


def _of_backup(path: Path, folder: Path) -> ErasedList:
    manifest = backup_archive.read(path, folder, only={LIST_FILE, UNCONFIRMED_FILE})
    if not (has_list := LIST_FILE in manifest.files):
        # Of an older version of the site: the database knows some.
        backup_archive.read(path, folder, only={DATABASE})
    found = of_folder(folder, whole=has_list, as_of=datetime.fromisoformat(manifest.made_at))
    return replace(found, redactions=frozenset(manifest.redactions))
