"""`flask init`, backup and restore: nothing lost, nothing overwritten, nothing half done."""

import io
import json
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup, ScriptInfo
from sqlalchemy.exc import OperationalError

from psgflask import create_app
from psgflask.core.config import SETTINGS
from psgflask.core.database import db
from psgflask.core.paths import HalfRestored
from psgflask.news.media.storage import StagedFiles
from psgflask.ops import backups, installation, migrations, restore
from psgflask.pages.models import Page
from tests import factories, full_disk

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on an instance folder, as the `flask` command does."""
    apps: list[Flask] = []

    def make() -> Flask:
        apps.append(create_app())
        return apps[-1]

    def run(instance: Path, *arguments: str) -> Result:
        monkeypatch.setenv("PSG_INSTANCE", str(instance))
        group = FlaskGroup(create_app=make)
        done = CliRunner().invoke(group, list(arguments), obj=ScriptInfo(create_app=make))
        for app in apps:  # as the end of a process closes the database
            with app.app_context():
                db.engine.dispose()
        return done

    return run


@pytest.fixture
def site(tmp_path: Path, run: Run) -> Iterator[Path]:
    """An installation with an article, a file and a setting of its own."""
    instance = tmp_path / "site"
    assert run(instance, "init").exit_code == 0
    with (instance / "config.py").open("a") as file:
        file.write('\nCONTACT_POST = "1 Example Street, London"\nPAGE_CACHE_MB = 8\n')
    app = create_app()
    with app.app_context():
        factories.article(db.session(), "Kept through thick and thin", slug="kept")
        db.session.remove()
        db.engine.dispose()
    media = instance / "media" / "ab"
    media.mkdir(parents=True)
    (media / "abcdef").write_bytes(b"a picture")
    (media / ".half-written").write_bytes(b"not yet")
    with StagedFiles(instance / "media") as staged:  # a volunteer adds a picture at this moment
        staged.add(b"on its way")
        yield instance


@pytest.fixture
def backup(site: Path, tmp_path: Path, run: Run) -> Path:
    file = tmp_path / "backup.tar"
    done = run(site, "backup", str(file))
    assert done.exit_code == 0, done.output
    return file


def everything_in(folder: Path) -> dict[str, str]:
    """Return the hash of every file, to see that nothing was touched."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file): sha256(file.read_bytes()).hexdigest() for file in files}


def test_init_makes_an_installation_of_nothing(tmp_path: Path, run: Run) -> None:
    instance = tmp_path / "not" / "there" / "yet"
    done = run(instance, "init")
    assert done.exit_code == 0, done.output
    there = {x.name for x in instance.iterdir()}
    assert {"config.py", "psg.sqlite", "media", "index", "checkpoint.lock", "worker.lock"} <= there
    for said in ("Wrote", "Made the tables", "standing pages", "glossary", "Built the index"):
        assert said in done.output
    app = create_app()
    with app.app_context():
        assert migrations.current_revision() == migrations.head_revision()
        slugs = set(db.session.scalars(db.select(Page.slug)))
        db.engine.dispose()
    assert {"why-join", "privacy", "accessibility", "contact", "search-help"} <= slugs


def test_the_secret_is_fresh_long_and_its_owners_alone(tmp_path: Path, run: Run) -> None:
    secrets = set()
    for name in ("one", "two"):
        run(tmp_path / name, "init")
        file = tmp_path / name / "config.py"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        values: dict[str, str] = {}
        exec(file.read_text(), values)  # noqa: S102  # as Flask does with this file
        assert len(values["SECRET_KEY"]) >= 64
        secrets.add(values["SECRET_KEY"])
    assert len(secrets) == 2


def test_a_fresh_config_explains_every_setting_and_changes_none(tmp_path: Path, run: Run) -> None:
    run(tmp_path / "x", "init")
    text = (tmp_path / "x" / "config.py").read_text()
    for setting in SETTINGS:
        assert setting.meaning in text
        assert f"{setting.name} = " in text
    in_force = [line for line in text.splitlines() if " = " in line and line[0] != "#"]
    assert [line.split(" = ")[0] for line in in_force if line[:1].isupper()] == ["SECRET_KEY"]


