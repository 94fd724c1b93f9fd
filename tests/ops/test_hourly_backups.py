"""The worker backs the site up every hour, and deletes nothing before something newer is whole."""

import errno
import io
import json
import os
import shutil
import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from psgflask.core import clock_watch, config, locks
from psgflask.core.clock_watch import TimeBounds
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK
from psgflask.core.paths import MEDIA
from psgflask.news.drafts import PictureDraft
from psgflask.ops import backup_archive, backups, health, hourly_backups, restore, worker
from psgflask.ops.backup_archive import BackupRefused
from psgflask.ops.hourly_backups import HourlyBackup
from psgflask.ops.media_store import MediaStore
from psgflask.ops.worker import Worker
from tests import factories, kill_points, tars

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stored_picture(instance: Path, content: bytes) -> Path:
    digest = sha256(content).hexdigest()
    file = instance / "media" / digest[:2] / digest
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.fixture
def site(app: Flask) -> Flask:
    instance = Path(app.instance_path)
    tars.revision(instance / "psg.sqlite")
    for number in range(3):
        stored_picture(instance, b"picture %d" % number)
    return app


@pytest.fixture
def folder(site: Flask) -> Path:
    return Path(f"{site.instance_path}-backups")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock, and the uptime with it."""

    def set_clock(now: datetime) -> None:
        for module in (hourly_backups, health):
            monkeypatch.setattr(module, "utc_now", lambda: now)
        monkeypatch.setattr(hourly_backups, "uptime", now.timestamp)

    set_clock(NOON)
    return set_clock


def names(folder: Path) -> list[str]:
    return [one.file.name for one in hourly_backups.in_folder(folder)]


def found(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        return [(one.state, one.text) for one in health.check_backups(app)]


def made_before(folder: Path, *ages: timedelta) -> list[HourlyBackup]:
    """Make empty files in the place of backups of these ages at noon."""
    folder.mkdir(exist_ok=True)
    for age in ages:
        (folder / f"{(NOON - age).strftime(hourly_backups.NAME_FORMAT)}.tar.gz").touch()
    return hourly_backups.in_folder(folder)


@pytest.mark.usefixtures("at")
def test_the_worker_backs_up_beside_the_instance_and_doctor_says_where(
    site: Flask, folder: Path
) -> None:
    assert found(site) == [
        (ATTENTION, f"None in {folder} yet: the worker makes one soon after its start")
    ]
    Worker(site).run_once()
    assert names(folder) == ["2026-12-01T120000Z.tar.gz"]
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))} == {0}
    assert found(site) == [(OK, f"1 in {folder}, the last of 2026-12-01 12:00 GMT")]


def test_one_is_made_before_more_than_an_hour_is_lost(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    for minutes in range(0, 181, 5):
        at(NOON + timedelta(minutes=minutes))
        hourly_backups.run(site)
    made = [one.made_at for one in reversed(hourly_backups.in_folder(folder))]
    assert len(made) == 4
    assert all(later - sooner <= HOUR for sooner, later in pairwise(made))


def test_media_are_stored_once_for_all_backups_and_each_can_be_restored(
    site: Flask, folder: Path, tmp_path: Path, at: Callable[[datetime], None]
) -> None:
    instance = Path(site.instance_path)
    hourly_backups.run(site)
    picture = stored_picture(instance, b"x" * 1_000_000)
    for hours in (1, 2):
        at(NOON + hours * HOUR)
        hourly_backups.run(site)
    assert sum(file.is_file() for file in (folder / "media").rglob("*")) == 4
    assert all(file.stat().st_size < 100_000 for file in folder.glob("*.tar.gz"))
    for backup, count in zip(reversed(hourly_backups.in_folder(folder)), (3, 4, 4), strict=True):
        manifest = backup_archive.read(backup.file)
        into = tmp_path / backup.file.name
        into.mkdir()
        assert MediaStore(folder / MEDIA).extract(manifest.stored, into) == []
        restored = [file for file in into.rglob("*") if file.is_file()]
        assert len(restored) == count
        assert all(sha256(file.read_bytes()).hexdigest() == file.name for file in restored)
    assert not picture.samefile(folder / picture.relative_to(instance))


def test_a_damaged_copy_in_the_store_is_replaced_by_the_next_backup(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    copy = next(file for file in (folder / "media").rglob("*") if file.is_file())
    content = copy.read_bytes()
    copy.write_bytes(b"damaged!!")
    at(NOON + HOUR)
    hourly_backups.run(site)
    assert copy.read_bytes() == content


class UnreadableFile(io.BytesIO):
    """An open file on a disk with a bad sector."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def make_unreadable(monkeypatch: pytest.MonkeyPatch, bad: Path, *, opens: bool) -> None:
    """Let one file fail when it is opened or, if it `opens`, when it is read."""
    open_path, inode = Path.open, bad.stat().st_ino

    def opened(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        if path == bad and bad.stat().st_ino == inode and "r" in mode:
            if opens:
                return UnreadableFile()
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(bad))
        return open_path(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", opened)


unreadable = pytest.mark.parametrize("opens", [False, True], ids=["EACCES", "EIO"])


@unreadable
def test_r20_an_unreadable_file_in_the_store_is_replaced_by_the_next_backup(
    site: Flask,
    folder: Path,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
) -> None:
    hourly_backups.run(site)
    copy = next(file for file in (folder / "media").rglob("*") if file.is_file())
    make_unreadable(monkeypatch, copy, opens=opens)
    at(NOON + HOUR)
    hourly_backups.run(site)
    assert names(folder)[0] == "2026-12-01T130000Z.tar.gz"
    assert sha256(copy.read_bytes()).hexdigest() == copy.name


@unreadable
def test_r20_an_unreadable_file_in_the_store_that_the_site_lost_marks_backups_and_is_named(
    site: Flask,
    folder: Path,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
) -> None:
    file = picture_of_an_article(site, b"a picture of Puno")
    hourly_backups.run(site)
    copy = folder / file.relative_to(site.instance_path)
    file.unlink()
    make_unreadable(monkeypatch, copy, opens=opens)
    at(NOON + timedelta(days=1))
    hourly_backups.run(site)
    assert names(folder)[0] == "2026-12-02T120000Z-incomplete.tar.gz"
    first = folder / "2026-12-01T120000Z.tar.gz"
    fault = f"{first} is damaged: 1 of its files in media/ are lost or damaged"
    assert (FAULT, fault) in found(site)


@unreadable
def test_r20_an_unreadable_file_in_the_store_is_lost_to_a_restore_and_no_other_is(
    site: Flask,
    folder: Path,
    tmp_path: Path,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,
) -> None:
    file = picture_of_an_article(site, b"a picture of Puno")
    other = picture_of_an_article(site, b"a picture of Cusco")
    hourly_backups.run(site)
    copy = folder / file.relative_to(site.instance_path)
    backup = folder / names(folder)[0]
    manifest = backup_archive.read(backup)
    for lost in (file, other):
        lost.unlink()
    make_unreadable(monkeypatch, copy, opens=opens)
    (into := tmp_path / "into").mkdir()
    name = file.relative_to(site.instance_path).as_posix()
    assert MediaStore(backup.parent / MEDIA).extract(manifest.stored, into) == [name]
    assert not (into / name).exists()
    assert restore.restore_media(Path(site.instance_path), backup, {file.name, other.name}) == {
        other.name
    }


def test_a_copy_out_of_the_store_that_cannot_be_written_is_no_fault_of_the_store(
    site: Flask, folder: Path, tmp_path: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    backup = folder / names(folder)[0]
    (size, file_hash), *_others = backup_archive.read(backup).stored.values()
    with pytest.raises(OSError, match="No such file"):
        MediaStore(backup.parent / MEDIA).is_whole(size, file_hash, tmp_path / "missing" / "copy")


@pytest.mark.usefixtures("at")
def test_killed_at_any_step_a_backup_leaves_nothing_that_the_next_does_not_remove(
    site: Flask, folder: Path
) -> None:
    steps = 0
    for _step in kill_points.at_each_step(lambda: hourly_backups.run(site), folder):
        steps += 1
        for name in names(folder):
            manifest = backup_archive.read(folder / name)
            assert all(
                MediaStore(folder / MEDIA).is_whole(*one) for one in manifest.stored.values()
            )
            (folder / name).unlink()
        hourly_backups.run(site)
        assert {path.name for path in folder.iterdir()} == {
            *("media", "last-check.json", "site.txt", "2026-12-01T120000Z.tar.gz")
        }
        shutil.rmtree(folder)
    assert steps > 10


def test_a_second_process_makes_none_while_one_is_being_made(site: Flask, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    other = "Another backup is being written"
    with locks.try_exclusive(folder), pytest.raises(BackupRefused, match=other):
        hourly_backups.run(site)
    assert names(folder) == []


def test_stopping_the_server_ends_a_backup_and_leaves_nothing_half(
    site: Flask, folder: Path
) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(BackupRefused, match="server stops"):
        hourly_backups.run(site, stop)
    assert names(folder) == []
    assert list(folder.glob(".*")) == []


def test_rotation_keeps_the_last_hours_then_one_of_each_day_and_none_beyond_the_promise(
    folder: Path,
) -> None:
    made, *_older = made_before(folder, *(timedelta(hours=hours) for hours in range(24 * 14)))
    left = hourly_backups.rotate(folder, made, TimeBounds(NOON, NOON), {})
    assert left == hourly_backups.in_folder(folder)
    ages = [NOON - one.made_at for one in left]
    assert ages[:24] == [timedelta(hours=hours) for hours in range(24)]
    assert len(ages) == 24 + 8
    # The last of each day in London.
    assert {(NOON - age).hour for age in ages[25:]} == {23}
    assert max(ages) <= hourly_backups.OLDEST


def test_rotation_deletes_nothing_by_age_while_the_clock_is_not_to_be_trusted(
    folder: Path,
) -> None:
    made, *older = made_before(folder, *(timedelta(days=days) for days in (0, 7, 30, 300)))
    assert hourly_backups.rotate(folder, made, TimeBounds(), {}) == [made, *older]


def test_a_backup_of_a_time_to_come_is_neither_the_last_one_nor_left(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(NOON + timedelta(days=900))
    hourly_backups.run(site)
    at(NOON)
    assert found(site)[0][0] == ATTENTION
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(NOON, NOON))
    hourly_backups.run(site)
    hourly_backups.run(site)
    assert names(folder) == ["2026-12-01T120000Z.tar.gz"]


def test_the_last_good_copy_stays_however_old_it_is(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly_backups.run(site)
    later = NOON + timedelta(days=60)
    at(later)
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(later, later))
    (database := Path(site.instance_path, "psg.sqlite")).write_bytes(b"no database")
    with pytest.raises(BackupRefused):
        hourly_backups.run(site)
    assert names(folder) == ["2026-12-01T120000Z.tar.gz"]
    database.unlink()
    with pytest.raises(BackupRefused):
        hourly_backups.run(site)
    assert names(folder) == ["2026-12-01T120000Z.tar.gz"]


def test_a_damaged_one_is_not_kept_as_the_one_of_its_day(folder: Path) -> None:
    ages = [timedelta(minutes=minutes) for minutes in range(24)]
    yesterday = [timedelta(hours=20), timedelta(hours=30)]
    made, *_others, damaged, whole = made_before(folder, *ages, *yesterday)
    left = hourly_backups.rotate(folder, made, TimeBounds(), {damaged.file.name: "damaged"})
    assert damaged not in left
    assert whole in left


def picture_of_an_article(app: Flask, content: bytes) -> Path:
    """Store a picture that an article has."""
    file = stored_picture(Path(app.instance_path), content)
    with app.app_context():
        picture = PictureDraft(file.name, "puno.jpg", "image/jpeg", len(content), 8, 8, alt="Puno")
        factories.article(db.session(), pictures=(picture,))
        db.session.remove()
    return file


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "damaged"])
def test_r20_what_the_site_lost_is_taken_from_earlier_backups_and_stays_in_every_new_one(
    site: Flask,
    folder: Path,
    tmp_path: Path,
    at: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
    lost: bool,
) -> None:
    file = picture_of_an_article(site, b"a picture of Puno")
    hourly_backups.run(site)
    file.unlink() if lost else file.write_bytes(b"damaged")
    for days in range(1, 10):
        now = NOON + timedelta(days=days)
        at(now)
        monkeypatch.setattr(clock_watch, "time_bounds", lambda app, now=now: TimeBounds(now, now))
        hourly_backups.run(site)
    newest = folder / names(folder)[0]
    assert newest.name == "2026-12-10T120000Z.tar.gz"
    done = site.test_cli_runner().invoke(args=["restore-media", str(newest)])
    assert done.exit_code == 0, done.output
    assert file.read_bytes() == b"a picture of Puno"


def test_r20_the_last_complete_backup_stays_until_there_is_another(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly_backups.run(site)
    picture_of_an_article(site, b"a picture of Puno").unlink()
    for days in range(1, 11):
        now = NOON + timedelta(days=days)
        at(now)
        monkeypatch.setattr(clock_watch, "time_bounds", lambda app, now=now: TimeBounds(now, now))
        hourly_backups.run(site)
    assert names(folder)[0] == "2026-12-11T120000Z-incomplete.tar.gz"
    assert names(folder)[-1] == "2026-12-01T120000Z.tar.gz"
    assert len(names(folder)) == 8 + 1


def test_media_that_no_backup_names_any_more_are_deleted(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = Path(site.instance_path)
    redacted = stored_picture(instance, b"a name")
    (folder / "media/ab").mkdir(parents=True)
    (folder / "media/ab/holiday.jpg").write_bytes(b"somebody's own")
    hourly_backups.run(site)
    redacted.unlink()
    copy = folder / redacted.relative_to(instance)
    for days in range(1, 10):
        now = NOON + timedelta(days=days)
        at(now)
        monkeypatch.setattr(clock_watch, "time_bounds", lambda app, now=now: TimeBounds(now, now))
        hourly_backups.run(site)
        assert copy.exists() == (days < 8), days
    assert (folder / "media/ab/holiday.jpg").exists()


def test_a_backup_that_was_damaged_on_the_disk_is_found_within_a_day_and_named(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    first = folder / names(folder)[0]
    data = first.read_bytes()
    first.write_bytes(data[: len(data) // 2] + bytes(50) + data[len(data) // 2 + 50 :])
    gone = stored_picture(Path(site.instance_path), b"only in the second")
    at(NOON + HOUR)
    hourly_backups.run(site)
    gone.unlink()
    (folder / gone.relative_to(site.instance_path)).unlink()
    at(NOON + timedelta(days=1))
    hourly_backups.run(site)
    (state, _text), *faults = found(site)
    assert state == OK
    assert [state for state, _text in faults] == [FAULT, FAULT]
    texts = " ".join(text for _state, text in faults)
    assert f"{first} is damaged: The backup is damaged or was cut off" in texts
    assert "1 of its files in media/ are lost or damaged" in texts


def test_what_lacks_a_file_keeps_no_media_of_deleted_backups(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    lost, needed = list(Path(site.instance_path, "media").glob("??/*"))[:2]
    (folder / lost.relative_to(site.instance_path)).unlink()
    other = folder / "media/ab" / f"ab{'0' * 62}"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"of a backup that is gone")
    checked = hourly_backups.check(folder, NOON)
    assert checked is not None
    assert checked.damaged
    assert not other.exists()
    assert (folder / needed.relative_to(site.instance_path)).exists()


def test_a_folder_and_backups_that_others_can_read_are_a_fault(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    (folder / names(folder)[0]).chmod(0o644)
    assert [state for state, _text in found(site)] == [OK]  # the folder keeps others out
    folder.chmod(0o755)
    assert [state for state, _text in found(site)] == [OK, FAULT]
    (folder / names(folder)[0]).chmod(0o600)
    assert [state for state, _text in found(site)] == [OK]


def test_an_incomplete_backup_never_has_the_name_of_a_complete_one(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture_of_an_article(site, b"a picture of Puno").unlink()
    rename, given = Path.rename, []

    def noted(path: Path, target: Path) -> Path:
        given.append(target.name)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", noted)
    hourly_backups.run(site)
    assert given == ["2026-12-01T120000Z-incomplete.tar.gz"] == names(folder)


def test_a_failure_that_is_raised_again_has_no_longer_traceback_each_time(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    Path(site.instance_path, "psg.sqlite").write_bytes(b"no database")
    lengths = []
    for _round in range(4):
        with pytest.raises(BackupRefused) as raised:
            hourly_backups.run(site)
        lengths.append(len(raised.traceback))
    assert lengths[1] == lengths[3]


def test_doctor_and_readyz_say_since_when_no_backup_was_made(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    hourly_backups.run(site)
    at(NOON + 2 * HOUR)
    assert found(site)[0][0] == OK
    at(NOON + 3 * HOUR)
    assert found(site) == [(FAULT, f"None made since 2026-12-01 12:00 GMT, in {folder}")]


Usage = namedtuple("Usage", "total used free")


@pytest.mark.usefixtures("at")
def test_r4_without_room_nothing_is_begun_nothing_deleted_and_the_worker_says_so(
    site: Flask,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = made_before(folder, *(timedelta(days=days) for days in (1, 2, 300)))
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 2 * 10**8))
    running = Worker(site)
    running.run_once()
    monkeypatch.setattr(shutil, "disk_usage", usage)
    (failing,) = [one for one in running.runners if one.task.name == "backups"]
    failure = failing.failure()
    assert failure is not None
    assert f"There is no room for a backup in {folder}: it takes" in failure.error
    assert hourly_backups.in_folder(folder) == before
    told = [record for record in caplog.records if "'backups' failed" in record.message]
    assert len(told) == 1
    assert told[0].exc_info is None  # one line


@pytest.mark.usefixtures("at")
def test_a_folder_that_cannot_be_made_is_told_in_a_line_and_tried_again_in_the_next_round(
    site: Flask, folder: Path
) -> None:
    folder.touch()
    with pytest.raises(BackupRefused, match=f"No backup can be made in {folder}: "):
        hourly_backups.run(site)
    folder.unlink()
    hourly_backups.run(site)
    assert len(names(folder)) == 1


def test_r4_a_disk_that_fills_up_meanwhile_leaves_nothing_half(
    site: Flask, folder: Path, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly_backups.run(site)
    stored_picture(Path(site.instance_path), b"new")
    at(NOON + HOUR)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(BackupRefused, match="No space left"):
            hourly_backups.run(site)
        at(NOON + HOUR + timedelta(minutes=1))
        with pytest.raises(BackupRefused, match="No space left"):  # the same: not tried yet
            hourly_backups.run(site)
    assert names(folder) == ["2026-12-01T120000Z.tar.gz"]
    assert list(folder.glob(".*")) == []
    at(NOON + HOUR + timedelta(minutes=10))
    hourly_backups.run(site)
    assert len(names(folder)) == 2


@pytest.mark.usefixtures("at")
def test_a_folder_that_is_named_has_to_be_there_since_its_disk_may_not_be_mounted(
    make_app: Callable[..., Flask], site: Flask, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    app = make_app(BACKUP_FOLDER=str(disk))
    with pytest.raises(BackupRefused, match="is its disk mounted"):
        hourly_backups.run(app)
    assert not disk.exists()
    disk.mkdir(mode=0o700)
    app = make_app(BACKUP_FOLDER=str(disk))
    hourly_backups.run(app)
    assert names(disk)
    assert not Path(f"{site.instance_path}-backups").exists()


def test_a_folder_with_the_backups_of_another_site_is_refused_and_doctor_says_what_to_do(
    make_app: Callable[..., Flask],
    site: Flask,
    tmp_path: Path,
    at: Callable[[datetime], None],
) -> None:
    (disk := tmp_path / "disk").mkdir(mode=0o700)
    app = make_app(BACKUP_FOLDER=str(disk))
    hourly_backups.run(app)
    assert (disk / "site.txt").read_text() == f"{app.instance_path}\n"
    (disk / "site.txt").write_text("/srv/other\n")
    refused = f"{disk} has the backups of the site in /srv/other, and this one is in"
    with pytest.raises(BackupRefused, match=refused):
        hourly_backups.run(app)  # although one was just made
    ((state, text),) = found(app)
    assert state == FAULT
    assert text.startswith(refused)
    assert text.endswith(f"is no more, delete {disk}/site.txt")
    (disk / "site.txt").unlink()
    at(NOON + HOUR)
    hourly_backups.run(app)
    assert len(names(disk)) == 2
    assert found(app)[0][0] == OK


def test_the_folder_beside_an_instance_is_its_own_wherever_both_were_moved_from(
    site: Flask, folder: Path, at: Callable[[datetime], None]
) -> None:
    folder.mkdir(mode=0o700)
    (folder / "site.txt").write_text("/srv/moved\n")
    hourly_backups.run(site)
    assert (folder / "site.txt").read_text() == f"{site.instance_path}\n"


def test_off_is_off_and_doctor_says_so(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(BACKUP_FOLDER="off")
    hourly_backups.run(app)
    assert found(app) == [(ATTENTION, "Off: the site makes none by itself")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instance"]


@pytest.mark.parametrize("value", ["backups", "~", "", "/", None])
def test_a_folder_is_a_path_from_the_root_outside_of_the_instance(
    make_app: Callable[..., Flask], instance: Path, value: str | None
) -> None:
    if value in {"", "~", "/"}:
        make_app(BACKUP_FOLDER=value)
        return
    with pytest.raises(config.ConfigurationRefused, match="BACKUP_FOLDER must be a path"):
        make_app(BACKUP_FOLDER=value or str(instance / "media"))


def test_a_database_elsewhere_is_left_to_its_own_tool(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite")
    hourly_backups.run(app)
    assert found(app) == []
    assert not (tmp_path / "instance-backups").exists()


def test_a_backup_by_hand_stays_one_file_with_its_media(site: Flask, tmp_path: Path) -> None:
    instance = Path(site.instance_path)
    backups.create(instance, tmp_path / "x.tar", dict(site.config), now=NOON)
    manifest = backup_archive.read(tmp_path / "x.tar")
    assert manifest.stored == {}
    assert sum(name.startswith("media/") for name in manifest.files) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instance", "x.tar"]


@pytest.mark.usefixtures("at")
def test_what_is_written_while_a_backup_is_made_is_in_it_whole_or_not_at_all(
    site: Flask, folder: Path, tmp_path: Path
) -> None:
    database = Path(site.instance_path, "psg.sqlite")
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("INSERT INTO alembic_version VALUES ('half')")
        hourly_backups.run(site)
        writer.rollback()
    (tmp_path / "into").mkdir()
    backup_archive.read(folder / names(folder)[0], tmp_path / "into")
    assert backups.inspect_database(tmp_path / "into/psg.sqlite")[1]["alembic_version"] == 1


def test_the_result_of_a_check_that_cannot_be_read_is_none(folder: Path) -> None:
    folder.mkdir()
    for content in ("", "[]", '{"at": 1}', '{"at": "now"}', json.dumps({"at": None})):
        (folder / "last-check.json").write_text(content)
        assert hourly_backups.last_check(folder) is None


def test_backups_are_a_task_of_the_worker() -> None:
    assert hourly_backups.run in [task.run for task in worker.TASKS]
