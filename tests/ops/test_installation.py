"""From an empty folder to an installation: config.py is there whole or not at all."""

import os
from pathlib import Path

import pytest

from psgflask.core import journal
from psgflask.ops import installation, worker_lock
from tests import full_disk


def test_r4_settings_that_had_no_room_are_written_whole_by_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a config.py would stop every command, and is never written over."""
    with monkeypatch.context() as patched:
        full_disk.no_room_after(patched, 500)
        with pytest.raises(OSError, match="No space"):
            installation.write_config(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert installation.write_config(tmp_path) == tmp_path / "config.py"
    assert installation.write_config(tmp_path) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "config.py"]
    assert (tmp_path / "config.py").stat().st_mode & 0o077 == 0


def test_the_files_of_the_locks_are_the_owners_of_their_folders_whoever_made_them(
    tmp_path: Path,
) -> None:
    """What root made first would shut the site's own user out of it."""
    instance, elsewhere = tmp_path / "instance", tmp_path / "elsewhere"
    for folder in (instance, elsewhere):
        folder.mkdir()
        if os.getuid() == 0:
            os.chown(folder, 65_534, 65_534)
    (elsewhere / journal.LOCK).touch()
    for database in (elsewhere / "site.db", instance / "psg.sqlite", None):
        installation.create_lock_files(instance, database)
    for file in (*instance.iterdir(), *elsewhere.iterdir()):
        assert file.stat().st_uid == file.parent.stat().st_uid
    assert {file.name for file in instance.iterdir()} == {journal.LOCK, worker_lock.FILE}


def test_a_lock_that_is_a_link_to_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("somebody's")
    (tmp_path / worker_lock.FILE).symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        installation.create_lock_files(tmp_path, None)
