"""A restore is whole or nothing whenever it is killed, and sets nothing that is each site's own."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core import config, paths
from psgflask.core.paths import DATABASE
from psgflask.members.erasure import ErasedEntry
from psgflask.news.media.storage import INCOMING, StagedFiles, path_of, store_attachment
from psgflask.news.models import Article
from psgflask.news.redaction import Redaction
from psgflask.ops import backups, hourly_backups, installation, restore
from psgflask.ops.backup_archive import BackupRefused
from psgflask.ops.restore import Restored
from tests import factories, kill_points, tars
from tests.factories import NOW
from tests.news.media.files import HARM, block, flip, lose


def prepare(
    database: Path,
    settings: Mapping[str, Any],
    entries: Collection[ErasedEntry],
    redactions: Collection[Redaction],
) -> None:
    """Stand for migrating and holding back mails: what both do is one write to the database."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("INSERT INTO redirects (old, new) VALUES ('/prepared', '/')")


def restored(instance: Path, backup: Path) -> Restored:
    return restore.restore(instance, backup, is_known=lambda revision: True, prepare=prepare)


@pytest.fixture
def database(tmp_path: Path, schema: Path) -> Path:
    copy = tmp_path / "a.sqlite"
    shutil.copyfile(schema, copy)
    tars.revision(copy)
    return copy


def made(tmp_path: Path, database: Path, settings: object = None, **changed: Any) -> Path:
    """Write a backup of a database."""
    revision, rows = "0001", dict[str, int]()
    if "rows" not in changed:
        revision, rows = backups.inspect_database(database)
    held = tars.files(settings, database.read_bytes(), picture=b"a picture", other=b"another")
    changed = {"revision": revision, "rows": rows, **changed}
    (tmp_path / "backup.tar").write_bytes(tars.backup(held, **changed))
    return tmp_path / "backup.tar"


def is_whole(instance: Path) -> bool:
    """Say whether everything is in place and prepared."""
    with closing(sqlite3.connect(instance / DATABASE)) as opened:
        prepared = opened.execute("SELECT count(*) FROM redirects").fetchone() == (1,)
    values: dict[str, object] = {}
    exec((instance / "config.py").read_text(), values)  # noqa: S102  # as Flask does with this file
    media = [(instance / "media/ab" / name).read_bytes() for name in ("picture", "other")]
    return prepared and bool(values["SECRET_KEY"]) and media == [b"a picture", b"another"]


def test_killed_at_any_step_a_restore_is_whole_or_can_be_begun_again(
    tmp_path: Path, database: Path
) -> None:
    backup = made(tmp_path, database, {"CONTACT_POST": "London"})
    target = tmp_path / "target"
    ends: dict[str, int] = {"whole": 0, "half": 0, "empty": 0}
    for _step in kill_points.at_each_step(lambda: restored(target, backup), target):
        if (target / DATABASE).exists():
            ends["whole"] += 1
            restore.check_not_interrupted(target)  # removes the rest
            assert is_whole(target)
        elif paths.is_half_restored(target):
            ends["half"] += 1
            with pytest.raises(paths.HalfRestored, match="run `flask restore FILE` again"):
                restore.check_not_interrupted(target)
            with pytest.raises(paths.HalfRestored):
                config.load(Flask("test"), target, {"SECRET_KEY": "x"})
            restored(target, backup)
            assert is_whole(target)
        else:
            ends["empty"] += 1
            assert not (target / "config.py").exists()
            assert not (target / "media").exists()
            restore.check_not_interrupted(target)
            assert not target.exists() or list(target.iterdir()) == []
        assert not list(target.glob(".*"))
        shutil.rmtree(target, ignore_errors=True)
    assert is_whole(target)
    assert min(ends.values()) > 2, ends


def test_killed_at_any_step_of_clearing_up_a_restore_can_be_begun_again(
    tmp_path: Path, database: Path
) -> None:
    backup, target = made(tmp_path, database), tmp_path / "target"

    def half_done() -> None:
        shutil.rmtree(target, ignore_errors=True)
        restored(target, backup)
        (target / paths.HALF_RESTORED).mkdir()
        (target / DATABASE).rename(target / paths.HALF_RESTORED / DATABASE)

    half_done()
    steps = 0
    for _step in kill_points.at_each_step(lambda: restored(target, backup), target):
        steps += 1
        if not (target / DATABASE).exists():
            restored(target, backup)
        restore.check_not_interrupted(target)
        assert is_whole(target)
        half_done()
    assert steps > 2


