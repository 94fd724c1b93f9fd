"""S30: whoever was erased is erased again by a restore, or doctor says that it is not known."""

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup, ScriptInfo

from psgflask import create_app
from psgflask.core import config
from psgflask.core.clock_watch import NEVER
from psgflask.core.database import db
from psgflask.members import erasure, numbers
from psgflask.ops import backup_archive, backups, erased_lists
from psgflask.ops.backup_archive import Manifest
from psgflask.ops.erased_lists import ErasedList
from tests import factories, tars
from tests.members.people import applied, link_of

TRACES = ("quetzal", "zyxwv")
GAP = "without a newer list of the erased than of"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
FIRST, SECOND = (
    erasure.ErasedEntry(NOON, "PSG 1001-9"),
    erasure.ErasedEntry(NOON, "PSG 1002-4"),
)


def run(instance: Path, *arguments: object, fails: bool = False) -> Result:
    """Run a command on an instance folder, as the `flask` command does."""
    apps: list[Flask] = []

    def make() -> Flask:
        apps.append(create_app())
        return apps[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSG_INSTANCE", str(instance))
        group, words = FlaskGroup(create_app=make), [str(argument) for argument in arguments]
        done = CliRunner().invoke(group, words, obj=ScriptInfo(create_app=make))
    for app in apps:  # as the end of a process closes the database
        with app.app_context():
            db.engine.dispose()
    assert (done.exit_code != 0) == fails, done.output
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with two applicants and mails to them, a backup, the first erased, a newer backup."""
    folder = tmp_path_factory.mktemp("erased")
    site = folder / "site"
    run(site, "init")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSG_INSTANCE", str(site))
        app = create_app()
        with app.app_context():
            for name, email in (("Quetzal Zyxwv", "zyxwv@example.org"), ("Ana", "ana@example.org")):
                link_of(db.session(), applied(db.session(), name=name, email=email))
                db.session.commit()
            db.session.remove()
            db.engine.dispose()
    run(site, "backup", folder / "old.tar")
    run(site, "members", "erase", "10019", "--yes")
    run(site, "backup", folder / "new.tar")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def members_of(backup: Path) -> dict[str, bytes]:
    with tarfile.open(backup) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive}
        return {name: held.read() for name, held in opened.items() if held is not None}


def rewritten(backup: Path, target: Path, left_out: str, **changed: object) -> Path:
    """Write a backup without one of its files, and with a manifest that agrees."""
    files = members_of(backup)
    manifest = json.loads(files.pop("manifest.json"))
    del files[left_out]
    same = {name: manifest[name] for name in ("made_at", "revision", "rows")}
    target.write_bytes(tars.backup(files, **{**same, **changed}))
    return target


def traces_in(instance: Path) -> list[str]:
    """Return the files of an instance that hold anything of the erased."""
    texts = {
        file: file.read_bytes().decode("utf-8", "replace").lower()
        for file in instance.rglob("*")
        if file.is_file()
    }
    return [f"{word} in {file}" for file, text in texts.items() for word in TRACES if word in text]


def doctors_view(instance: Path, subject: str = erasure.LIST_FILE) -> str:
    """Return what doctor says of the list of the erased, or of another subject; empty: nothing."""
    findings = json.loads(run(instance, "doctor", "--json", fails=True).output)
    return " ".join(f["text"] for f in findings if f["subject"] == subject)


@pytest.mark.parametrize("newer", ["new.tar", "site", "site/erased.txt"])
def test_s30_a_restore_with_a_newer_list_brings_nobody_back(
    made: Path, target: Path, newer: str
) -> None:
    known_until = {
        "new.tar": datetime.fromisoformat(backup_archive.read(made / "new.tar").made_at),
        "site": None,
        "site/erased.txt": datetime.fromisoformat(backup_archive.read(made / "old.tar").made_at),
    }
    done = run(target, "restore", made / "old.tar", "--erased", made / newer)
    assert "Erased PSG 1001-9 again" in done.output
    with closing(sqlite3.connect(target / "psg.sqlite")) as database:
        who = database.execute("SELECT who FROM audit WHERE what = 'erased'").fetchall()
    assert who == [("restore",)]
    assert traces_in(target) == []
    assert "Ana" in run(target, "members", "list").output
    # Of later erasures a backup knows nothing, nor does a file say as of when it is.
    assert erasure.unconfirmed_since(target) == known_until[newer]
    for text in (done.output, doctors_view(target)):
        assert (GAP in text) == (known_until[newer] is not None)
    entries, damaged = erasure.read_list(target / "erased.txt")
    assert {entry.number for entry in entries} == {"PSG 1001-9"}
    assert not damaged
    assert len(entries) == 2  # as it was, and again


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "with a damaged one"])
def test_s30_an_hourly_backup_is_restored_with_the_list_of_the_newest_beside_it(
    made: Path, target: Path, tmp_path: Path, damaged: bool
) -> None:
    folder = tmp_path / "site-backups"
    folder.mkdir()
    for number, name in enumerate(("old.tar", "new.tar")):
        shutil.copy(made / name, folder / f"2026-12-01T0{number}0000Z.tar.gz")
    if damaged:
        (folder / "2026-12-01T090000Z.tar.gz").write_bytes(b"\x1f\x8bdamaged")
    made_at = backup_archive.read(made / "new.tar").made_at
    done = run(target, "restore", folder / "2026-12-01T000000Z.tar.gz")
    assert "Erased PSG 1001-9 again" in done.output
    assert traces_in(target) == []
    # Of later erasures nobody knows.
    assert GAP in doctors_view(target)
    assert erasure.unconfirmed_since(target) == datetime.fromisoformat(made_at)
    again = tmp_path / "again"
    run(again, "restore", folder / "2026-12-01T000000Z.tar.gz", "--erased", made / "site")
    assert doctors_view(again) == ""


def test_s30_a_backup_of_a_time_to_come_hides_no_newer_list_and_closes_no_gap(
    made: Path, target: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "site-backups"
    folder.mkdir()
    shutil.copy(made / "old.tar", folder / "2026-12-01T000000Z.tar.gz")
    shutil.copy(made / "new.tar", folder / "2026-12-01T010000Z.tar.gz")
    shutil.copy(made / "old.tar", folder / "2098-12-01T000000Z.tar.gz")
    ahead, file = datetime(2099, 1, 1, tzinfo=UTC), folder / "2099-01-01T000000Z.tar.gz"
    backups.create(made / "site", file, dict(config.DEFAULTS), now=ahead)
    done = run(target, "restore", folder / "2026-12-01T000000Z.tar.gz")
    assert "Erased PSG 1001-9 again" in done.output
    made_at = backup_archive.read(made / "new.tar").made_at
    assert erasure.unconfirmed_since(target) == datetime.fromisoformat(made_at)


def test_s30_without_a_newer_list_the_restore_and_doctor_say_so_until_somebody_confirms(
    made: Path, target: Path
) -> None:
    done = run(target, "restore", made / "old.tar")
    assert GAP in done.output
    assert "Quetzal" in run(target, "members", "list").output
    assert GAP in doctors_view(target)
    (target / "note.tar").write_bytes(b"no list")
    refused = run(
        target, "members", "erase-again", "--erased", target / "note.tar", "--confirm", fails=True
    )
    assert "tar -xOf" in refused.output
    assert GAP in doctors_view(target)
    run(target, "members", "erase-again")
    assert GAP in doctors_view(target)
    done = run(
        target,
        *("members", "erase-again", "--erased", made / "site/erased.txt", "--confirm"),
        *("--by", "ann"),
    )
    assert "Erased PSG 1001-9 again" in done.output
    assert traces_in(target) == []
    assert doctors_view(target) == ""
    with closing(sqlite3.connect(target / "psg.sqlite")) as database:
        entries = database.execute("SELECT who FROM audit WHERE what LIKE 'confirmed%'").fetchall()
    assert entries == [("ann",)]


@pytest.mark.parametrize("content", [b"", b"\n", b"\x1f"])
def test_s30_a_list_of_nobody_such_as_a_copy_that_failed_confirms_nothing(
    made: Path, target: Path, content: bytes
) -> None:
    run(target, "restore", made / "old.tar")
    (target / "copied.txt").write_bytes(content)
    words = ("members", "erase-again", "--erased", target / "copied.txt", "--confirm")
    assert "lists nobody. Nothing was changed" in run(target, *words, fails=True).output
    assert GAP in doctors_view(target)


def test_s30_of_an_older_version_s_backup_the_gap_is_told_and_the_site_itself_closes_it(
    made: Path, target: Path, tmp_path: Path
) -> None:
    old = rewritten(made / "old.tar", tmp_path / "old.tar", "erased.txt")
    assert GAP in run(target, "restore", old).output
    shutil.rmtree(target)
    assert GAP not in run(target, "restore", old, "--erased", made / "site").output
    assert traces_in(target) == []


def test_s30_a_copy_of_the_list_in_a_folder_closes_no_gap(
    made: Path, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    shutil.copy(made / "site/erased.txt", tmp_path / "copy")
    done = run(target, "restore", made / "old.tar", "--erased", tmp_path / "copy")
    assert "Erased PSG 1001-9 again" in done.output
    assert GAP in done.output


def test_s30_of_an_older_version_s_newer_backup_whom_its_database_knows_is_erased(
    made: Path, target: Path, tmp_path: Path
) -> None:
    new = rewritten(made / "new.tar", tmp_path / "new.tar", "erased.txt")
    done = run(target, "restore", made / "old.tar", "--erased", new)
    assert "Erased PSG 1001-9 again" in done.output
    assert traces_in(target) == []
    assert GAP in doctors_view(target)  # its file may have listed more


def test_s30_a_backup_restored_twice_erases_twice_and_leaves_a_new_person_alone(
    made: Path, target: Path, tmp_path: Path
) -> None:
    run(target, "restore", made / "old.tar", "--erased", made / "new.tar")
    added = run(
        target,
        *("members", "add", "--membership", "waged", "--name", "New Person", "--payment", "cheque"),
        *("--address", "1 High Street", "--postcode", "LS1 1AA"),
    )
    assert added.exit_code == 0
    run(target, "backup", tmp_path / "later.tar")
    again = tmp_path / "again"
    run(again, "restore", made / "old.tar", "--erased", tmp_path / "later.tar")
    assert traces_in(again) == []
    third = tmp_path / "third"
    done = run(third, "restore", tmp_path / "later.tar", "--erased", target)
    assert "Erased" not in done.output
    listed = run(third, "members", "list").output
    assert "New Person" in listed
    assert "Ana" in listed


def test_s30_a_number_of_the_list_is_not_issued_again(made: Path, target: Path) -> None:
    high = target.parent / "erased.txt"
    high.write_text(f"2026-07-01T12:00:00+00:00 {numbers.format_number(1009)}\n")
    run(target, "restore", made / "old.tar", "--erased", high)
    run(
        target,
        *("members", "add", "--membership", "waged", "--name", "New Person", "--payment", "cheque"),
        *("--address", "1 High Street", "--postcode", "LS1 1AA"),
    )
    assert numbers.format_number(1010) in run(target, "members", "list").output


def test_s30_a_backup_of_a_site_with_a_gap_hands_the_gap_on(
    made: Path, target: Path, tmp_path: Path
) -> None:
    run(target, "restore", made / "old.tar")
    run(target, "backup", tmp_path / "gap.tar")
    for number, newer in enumerate(([], ["--erased", tmp_path / "gap.tar"])):
        third = tmp_path / str(number)
        assert GAP in run(third, "restore", tmp_path / "gap.tar", *newer).output
        since = erasure.unconfirmed_since(third)
        assert since == erasure.unconfirmed_since(target)


def test_a_list_in_the_folder_is_not_overwritten(made: Path, target: Path) -> None:
    target.mkdir()
    (target / "erased.txt").write_text(f"{FIRST}\n")
    done = run(target, "restore", made / "old.tar", fails=True)
    assert "name it by --erased" in done.output
    assert [file.name for file in target.iterdir()] == ["erased.txt"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("nowhere", None, "No such file"),
        ("letter.txt", b"Dear PSG,\n", "neither a list of the erased nor a backup"),
        ("empty folder", "folder", "the folder of no site"),
        ("cut.tar", "cut", "damaged or was cut off"),
    ],
)
def test_a_newer_list_that_is_none_is_refused_and_nothing_is_restored(
    made: Path, target: Path, tmp_path: Path, name: str, content: object, told: str
) -> None:
    newer = tmp_path / name
    if content == "folder":
        newer.mkdir()
    elif content == "cut":
        newer.write_bytes((made / "new.tar").read_bytes()[:20_000])
    elif isinstance(content, bytes):
        newer.write_bytes(content)
    done = run(target, "restore", made / "old.tar", "--erased", newer, fails=True)
    assert told in done.output
    assert done.output.count("\n") == 1
    assert not target.exists()


def test_a_damaged_line_of_the_list_is_named_by_backup_and_kept(made: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(made / "site", site)
    with (site / "erased.txt").open("a") as file:
        file.write("2026-07-\n")
    done = run(site, "backup", tmp_path / "x.tar", fails=True)
    assert "Incomplete: " in done.output
    assert "line 2" in done.output
    assert members_of(tmp_path / "x.tar")["erased.txt"] == (site / "erased.txt").read_bytes()
    done = run(tmp_path / "restored", "restore", tmp_path / "x.tar")
    assert "Was incomplete when it was saved: " in done.output


def test_whom_the_database_alone_knows_to_be_erased_is_in_the_list_of_a_backup(
    made: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(made / "site", site)
    (site / "erased.txt").unlink()  # a process was killed between database and file
    run(site, "backup", tmp_path / "x.tar")
    saved, site_list = members_of(tmp_path / "x.tar")["erased.txt"], made / "site/erased.txt"
    assert saved == site_list.read_bytes()


MADE_AT = NOON.isoformat()
DAY = timedelta(days=1)
OWN = ErasedList(frozenset({FIRST}), whole=True)
GAP_BEFORE = ErasedList(frozenset(), True, None, NOON - 3 * DAY)


def listed(
    *entries: erasure.ErasedEntry, as_of: datetime, since: datetime | None = None
) -> ErasedList:
    return ErasedList(frozenset(entries), True, as_of, since)


@pytest.mark.parametrize(
    ("own", "newer", "expected"),
    [
        (OWN, [], NOON),
        # A mere file may be of any day, and may have gaps.
        (OWN, [ErasedList(frozenset({FIRST, SECOND}), whole=True)], NOON),
        (OWN, [ErasedList(frozenset({FIRST}), whole=True)], NOON),
        (GAP_BEFORE, [ErasedList(frozenset(), whole=True)], NOON - 3 * DAY),
        # A backup knows until it was made, or until its own gap begins.
        (OWN, [listed(FIRST, as_of=NOON + DAY)], NOON + DAY),
        (OWN, [listed(FIRST, as_of=NOON - DAY)], NOON),
        (OWN, [listed(FIRST, as_of=NOON + 2 * DAY, since=NOON + DAY)], NOON + DAY),
        (OWN, [listed(FIRST, as_of=NOON + DAY, since=NOON - 2 * DAY)], NOON),
        (OWN, [listed(FIRST, as_of=NOON + day * DAY) for day in (1, 3, 2)], NOON + 3 * DAY),
        (GAP_BEFORE, [listed(as_of=NOON)], NOON),
        (OWN, [ErasedList(frozenset({FIRST}), whole=False, as_of=NOON + DAY)], NOON),
        # Another site's.
        (OWN, [listed(SECOND, as_of=NOON + DAY)], NOON),
        (OWN, [listed(SECOND, as_of=NEVER)], NOON),
        # The site that was served until now.
        (OWN, [listed(FIRST, as_of=NEVER)], None),
        (OWN, [listed(FIRST, as_of=NOON + DAY), listed(FIRST, as_of=NEVER)], None),
        (OWN, [listed(FIRST, as_of=NEVER, since=NOON + DAY)], NOON + DAY),
    ],
)
def test_s30_since_when_no_list_knows(
    own: ErasedList, newer: list[ErasedList], expected: datetime | None
) -> None:
    manifest = Manifest(MADE_AT, "0001", {})
    assert erased_lists.unconfirmed_since(manifest, own, newer) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-07-01T12:00:00", "\xff", "0001-01-01T00:00Z"])
def test_a_note_of_a_gap_that_cannot_be_read_is_a_gap_since_long_ago(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / erasure.UNCONFIRMED_FILE).write_bytes(text.encode("latin-1"))
    since = erasure.unconfirmed_since(tmp_path)
    assert since is not None
    assert since.year == 1970


@pytest.fixture
def redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with two articles, a backup, one of them redacted, a newer backup."""
    site = tmp_path / "site"
    run(site, "init")
    monkeypatch.setenv("PSG_INSTANCE", str(site))
    app = create_app()
    with app.app_context():
        for slug in ("of-quetzal", "of-others"):
            factories.article(db.session(), slug=slug, body="Quetzal said so.")
        db.session.remove()
        db.engine.dispose()
    run(site, "backup", tmp_path / "old.tar")
    run(site, "news", "redact", "of-quetzal", "quetzal", "--yes")
    run(site, "backup", tmp_path / "new.tar")
    return tmp_path


@pytest.mark.parametrize("newer", ["new.tar", "site", "beside"])
def test_s30_an_article_that_was_redacted_after_the_backup_is_withdrawn_until_it_is_again(
    redacted: Path, target: Path, newer: str
) -> None:
    arguments: list[object] = ["restore", redacted / "old.tar", "--erased", redacted / newer]
    if newer == "beside":
        (folder := redacted / "backups").mkdir()
        for number, name in enumerate(("old.tar", "new.tar")):
            shutil.copy(redacted / name, folder / f"2026-12-01T0{number}0000Z.tar.gz")
        arguments = ["restore", folder / "2026-12-01T000000Z.tar.gz"]
    said = run(target, *arguments).output
    assert "Withdrew of-quetzal: something was removed from it after this was saved" in said
    assert "of-others" not in said

    def states() -> dict[str, str]:
        listed = json.loads(run(target, "news", "list", "--json").output)
        return {article["slug"]: article["state"] for article in listed}

    assert states() == {"of-quetzal": "withdrawn", "of-others": "published"}
    assert "of-quetzal was redacted after the backup" in doctors_view(target, "redactions")
    run(target, "news", "redact", "of-quetzal", "quetzal", "--yes")
    (slug,) = states().keys() - {"of-others"}
    run(target, "news", "publish", slug)
    # Of later erasures nobody knows.
    findings = run(target, "doctor", "--json", fails=newer != "site").output
    assert "redactions" not in {one["subject"] for one in json.loads(findings)}


def test_s30_a_backup_from_after_a_redaction_withdraws_nothing(
    redacted: Path, target: Path
) -> None:
    done = run(target, "restore", redacted / "new.tar", "--erased", redacted / "site")
    assert "Withdrew" not in done.output
