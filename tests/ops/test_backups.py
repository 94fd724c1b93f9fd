"""A backup leaves nothing of members where others could read it, whenever it is killed."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core import paths
from psgflask.core.clock import utc_now
from psgflask.core.config import DEFAULTS
from psgflask.news.drafts import AttachmentDraft
from psgflask.news.media.storage import StagedFiles, path_of, store_picture
from psgflask.ops import backup_archive, backups
from psgflask.ops.backup_archive import BackupRefused
from tests import factories, kill_points, tars
from tests.news.media.files import HARM, picture

SETTINGS = {**DEFAULTS, "SECRET_KEY": "secret", "TRUSTED_PROXIES": 1, "CONTACT_POST": "London"}


@pytest.fixture
def site(instance: Path) -> Path:
    tars.revision(instance / "psg.sqlite")
    (instance / "media/ab").mkdir(parents=True)
    (instance / "media/ab/picture").write_bytes(b"a picture")
    return instance


def make(site: Path, target: Path) -> None:
    backups.create(site, target, SETTINGS, now=utc_now())


def test_killed_at_any_step_a_backup_leaves_nothing_that_the_next_does_not_remove(
    site: Path, tmp_path: Path
) -> None:
    folder, steps = tmp_path / "backups", 0
    for _step in kill_points.at_each_step(lambda: make(site, folder / "first.tar"), folder):
        steps += 1
        # Folders that are closed close what is in them.
        there = [folder, *folder.iterdir()] if folder.exists() else []
        assert [path for path in there if path.stat().st_mode & 0o077] == []
        make(site, folder / "second.tar")
        assert {path.name for path in folder.iterdir()} <= {"first.tar", "second.tar"}
        for whole in folder.iterdir():
            backup_archive.read(whole)
        shutil.rmtree(folder)
    assert steps > 5


def test_two_backups_at_once_into_one_folder_are_one(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    working = folder / ".psgflask-backup-other"
    working.mkdir()
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with pytest.raises(BackupRefused, match="Another backup is being written"):
            make(site, folder / "x.tar")
    finally:
        os.close(other)
    assert working.exists()
    make(site, folder / "x.tar")
    assert [path.name for path in folder.iterdir()] == ["x.tar"]


def test_the_folder_that_a_backup_makes_is_its_owners_alone(
    site: Path, tmp_path: Path, app: Flask
) -> None:
    runner = app.test_cli_runner()
    done = runner.invoke(args=["backup", str(tmp_path / "new" / "x.tar")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert "Others may look" not in done.output
    (tmp_path / "new").chmod(0o755)
    done = runner.invoke(args=["backup", str(tmp_path / "new" / "y.tar")])
    assert f"Others may look into that folder: chmod 700 {tmp_path / 'new'}" in done.output
    assert (tmp_path / "new" / "y.tar").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", backups.COMPRESSION_MODES)
def test_a_backup_is_packed_as_its_name_says_and_is_read_back(
    site: Path, tmp_path: Path, end: str
) -> None:
    target = tmp_path / f"2026-11-23{end.upper()}"
    make(site, target)
    first = {"x:": b"psg.sqlite", "x:gz": b"\x1f\x8b", "x:bz2": b"BZh", "x:xz": b"\xfd7zXZ"}
    assert target.read_bytes().startswith(first[backups.COMPRESSION_MODES[end]])
    (tmp_path / "into").mkdir()
    backup_archive.read(target, tmp_path / "into")
    assert (tmp_path / "into/media/ab/picture").read_bytes() == b"a picture"


@pytest.mark.parametrize("name", ["monday", "x.zip", "x.tar.zst", "x.gz", "x.tar.part"])
def test_a_name_that_says_another_packing_is_refused_with_what_to_write(
    site: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BackupRefused, match=r"end in one of \.tar, \.tar\.gz, "):
        make(site, tmp_path / "new" / name)
    assert not (tmp_path / "new").exists()


def test_a_backup_named_as_one_of_its_own_files_is_made(site: Path, tmp_path: Path) -> None:
    make(site, tmp_path / "backups" / "archive.tar")
    assert paths.DATABASE in backup_archive.read(tmp_path / "backups" / "archive.tar").files


def test_a_file_whose_name_no_archive_can_hold_is_named(site: Path, tmp_path: Path) -> None:
    (site / "media/ab/a\\b").write_bytes(b"x")
    with pytest.raises(BackupRefused, match="Rename or remove"):
        make(site, tmp_path / "x.tar")


def test_what_is_each_site_s_own_is_in_no_backup(site: Path, tmp_path: Path) -> None:
    make(site, tmp_path / "x.tar")
    whole = (tmp_path / "x.tar").read_bytes()
    assert b"CONTACT_POST" in whole
    assert b"SECRET_KEY" not in whole
    assert b"TRUSTED_PROXIES" not in whole


@pytest.fixture
def march(site: Path, session: Session, tmp_path: Path) -> Path:
    """The stored picture of the article a-march."""
    with StagedFiles(site / "media") as staged:
        stored = store_picture(picture(tmp_path / "march.jpg"), staged)
        staged.move()
    factories.article(session, slug="a-march", pictures=(replace(stored, alt="A march"),))
    return path_of(site / "media", stored.file_hash)


@pytest.mark.parametrize("harm", HARM)
def test_r20_a_backup_names_what_is_lost_or_damaged_saves_all_else_and_fails(
    site: Path, march: Path, tmp_path: Path, app: Flask, harm: Callable[[Path], None]
) -> None:
    runner = app.test_cli_runner()
    done = runner.invoke(args=["backup", str(tmp_path / "good.tar")])
    assert done.exit_code == 0, done.output
    assert backup_archive.read(tmp_path / "good.tar").is_complete
    harm(march)
    done = runner.invoke(args=["backup", str(tmp_path / "bad.tar")])
    assert done.exit_code == 1
    assert (
        f"Incomplete: march.jpg of a-march {'cannot' if march.is_dir() else 'is'} " in done.output
    )
    assert "Cannot write" not in done.output
    manifest = backup_archive.read(tmp_path / "bad.tar")
    assert not manifest.is_complete
    assert [line for line in manifest.missing if march.name in line] == manifest.missing
    assert {paths.DATABASE, "media/ab/picture"} <= manifest.files.keys()
    assert manifest.rows["articles"] == 1
    # What is left of a damaged file is saved as it is.
    assert (f"media/{march.parent.name}/{march.name}" in manifest.files) == march.is_file()


def test_a_folder_of_media_that_cannot_be_listed_hides_no_file_that_can_be_read(
    site: Path, march: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def refuse(path: str) -> object:
        if str(path) == str(march.parent):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    manifest = backups.create(site, tmp_path / "x.tar", SETTINGS, now=utc_now())
    folder = f"media/{march.parent.name}"
    assert f"{folder}/{march.name}" in manifest.files
    assert manifest.missing == [f"{folder} cannot be read (Permission denied)"]


def test_a_file_that_no_article_names_and_nobody_can_read_is_named_too(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = backups.media_files
    monkeypatch.setattr(backups, "media_files", lambda *args: [*walk(*args), "media/ab"])
    manifest = backups.create(site, tmp_path / "x.tar", SETTINGS, now=utc_now())
    assert manifest.missing == ["media/ab cannot be read (Is a directory)"]
    assert "media/ab/picture" in manifest.files


def test_a_backup_of_a_site_that_lost_all_of_its_media_can_be_read_and_restored(
    site: Path, session: Session, tmp_path: Path
) -> None:
    lost = [
        AttachmentDraft(
            f"{number:064x}", f"{'long-name-' * 11}.pdf", "application/pdf", 9, "R", "en"
        )
        for number in range(500)
    ]
    for number in range(5):
        factories.article(
            session, slug=f"{'slug-' * 20}{number}", attachments=tuple(lost), commit=False
        )
    session.commit()
    shutil.rmtree(site / "media")
    manifest = backups.create(site, tmp_path / "x.tar", SETTINGS, now=utc_now())
    assert manifest.missing[-1] == "450 more media files"
    assert backup_archive.read(tmp_path / "x.tar").missing[-1] == "450 more media files"


def test_a_database_of_another_version_is_saved_though_no_media_are_compared(
    site: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(site / paths.DATABASE)) as database, database:
        database.execute("DROP TABLE pictures")
    manifest = backups.create(site, tmp_path / "x.tar", SETTINGS, now=utc_now())
    (line,) = manifest.missing
    assert "were not compared" in line
    assert {paths.DATABASE, "media/ab/picture"} <= manifest.files.keys()