def test_init_again_changes_nothing(site: Path, run: Run) -> None:
    with sqlite3.connect(site / "psg.sqlite") as database:
        database.execute("PRAGMA foreign_keys=ON")
        database.execute("UPDATE pages SET title = 'Edited by us' WHERE slug = 'contact'")
        database.execute("DELETE FROM pages WHERE slug = 'privacy' AND language = 'es'")
    database.close()
    config = (site / "config.py").read_bytes()
    done = run(site, "init")
    assert "Added 1 standing pages" in done.output
    assert (site / "config.py").read_bytes() == config
    with sqlite3.connect(site / "psg.sqlite") as database:
        (count,) = database.execute(
            "SELECT count(*) FROM pages WHERE title = 'Edited by us'"
        ).fetchone()
    database.close()
    assert count == 2
    before = everything_in(site)
    done = run(site, "init")
    assert "Everything was there already" in done.output
    assert everything_in(site) == before


def test_all_that_an_installation_writes_is_its_owners_alone(
    site: Path, backup: Path, tmp_path: Path, run: Run
) -> None:
    assert run(tmp_path / "restored", "restore", str(backup)).exit_code == 0
    for folder in (site, tmp_path / "restored"):
        paths = [folder, *(folder / name for name in ("psg.sqlite", "config.py", "media", "index"))]
        paths += (folder / "index").rglob("*")
        assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_init_closes_what_an_older_version_left_open(site: Path, run: Run) -> None:
    site.chmod(0o755)
    (site / "psg.sqlite").chmod(0o644)
    done = run(site, "init")
    assert f"Closed {site / 'psg.sqlite'} to others" in done.output
    assert site.stat().st_mode & 0o777 == 0o700
    assert (site / "psg.sqlite").stat().st_mode & 0o777 == 0o600
    assert "Everything was there already" in run(site, "init").output


def test_a_mistake_in_the_configuration_is_reported_without_a_traceback(
    site: Path, run: Run
) -> None:
    (site / "config.py").write_text("SECRET_KEY = (")
    done = run(site, "doctor")
    assert done.exit_code == 1
    assert "line 1" in done.output
    assert "Traceback" not in done.output


def test_r10_a_backup_restored_elsewhere_is_the_same_site(
    site: Path, backup: Path, tmp_path: Path, run: Run
) -> None:
    elsewhere = tmp_path / "elsewhere"
    done = run(elsewhere, "restore", str(backup))
    assert done.exit_code == 0, done.output
    here = backups.inspect_database(site / "psg.sqlite")
    assert backups.inspect_database(elsewhere / "psg.sqlite") == here
    assert (elsewhere / "media/ab/abcdef").read_bytes() == b"a picture"
    assert not list(elsewhere.rglob(".*"))
    app = create_app()
    client = app.test_client()
    assert "Kept through thick and thin" in client.get("/news/kept").text
    assert "1 result for" in client.get("/search/?q=thick").text
    assert "1 Example Street" in client.get("/about/contact").text
    assert app.config["PAGE_CACHE_MB"] == 8
    with app.app_context():
        db.engine.dispose()
    assert run(elsewhere, "search", "check").exit_code == 0


def test_a_backup_holds_no_secret(site: Path, backup: Path, tmp_path: Path, run: Run) -> None:
    values: dict[str, str] = {}
    exec((site / "config.py").read_text(), values)  # noqa: S102  # as Flask does with this file
    assert values["SECRET_KEY"].encode() not in backup.read_bytes()
    run(tmp_path / "new", "restore", str(backup))
    restored: dict[str, str] = {}
    exec((tmp_path / "new/config.py").read_text(), restored)  # noqa: S102  # as Flask does
    assert restored["SECRET_KEY"] != values["SECRET_KEY"]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new/config.py").stat().st_mode) == 0o600


def test_s22_a_backup_holds_no_password_of_the_mail_server(
    site: Path, tmp_path: Path, run: Run
) -> None:
    with (site / "config.py").open("a") as file:
        file.write('SMTP_USER = "website"\nSMTP_PASSWORD = "only-between-us"\n')
    assert run(site, "backup", str(tmp_path / "b.tar")).exit_code == 0
    whole = (tmp_path / "b.tar").read_bytes()
    assert b"only-between-us" not in whole
    assert b"SMTP_USER" in whole