def test_two_restores_at_once_are_one(tmp_path: Path, database: Path) -> None:
    backup, target = made(tmp_path, database), tmp_path / "target"
    target.mkdir()
    other = os.open(target, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    (target / ".restoring-other").mkdir()
    try:
        for begun in (
            lambda: restored(target, backup),
            lambda: restore.check_not_interrupted(target),
        ):
            with pytest.raises(BackupRefused, match="under way"):
                begun()
    finally:
        os.close(other)
    assert [x.name for x in target.iterdir()] == [".restoring-other"]
    restored(target, backup)
    assert is_whole(target)


def test_what_a_command_left_on_half_a_restore_stands_in_no_way(
    tmp_path: Path, database: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with closing(sqlite3.connect(target / DATABASE)) as opened:
        opened.execute("PRAGMA user_version=1")  # a file with a page and no table
    restored(target, made(tmp_path, database))
    assert is_whole(target)


def test_an_index_of_another_database_does_not_stay(tmp_path: Path, database: Path) -> None:
    target = tmp_path / "target"
    (target / "index").mkdir(parents=True)
    (target / "index" / "CURRENT").write_text("1")
    restored(target, made(tmp_path, database))
    assert not (target / "index").exists()


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "SMTP_PASSWORD", "TRUSTED_PROXIES"])
def test_an_archive_sets_no_secret_no_database_and_no_proxies(
    tmp_path: Path, database: Path, name: str
) -> None:
    backup = made(tmp_path, database, {name: 3, "CONTACT_POST": "London", "PATH": "/", "run": "x"})
    restored(tmp_path / "target", backup)
    written = (tmp_path / "target" / "config.py").read_text()
    values: dict[str, object] = {}
    exec(written, values)  # noqa: S102  # as Flask does with this file
    in_force = {key for key in values if key.isupper()}
    assert in_force == {"SECRET_KEY", "CONTACT_POST"}
    assert values["SECRET_KEY"] != 3
    assert "3" not in [line.partition(" = ")[2] for line in written.splitlines()]


def test_what_sends_mail_is_offered_and_not_in_force(tmp_path: Path, database: Path) -> None:
    settings = {"SMTP_HOST": "mail.example.org\nimport os", "SMTP_PORT": 465, "SMTP_USER": "web"}
    restored(tmp_path / "target", made(tmp_path, database, settings))
    written = (tmp_path / "target" / "config.py").read_text()
    assert "\n# SMTP_HOST = 'mail.example.org\\nimport os'\n" in written
    assert "\n# SMTP_PORT = 465\n" in written
    values: dict[str, object] = {}
    exec(written, values)  # noqa: S102  # as Flask does with this file
    assert not {name for name in values if name.startswith("SMTP")}


def test_every_setting_is_one_that_a_restore_takes_or_is_named_here() -> None:
    not_taken = {setting.name for setting in config.SETTINGS if setting.mail or not setting.backup}
    assert not_taken == {
        *("SECRET_KEY", "DATABASE_URL", "TRUSTED_PROXIES", "SMTP_PASSWORD"),
        "BACKUP_FOLDER",
        *("SMTP_HOST", "SMTP_PORT", "SMTP_SECURITY", "SMTP_USER"),
    }


@pytest.mark.parametrize("settings", ["[]", "5", '"x"', "null", "[" * 40_000, "{", "\xff", ""])
def test_settings_that_cannot_be_read_change_nothing(
    tmp_path: Path, database: Path, settings: str
) -> None:
    revision, rows = backups.inspect_database(database)
    held = {**tars.files(None, database.read_bytes()), "config.json": settings.encode("latin-1")}
    (tmp_path / "backup.tar").write_bytes(tars.backup(held, revision=revision, rows=rows))
    with pytest.raises(BackupRefused, match="settings in the backup cannot be read"):
        restored(tmp_path / "target", tmp_path / "backup.tar")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON redirects BEGIN DELETE FROM redirects; END",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_a_database_with_a_program_in_it_is_refused(
    tmp_path: Path, database: Path, statement: str
) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(statement)
    with pytest.raises(BackupRefused, match="triggers or views"):
        restored(tmp_path / "target", made(tmp_path, database, rows={}))


