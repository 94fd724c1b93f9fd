"""R8: a command that reads takes no lock and goes on; one that must write says "busy" and ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from flask import Flask

from psgflask.core import database
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members import erasure, rights
from psgflask.members.applications import SubmittedForm
from psgflask.members.models import Person
from psgflask.ops import backups
from tests import database_locks
from tests.browser import content

PAPER = (
    "members add --membership waged --payment cheque --postcode HU1_1AA --address Hull --name Ana"
    " --by ann"
)
# Words by command: how it is tried, FILE and FOLDER for places of the test, N for a member. Those
# that read give their answer; those that write, or might, say that the database is busy.
READING = {
    "backup": "backup FOLDER/backup.tar",
    "db branches": "db branches",
    "db check": "db check",
    "db current": "db current",
    "db heads": "db heads",
    "db history": "db history",
    "db show": "db show head",
    "doctor": "doctor",
    "mail list": "mail list",
    "members access": "members access N",
    "members export": "members export FILE",
    "members find": "members find Ana",
    "members list": "members list",
    "members payments list": "members payments list N",
    "members requests list": "members requests list --all",
    "members requests show": "members requests show R-1",
    "members show": "members show N",
    "news check-media": "news check-media",
    "news compare": "news compare radio-7 1",
    "news list": "news list",
    "news revisions": "news revisions radio-7",
    "news show": "news show radio-7",
    "news tidy-media": "news tidy-media",
    "news topic list": "news topic list",
    "pages appeal list": "pages appeal list",
    "pages appeal revisions": "pages appeal revisions",
    "pages appeal show": "pages appeal show",
    "pages list": "pages list",
    "pages revisions": "pages revisions contact",
    "pages show": "pages show contact",
    "restore-media": "restore-media FOLDER/backup.tar",  # reads none: every file is whole
    "sample add": "sample add --if-empty",
    "sample-content": "sample-content --if-empty",
    "search check": "search check",
    "search glossary list": "search glossary list",
    "search rebuild": "search rebuild",  # writes the index, and reads the database
    "search report": "search report",
}
WRITING = {
    "db downgrade": "db downgrade base",
    "db stamp": "db stamp head",
    "db upgrade": "db upgrade head",
    "init": "init",
    "mail dismiss": "mail dismiss --all",
    "mail retry": "mail retry --all",
    "mail test": "mail test somebody@example.org",
    "members add": PAPER,
    "members bounced": "members bounced N",
    "members confirm-payment": "members confirm-payment N 24",
    "members consent": "members consent N post --give",
    "members correct": "members correct N --name Eva",
    "members erase": "members erase N --yes",
    "members erase-again": "members erase-again",
    "members requests acknowledge": "members requests acknowledge R-1",
    "members requests answer": "members requests answer R-1 Done --yes",
    "members note": "members note N text",
    "members died": "members died N",
    "members join": "members join N N",
    "members not-same": "members not-same N",
    "members separate": "members separate N",
    "members reinstate": "members reinstate N",
    "members resend": "members resend N",
    "members resigned": "members resigned N",
    "members payments reverse": "members payments reverse N 1",
    "news add": "news add FOLDER/article.md",
    "news correct": "news correct radio-7 --text wrong",
    "news delete": "news delete radio-7 --yes",
    "news edit": "news edit radio-7 FOLDER/article.md --anyway",
    "news publish": "news publish radio-7",
    "news read-attachments": "news read-attachments --again",
    "news restore": "news restore radio-7 --revision 1",
    "news redact": "news redact radio-7 radio --yes",
    "news schedule": "news schedule radio-7 +30m",
    "news topic add": "news topic add water --en Water --es Agua",
    "news topic remove": "news topic remove society",
    "news topic rename": "news topic rename society --en Us",
    "news withdraw": "news withdraw radio-7 --yes",
    "pages appeal delete": "pages appeal delete --yes",
    "pages appeal end": "pages appeal end",
    "pages appeal publish": "pages appeal publish",
    "pages appeal restore": "pages appeal restore --revision 1",
    "pages appeal set": "pages appeal set FOLDER/appeal.md",
    "pages appeal withdraw": "pages appeal withdraw --yes",
    "pages delete": "pages delete contact --yes",
    "pages publish": "pages publish contact",
    "pages restore": "pages restore contact --revision 1",
    "pages withdraw": "pages withdraw contact --yes",
    "pages set": "pages set FOLDER/page.md",
    "sample remove": "sample remove --yes",
    "search glossary add": "search glossary add --en one --en two",
    "search glossary import": "search glossary import FOLDER/terms.tsv",
    "search glossary remove": "search glossary remove consulta",
}
# What asks this installation's database nothing, or runs until it is stopped.
ELSEWHERE = {
    *("db edit", "db init", "db list-templates", "db merge", "db migrate", "db revision"),
    *("restore", "serve", "worker"),
}
FILES = {
    "article.md": "---\ntitle: New\ndate: 2018-07-15\nteaser: New.\n---\n\nText.\n",
    "page.md": "---\nslug: contact\nsection: psg\ntitle: Contact\nteaser: Us.\n---\n\nText.\n",
    "appeal.md": "---\nlanguage: en\ntitle: Appeal\ntarget: 100\n---\n\nText.\n",
    "terms.tsv": "english\tspanish\none|two\tuno\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("commands"), "full") as app:
        done = app.test_cli_runner().invoke(args=_words(PAPER, Path(), ""))
        assert done.exit_code == 0, done.output
        erased = erasure.ErasedEntry(utc_now(), "PSG 9999-9")
        with app.app_context():
            rights.submit(
                db.session(),
                rights.RightsAnswers("access", "Ana", "ana@example.org", "", "en"),
                form=SubmittedForm("form"),
                network="192.0.2.1",
                secret="only-in-tests",
                now=utc_now(),
            )
            db.session.commit()
            db.session.remove()
        erasure.append_to_list(Path(app.instance_path, erasure.LIST_FILE), [erased])
        yield app


@pytest.fixture
def number(site: Flask) -> str:
    """The number of a member."""
    with site.app_context(), database.read_only():
        found: str | None = db.session.scalars(db.select(Person.number)).first()
        db.session.remove()
    assert found is not None
    return found


@pytest.fixture
def run(site: Flask, number: str, tmp_path: Path) -> Callable[[str], Result]:
    """Run a command as a process of its own would: it finds no connection open."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def run(line: str) -> Result:
        with site.app_context():
            db.session.remove()
        return site.test_cli_runner().invoke(args=_words(line, tmp_path, number))

    return run