def test_mails_of_a_restored_backup_wait_for_somebody_to_say_that_they_were_not_sent(
    site: Path, tmp_path: Path, run: Run
) -> None:
    assert run(site, "mail", "test", "ana@example.org").exit_code == 0
    assert run(site, "backup", str(tmp_path / "b.tar")).exit_code == 0
    done = run(tmp_path / "new", "restore", str(tmp_path / "b.tar"))
    assert done.exit_code == 0
    assert "1 mails waited" in done.output
    (mail,) = json.loads(run(tmp_path / "new", "mail", "list", "--json").output)
    assert (mail["state"], mail["error"][:22]) == ("dead", "Restored from a backup")
    assert run(tmp_path / "new", "mail", "retry", "--all").output.startswith("1 ")


def test_no_mail_of_a_restored_site_goes_out_by_itself(
    site: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (site / "config.py").open("a") as file:
        file.write('SMTP_HOST = "mail.example.org"\nMAIL_FROM = "web@example.org"\n')
    assert run(site, "mail", "test", "ana@example.org").exit_code == 0
    assert run(site, "backup", str(tmp_path / "b.tar")).exit_code == 0
    seen: list[tuple[bool, str]] = []
    put = restore._move_into_place

    def look(folder: Path, instance: Path) -> None:
        with sqlite3.connect(folder / "psg.sqlite") as database:
            seen.extend((True, state) for (state,) in database.execute("SELECT state FROM outbox"))
        database.close()
        put(folder, instance)

    monkeypatch.setattr(restore, "_move_into_place", look)
    assert run(tmp_path / "new", "restore", str(tmp_path / "b.tar")).exit_code == 0
    assert seen == [(True, "dead")]  # before the site could send it, if it ran already
    app = create_app()
    assert app.config["SMTP_HOST"] == ""
    assert "# SMTP_HOST = 'mail.example.org'" in (tmp_path / "new/config.py").read_text()


def with_settings(backup: Path, **settings: object) -> Path:
    content = json.dumps(settings).encode()

    def agreeing(manifest: bytes) -> bytes:
        plain = json.loads(manifest)
        plain["files"]["config.json"] = [len(content), sha256(content).hexdigest()]
        return json.dumps(plain).encode()

    first = rewritten(backup, "config.json", lambda _c: content).rename(backup.with_name("1.tar"))
    return rewritten(first, "manifest.json", agreeing)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"BASE_URL": "ftp://example.org"}, "BASE_URL must be an address"),
        ({"WORKER": 1}, "WORKER must be True or False"),
        ({"PAGE_CACHE_MB": True}, "PAGE_CACHE_MB must be a whole number"),
        ({"PAGE_CACHE_MB": 10**12}, "PAGE_CACHE_MB must be between"),
        ({"CONTACT_POST": ["a", "b"]}, "CONTACT_POST must be a text"),
        ({"CONTACT_POST": {"a": 1}}, "CONTACT_POST must be a text"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY must be starttls"),
        ({"SMTP_PORT": 0}, "SMTP_PORT must be a port"),
        ({"MAIL_FROM": "a@e.org\r\nBcc: b@e.org"}, "MAIL_FROM must be"),
        ({"SMTP_HOST": "mail.example.org"}, "MAIL_FROM is missing"),
    ],
)
def test_settings_that_would_stop_the_start_are_refused_before_anything_is_changed(
    backup: Path, tmp_path: Path, run: Run, settings: dict[str, object], told: str
) -> None:
    done = run(tmp_path / "target", "restore", str(with_settings(backup, **settings)))
    assert done.exit_code == 1
    assert f"In the settings of the backup, {told}" in done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0001'",  # the tables are there already
        "DROP TABLE outbox",
        "ALTER TABLE outbox DROP COLUMN error",
        "CREATE TABLE extra (a)",
    ],
)
def test_a_database_that_is_not_made_as_this_site_s_are_is_refused(
    site: Path, tmp_path: Path, run: Run, statement: str
) -> None:
    with sqlite3.connect(site / "psg.sqlite") as database:
        database.execute(statement)
    database.close()
    assert run(site, "backup", str(tmp_path / "b.tar")).exit_code == 0
    done = run(tmp_path / "target", "restore", str(tmp_path / "b.tar"))
    assert done.exit_code == 1
    assert "The database in the backup" in done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "target").exists()


