"""A backup leaves nothing of members where others could read it, whenever it is killed."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from flask import Flask

from psgflask.core import paths
from psgflask.core.clock import utc_now
from psgflask.core.config import DEFAULTS
from psgflask.ops import backup_archive, backups
from psgflask.ops.backup_archive import BackupRefused
from tests import kill_points, tars

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