def test_a_table_of_an_odd_name_is_counted_and_no_statement(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute('CREATE TABLE "x"" UNION SELECT 7 --" (a)')
    assert backups.inspect_database(database)[1]['x" UNION SELECT 7 --'] == 0


def test_what_sqlite_says_of_a_damaged_database_is_one_line(tmp_path: Path, database: Path) -> None:
    pages = bytearray(database.read_bytes())
    pages[4096 * 2 : 4096 * 6] = bytes(4096 * 4)
    database.write_bytes(pages)
    with pytest.raises(BackupRefused) as refused:
        restored(tmp_path / "target", made(tmp_path, database, rows={}))
    assert "\n" not in refused.value.message


def test_an_error_while_a_database_is_prepared_changes_nothing(
    tmp_path: Path, database: Path
) -> None:
    def refuse(*_given: object) -> None:
        raise BackupRefused("No")

    with pytest.raises(BackupRefused):
        restore.restore(
            tmp_path / "target",
            made(tmp_path, database),
            is_known=lambda revision: True,
            prepare=refuse,
        )
    assert not (tmp_path / "target").exists()


def test_a_config_written_by_init_offers_nothing(tmp_path: Path) -> None:
    installation.write_config(tmp_path)
    assert "As the backup has it" not in (tmp_path / "config.py").read_text()


@pytest.fixture
def stored(instance: Path, session: Session, tmp_path: Path) -> list[Path]:
    """The files of two articles, stored; there is a backup of them, good.tar."""
    files = []
    tars.revision(instance / DATABASE)
    for number in range(2):
        (tmp_path / "note.txt").write_text(f"Note {number}")
        with StagedFiles(instance / "media") as staged:
            note = store_attachment(tmp_path / "note.txt", staged, title="A note", language="en")
            staged.move()
        factories.article(session, slug=f"with-note-{number}", attachments=(note,))
        files.append(path_of(instance / "media", note.file_hash))
    backups.create(instance, tmp_path / "good.tar.gz", dict(config.DEFAULTS), now=NOW)
    return files


def put_back(app: Flask, backup: Path) -> Result:
    return app.test_cli_runner().invoke(args=["restore-media", str(backup)])


@pytest.mark.parametrize("harm", [harm for harm in HARM if harm is not block])
def test_r20_lost_and_damaged_files_come_back_from_a_backup_and_nothing_else_changes(
    app: Flask,
    session: Session,
    stored: list[Path],
    tmp_path: Path,
    harm: Callable[[Path], None],
) -> None:
    before = [file.read_bytes() for file in stored]
    factories.article(session, "Written since")
    for file in stored:
        harm(file)
    done = put_back(app, tmp_path / "good.tar.gz")
    assert done.exit_code == 0, done.output
    assert "Put back 2 of 2 files" in done.output
    assert [file.read_bytes() for file in stored] == before
    assert all(file.stat().st_mode & 0o077 == 0 for file in stored)
    assert list((Path(app.instance_path) / "media" / INCOMING).iterdir()) == []
    assert session.scalar(select(func.count(Article.id))) == 3
    session.rollback()
    assert put_back(app, tmp_path / "good.tar.gz").output == "Every file of an article is whole\n"


def test_what_a_backup_has_damaged_too_is_named_and_left_as_it_is(
    app: Flask, session: Session, stored: list[Path], tmp_path: Path
) -> None:
    flip(stored[0])
    lose(stored[1])
    damaged = stored[0].read_bytes()
    session.rollback()
    backups.create(Path(app.instance_path), tmp_path / "bad.tar", dict(config.DEFAULTS), now=NOW)
    done = put_back(app, tmp_path / "bad.tar")
    assert done.exit_code == 1
    assert "Put back 0 of 2 files" in done.output
    for number in range(2):
        assert f"note.txt of with-note-{number} is " in done.output
    assert stored[0].read_bytes() == damaged
    assert not stored[1].exists()


def test_r20_without_a_name_the_hourly_backups_are_tried_the_newest_first(
    app: Flask, session: Session, stored: list[Path], tmp_path: Path
) -> None:
    session.rollback()
    contents = [file.read_bytes() for file in stored]
    run = app.test_cli_runner().invoke
    lose(stored[0])
    done = run(args=["restore-media"])
    assert done.exit_code == 1
    assert (
        "In no backup that was read, or damaged there too: note.txt of with-note-0" in done.output
    )
    stored[0].write_bytes(contents[0])
    hourly_backups.run(app)
    folder = Path(f"{app.instance_path}-backups")
    (folder / "2099-01-01T000000Z.tar.gz").write_bytes(b"no archive")
    flip(stored[0])
    lose(stored[1])
    done = run(args=["restore-media"])
    assert done.exit_code == 0, done.output
    assert "2099-01-01T000000Z.tar.gz: It is no backup" in done.output
    assert "Put back 2 of 2 files" in done.output
    assert [file.read_bytes() for file in stored] == contents


def test_a_redacted_file_does_not_come_back_with_the_others(
    app: Flask, session: Session, stored: list[Path], tmp_path: Path
) -> None:
    session.rollback()
    words = ["news", "redact", "with-note-0", "--file", "note.txt", "--yes", "--by", "ann"]
    assert app.test_cli_runner().invoke(args=words).exit_code == 0
    lose(stored[1])
    assert "Put back 1 of 1 files" in put_back(app, tmp_path / "good.tar.gz").output
    assert [file.exists() for file in stored] == [False, True]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_from_what_is_no_backup_nothing_is_put_back(
    app: Flask, session: Session, stored: list[Path], tmp_path: Path, content: bytes | None
) -> None:
    session.rollback()
    lose(stored[0])
    whole = (tmp_path / "good.tar.gz").read_bytes()
    (tmp_path / "x.tar").write_bytes(whole[: len(whole) // 2] if content is None else content)
    done = put_back(app, tmp_path / "x.tar")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert not stored[0].exists()
    assert "Cannot read" in put_back(app, tmp_path / "missing.tar").output


def test_an_incomplete_backup_is_restored_and_says_so(
    app: Flask, session: Session, stored: list[Path], tmp_path: Path
) -> None:
    lose(stored[0])
    session.rollback()
    instance, target = Path(app.instance_path), tmp_path / "restored"
    backups.create(instance, tmp_path / "bad.tar", dict(config.DEFAULTS), now=NOW)
    manifest = restored(target, tmp_path / "bad.tar").manifest
    assert not manifest.is_complete
    (line,) = manifest.missing
    assert line.startswith("note.txt of with-note-0 is lost: media/")
    assert (target / stored[1].relative_to(instance)).read_text() == "Note 1"