def _words(line: str, folder: Path, number: str) -> list[str]:
    places = {"FILE": str(folder / "written"), "N": number}
    words = [places.get(word, word.replace("FOLDER", str(folder))) for word in line.split()]
    return [word.replace("_", " ") for word in words] if line == PAPER else words


def names(command: click.Command, before: str = "") -> Iterator[str]:
    """Yield the name of each command, those of groups after the group's."""
    if not isinstance(command, click.Group):
        yield before.strip()
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from names(found, f"{before} {name}")


def test_r8_every_command_is_listed_as_reading_or_writing(site: Flask) -> None:
    assert sorted(names(site.cli)) == sorted([*READING, *WRITING, *ELSEWHERE])


@pytest.mark.parametrize("command", READING)
def test_r8_a_reading_command_does_not_wait_for_a_writer(
    site: Flask, run: Callable[[str], Result], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    with database_locks.held(site), database_locks.waits() as waits:
        done = run(READING[command])
    assert waits == []
    assert "busy" not in done.output
    assert "locked" not in done.output
    # Which reports the lock.
    assert done.exit_code == (1 if command == "doctor" else 0), done.output


@pytest.mark.parametrize("command", WRITING)
def test_r8_a_writing_command_waits_once_and_says_busy(
    site: Flask, run: Callable[[str], Result], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    with database_locks.held(site), database_locks.waits() as waits:
        done = run(WRITING[command])
    assert "The database is busy" in done.output, done.output
    assert done.exit_code == 1
    assert waits == ["BEGIN IMMEDIATE"]


@pytest.mark.parametrize("command", sorted({*READING} - {"db heads", "db history"}))
def test_r8_a_command_that_cannot_even_read_says_busy_and_ends(
    site: Flask, run: Callable[[str], Result], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    monkeypatch.setattr(backups, "MAX_WAIT", 0)
    with database_locks.held_whole(site), database_locks.waits() as waits:
        done = run(READING[command])
    assert len(waits) <= 1
    if command in {"db branches", "db show"}:  # they look into files
        return
    assert "is busy" in done.output, done.output
    assert done.exit_code == 1
    assert not done.exception or isinstance(done.exception, SystemExit)
