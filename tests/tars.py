"""Backup archives for tests: intact, and damaged in every way."""

import io
import json
import sqlite3
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from psgflask.core.paths import DATABASE
from psgflask.ops.backup_archive import MANIFEST
from psgflask.ops.backup_contents import SETTINGS_FILE

Member = tuple[tarfile.TarInfo, bytes]


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> Member:
    """Return a member of an archive."""
    about = tarfile.TarInfo(name)
    about.size, about.type, about.linkname = len(content), kind, link
    return about, content


def tar(members: Iterable[Member], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for about, content in members:
            archive.addfile(about, io.BytesIO(content))
    return out.getvalue()


def manifest(held: Mapping[str, bytes], /, **changed: Any) -> bytes:
    """Return what an archive of these files says that it holds."""
    said = {name: [len(data), sha256(data).hexdigest()] for name, data in held.items()}
    plain: dict[str, Any] = {
        "made_at": "2026-11-30T03:17:00+00:00",
        "revision": "0001",
        "rows": {"articles": 1},
        "files": said,
        "format": 1,
        **changed,
    }
    return json.dumps(plain).encode()


def files(settings: object = None, database: bytes = b"SQLite", **media: bytes) -> dict[str, bytes]:
    """Return the files of a backup by name; `media` are those in media/ab."""
    return {
        DATABASE: database,
        SETTINGS_FILE: json.dumps(settings or {}).encode(),
        **{f"media/ab/{name}": data for name, data in media.items()},
    }


def backup(held: Mapping[str, bytes], /, *extra: Member, **changed: Any) -> bytes:
    """Return a whole backup of files; `extra` stands before its manifest."""
    inside = [member(name, data) for name, data in held.items()]
    return tar([*inside, *extra, member(MANIFEST, manifest(held, **changed))])


def revision(database: Path) -> str:
    """Return the revision of a database's schema, 0001 where none is stored yet."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))")
        if opened.execute("SELECT 1 FROM alembic_version").fetchone() is None:
            opened.execute("INSERT INTO alembic_version VALUES ('0001')")
        (found,) = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)