def test_nothing_is_made_or_served_of_half_a_restore(
    backup: Path, tmp_path: Path, run: Run
) -> None:
    target = tmp_path / "target"
    assert run(target, "restore", str(backup)).exit_code == 0
    (target / ".half-restored").mkdir()
    (target / "psg.sqlite").rename(target / ".half-restored/psg.sqlite")
    for command in (["init"], ["serve"], ["serve", "--prepare"]):
        done = run(target, *command)
        assert done.exit_code == 1
        assert "A restore was cut short: run `flask restore FILE` again" in done.output
    with pytest.raises(HalfRestored):
        create_app()
    run(target, "news", "list")  # whatever it says, it stands in no way
    assert run(target, "restore", str(backup)).exit_code == 0
    assert run(target, "init").exit_code == 0


def test_a_backup_names_each_file_with_its_hash(backup: Path) -> None:
    with tarfile.open(backup) as archive:
        held = {m.name: archive.extractfile(m) for m in archive}
        files = {name: file.read() for name, file in held.items() if file}
    manifest = json.loads(files.pop("manifest.json"))
    assert set(manifest["files"]) == set(files)
    assert {name for name in files if name.startswith("media/")} == {"media/ab/abcdef"}
    for name, (size, digest) in manifest["files"].items():
        assert (len(files[name]), sha256(files[name]).hexdigest()) == (size, digest)
    assert manifest["rows"]["articles"] == 1


def test_a_backup_can_be_made_while_somebody_writes(site: Path, tmp_path: Path, run: Run) -> None:
    writer = sqlite3.connect(site / "psg.sqlite")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE articles SET title = 'Half done'")
    done = run(site, "backup", str(tmp_path / "meanwhile.tar"))
    writer.rollback()
    writer.close()
    assert done.exit_code == 0, done.output
    run(tmp_path / "new", "restore", str(tmp_path / "meanwhile.tar"))
    with sqlite3.connect(tmp_path / "new/psg.sqlite") as database:
        assert database.execute("SELECT title FROM articles").fetchall() == [
            ("Kept through thick and thin",)
        ]
    database.close()


def test_r8_a_backup_of_a_database_that_is_taken_says_so_and_leaves_nothing(
    site: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "MAX_WAIT", 0)
    folder = tmp_path / "backups"
    folder.mkdir()
    taken = sqlite3.connect(site / "psg.sqlite", isolation_level=None)
    taken.execute("PRAGMA locking_mode=EXCLUSIVE")
    taken.execute("BEGIN EXCLUSIVE")
    done = run(site, "backup", str(folder / "x.tar"))
    taken.close()
    assert done.exit_code == 1
    assert "The database is busy" in done.output
    assert list(folder.iterdir()) == []


def test_a_backup_is_one_file_that_needs_no_journal(
    site: Path, backup: Path, tmp_path: Path, run: Run
) -> None:
    with tarfile.open(backup) as archive:
        held = archive.extractfile("psg.sqlite")
        assert held is not None
        assert held.read(20)[18:20] == b"\x01\x01"  # no WAL: https://www.sqlite.org/fileformat.html


@pytest.mark.parametrize("left", ["psg.sqlite-wal", "psg.sqlite-shm", "psg.sqlite-journal"])
def test_a_journal_of_another_database_is_not_taken_for_the_restored_ones(
    backup: Path, tmp_path: Path, run: Run, left: str
) -> None:
    target = tmp_path / "new"
    target.mkdir()
    (target / left).write_bytes(b"of another")
    done = run(target, "restore", str(backup))
    assert done.exit_code == 1
    assert left in done.output
    assert (target / left).read_bytes() == b"of another"


def test_a_file_that_goes_meanwhile_stops_no_backup(
    site: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ["media/ab/gone", "media/zz/gone"]
    walk = backups.media_files
    monkeypatch.setattr(backups, "media_files", lambda *args: [*walk(*args), *gone])
    done = run(site, "backup", str(tmp_path / "x.tar"))
    assert done.exit_code == 0, done.output
    assert "1 media files" in done.output


def test_a_backup_never_overwrites(site: Path, backup: Path, run: Run) -> None:
    before = backup.read_bytes()
    done = run(site, "backup", str(backup))
    assert done.exit_code == 1
    assert "exists already" in done.output
    assert backup.read_bytes() == before


def test_a_backup_that_fails_leaves_nothing_behind(site: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (site / "psg.sqlite").write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    assert run(site, "backup", str(folder / "x.tar")).exit_code == 1
    assert list(folder.iterdir()) == []
    done = run(site, "backup", str(site / "psg.sqlite" / "x.tar"))
    assert done.exit_code == 1
    assert "Cannot write" in done.output


def rewritten(backup: Path, name: str, change: Callable[[bytes], bytes | None]) -> Path:
    """Write a backup anew with one file of it changed, or left out for None."""
    target = backup.with_name("changed.tar")
    with tarfile.open(backup) as source, tarfile.open(target, "w") as written:
        for member in source:
            held = source.extractfile(member)
            content = held.read() if held else b""
            changed = change(content) if member.name == name else content
            if changed is None:
                continue
            member.size = len(changed)
            written.addfile(member, io.BytesIO(changed))
    return target


def with_extra(backup: Path, **said: object) -> Path:
    """Add a member that no backup has."""
    target = backup.with_name("extra.tar")
    target.write_bytes(backup.read_bytes())
    with tarfile.open(target, "a") as archive:
        member = tarfile.TarInfo(str(said["name"]))
        member.type = said.get("type", tarfile.REGTYPE)  # type: ignore[assignment]  # bytes or absent
        member.linkname = str(said.get("linkname", ""))
        archive.addfile(member, io.BytesIO())
    return target


def newer(manifest: bytes) -> bytes:
    plain = json.loads(manifest)
    plain["revision"] = "9999"
    return json.dumps(plain).encode()


def other_format(manifest: bytes) -> bytes:
    plain = json.loads(manifest)
    plain["format"] = 3
    return json.dumps(plain).encode()


def unlisted(manifest: bytes) -> bytes:
    plain = json.loads(manifest)
    plain["files"]["media/../../escaped"] = [0, sha256(b"").hexdigest()]
    plain["files"]["/absolute"] = [0, sha256(b"").hexdigest()]
    return json.dumps(plain).encode()


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut off in the middle": (lambda b: cut(b, 0.5), "cut off|damaged"),
    "cut off near the end": (lambda b: text(b, up_to_the_manifest(b)), "cut off|no backup"),
    "empty": (lambda b: cut(b, 0), "cut off|no backup"),
    "no tar at all": (lambda b: text(b, b"Dear PSG, " * 500), "no backup"),
    "one byte flipped": (lambda b: flipped(b), "altered|damaged"),
    "no manifest": (lambda b: rewritten(b, "manifest.json", lambda _c: None), "no backup"),
    "no database": (lambda b: rewritten(b, "psg.sqlite", lambda _c: None), "missing"),
    "an altered picture": (
        lambda b: rewritten(b, "media/ab/abcdef", lambda _c: b"b picture"),
        "altered",
    ),
    "a longer picture": (
        lambda b: rewritten(b, "media/ab/abcdef", lambda c: c + b"x"),
        "altered",
    ),
    "a manifest that is no JSON": (
        lambda b: rewritten(b, "manifest.json", lambda _c: b"{"),
        "no backup",
    ),
    "a newer schema": (lambda b: rewritten(b, "manifest.json", newer), "newer code"),
    "another format": (lambda b: rewritten(b, "manifest.json", other_format), "format 3"),
    "a file too many": (lambda b: with_extra(b, name="media/x"), "not what was put in"),
    "a way out": (lambda b: with_extra(b, name="../escaped"), "not what was put in"),
    "an absolute name": (lambda b: with_extra(b, name="/tmp/escaped"), "not what was put in"),  # noqa: S108  # the attack
    "a link": (
        lambda b: with_extra(b, name="media/l", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "not what was put in",
    ),
    "a folder as database": (
        lambda b: with_extra(b, name="psg.sqlite", type=tarfile.DIRTYPE),
        "not what was put in",
    ),
    "a way out that the manifest allows": (
        lambda b: with_extra(rewritten(b, "manifest.json", unlisted), name="media/../../escaped"),
        "not what was put in",
    ),
}


def cut(backup: Path, share: float) -> Path:
    return text(backup, backup.read_bytes()[: int(backup.stat().st_size * share)])


def up_to_the_manifest(backup: Path) -> bytes:
    with tarfile.open(backup) as archive:
        return backup.read_bytes()[: archive.getmember("manifest.json").offset_data + 20]


def text(backup: Path, content: bytes) -> Path:
    target = backup.with_name("bad.tar")
    target.write_bytes(content)
    return target


def flipped(backup: Path) -> Path:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 0x40
    return text(backup, bytes(content))


@pytest.mark.parametrize("what", BAD)
def test_r11_a_bad_backup_is_refused_with_the_reason_and_nothing_is_touched(
    backup: Path, tmp_path: Path, run: Run, what: str
) -> None:
    make, reason = BAD[what]
    bad = make(backup)
    target = tmp_path / "target"
    done = run(target, "restore", str(bad))
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert any(word in done.output for word in reason.split("|")), done.output
    assert not target.exists()
    assert not (tmp_path / "escaped").exists()


def test_r11_a_database_that_fails_its_check_is_refused(
    backup: Path, tmp_path: Path, run: Run
) -> None:
    def damaged(content: bytes) -> bytes:
        return content[:4096] + bytes(4096) + content[8192:]

    bad = rewritten(backup, "psg.sqlite", damaged)
    with tarfile.open(bad) as archive:
        held = archive.extractfile("psg.sqlite")
        content = held.read() if held else b""

    def agreeing(manifest: bytes) -> bytes:
        plain = json.loads(manifest)
        plain["files"]["psg.sqlite"] = [len(content), sha256(content).hexdigest()]
        return json.dumps(plain).encode()

    bad = rewritten(bad.rename(tmp_path / "first.tar"), "manifest.json", agreeing)
    done = run(tmp_path / "target", "restore", str(bad))
    assert done.exit_code == 1
    assert "database" in done.output
    assert not (tmp_path / "target").exists()


def test_r11_restore_wants_an_empty_instance(site: Path, backup: Path, run: Run) -> None:
    before = everything_in(site)
    done = run(site, "restore", str(backup))
    assert done.exit_code == 1
    assert "empty folder" in done.output
    assert everything_in(site) == before
    (site / "psg.sqlite").unlink()
    assert "config.py already" in run(site, "restore", str(backup)).output
    (site / "config.py").unlink()
    assert "media" in run(site, "restore", str(backup)).output


def test_a_restore_that_was_refused_can_be_tried_again(
    backup: Path, tmp_path: Path, run: Run
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "README.md").write_text("what belongs here")
    run(target, "restore", str(cut(backup, 0.5)))
    assert [x.name for x in target.iterdir()] == ["README.md"]
    assert run(target, "restore", str(backup)).exit_code == 0


@pytest.mark.parametrize("failing", ["config.py", "psg.sqlite", "media"])
def test_a_restore_that_fails_at_any_step_leaves_nothing_and_can_be_begun_again(
    backup: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    target = tmp_path / "target"
    replace = Path.replace

    def full(self: Path, to: Path) -> Path:
        if Path(to) == target / failing:
            raise OSError(28, "No space left on device")
        return replace(self, to)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "replace", full)
        done = run(target, "restore", str(backup))
    assert done.exit_code == 1
    assert "No space left on device" in done.output
    assert not target.exists()
    assert run(target, "restore", str(backup)).exit_code == 0


def test_a_restore_that_finds_no_room_for_the_settings_leaves_nothing(
    backup: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(installation, "write_config", full)
        assert "No space left" in run(tmp_path / "target", "restore", str(backup)).output
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("code", full_disk.WORDS)
def test_r4_a_restore_that_has_no_room_for_a_migration_blames_the_disk(
    backup: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail() -> None:
        raise OperationalError("UPDATE", {}, full_disk.of_sqlite(code))

    monkeypatch.setattr(migrations, "upgrade", fail)
    done = run(tmp_path / "target", "restore", str(backup))
    assert done.exit_code == 1
    assert "Nothing was restored: " in done.output
    assert done.output.count("\n") == 1
    assert not (tmp_path / "target").exists()
