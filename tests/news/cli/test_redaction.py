"""`flask news redact`, as somebody who must be gone from the site would check it."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import redaction
from psgflask.core.clock import utc_now
from psgflask.mail import outbox
from psgflask.mail.models import Message
from psgflask.news.media import storage, unused_files
from psgflask.search import search_log
from psgflask.search.models import SearchQuery
from psgflask.search.sync import indexer
from tests import factories
from tests.factories import NOW
from tests.news.cli.test_commands import HEAD, Run, Write, article, rows
from tests.news.cli.test_commands import run as run
from tests.news.cli.test_commands import write as write
from tests.pdfs import pdf

NAME = "Wenceslada Quispe"
SLUG = "teachers-start-new-strike"
NEEDLES = (b"wenceslada", b"quispe")


def files_with_name(folder: Path) -> list[str]:
    """Return the files beneath a folder that hold the name, by their content or path."""
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if any(needle in str(file).encode().lower() for needle in NEEDLES)
        or (file.is_file() and any(needle in file.read_bytes().lower() for needle in NEEDLES))
    ]


def named(write: Write) -> str:
    """Write a file of an article whose text names somebody."""
    return write(body=f"One {NAME} paragraph.\n")


def test_it_shows_what_it_will_remove_and_asks(run: Run, write: Write, session: Session) -> None:
    run("add", named(write), "--publish")
    before = rows(session)
    shown = run("redact", SLUG, NAME.upper(), answer="n\n", fails=1).output
    assert f"en/{SLUG}, body" in shown
    assert NAME in shown
    assert "Remove all this for good? Only old backups have it then" in shown
    assert rows(session) == before
    done = run("redact", SLUG, NAME, "--yes", "--by", "ana").output
    assert f"Gone from http://127.0.0.1:8000/news/{SLUG}" in done
    assert "still hold it, and cannot be changed" in done
    assert article(session).body == "One […] paragraph.\n"


def test_without_words_it_asks_for_them(run: Run, write: Write, session: Session) -> None:
    run("add", named(write))
    run("redact", SLUG, "--yes", answer=f"{NAME}\n")
    assert "Quispe" not in article(session).body


def test_nothing_in_the_instance_holds_them_afterwards(
    run: Run, write: Write, app: Flask, client: FlaskClient, session: Session, instance: Path
) -> None:
    run("add", write(name="first.md"), "--publish")
    run("edit", SLUG, named(write))
    outbox.enqueue(
        session, kind="test", to="a@example.org", language="en", values={"x": NAME}, now=NOW
    )
    session.add(SearchQuery(key="k", text="wenceslada quispe", days=3, last_day=NOW.date()))
    session.commit()
    address = f"/search.json?q={NAME.replace(' ', '+')}"
    assert SLUG in client.get(address).text
    assert NAME in client.get(f"/news/{SLUG}").text
    assert files_with_name(instance)

    run("redact", SLUG, NAME, "--yes")
    assert files_with_name(instance) == []
    for page in (f"/news/{SLUG}", "/", "/news.atom", "/search/?q=paragraph", "/search.atom?q=one"):
        assert "Wenceslada" not in client.get(page).text
    assert SLUG not in client.get(address).text
    assert not indexer.check(app)


def test_mail_about_a_member_of_the_same_name_stays(
    run: Run, write: Write, session: Session
) -> None:
    run("add", named(write))
    for about in ("PSG-0001", ""):
        values = {"name": NAME}
        outbox.enqueue(
            session,
            kind="x",
            to="a@example.org",
            language="en",
            values=values,
            now=NOW,
            about=about,
        )
    session.commit()
    run("redact", SLUG, NAME, "--yes")
    session.expire_all()
    mails = session.scalars(select(Message).order_by(Message.id))
    assert [mail.values["name"] for mail in mails] == [NAME, "[…]"]


def test_words_elsewhere_are_named(run: Run, write: Write, session: Session) -> None:
    run("add", named(write))
    factories.page(session, body=f"About {NAME}.")
    assert "Still in 1 row of pages" in run("redact", SLUG, NAME, "--yes").output


def test_a_file_in_use_is_named_and_a_second_run_purges_it(
    run: Run, write: Write, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", named(write), "--publish")
    monkeypatch.setattr(redaction, "PURGE_TRIES", 1)
    with closing(sqlite3.connect(instance / "psg.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM articles").fetchone()
        failed = run("redact", SLUG, NAME, "--yes", fails=1).output
    assert "Traces are left in the files of: database" in failed
    assert "Nothing holds it" in run("redact", SLUG, NAME, "--yes").output
    assert files_with_name(instance) == []


def test_an_index_that_is_lost_is_built_without_them(
    run: Run, write: Write, app: Flask, instance: Path
) -> None:
    run("add", named(write), "--publish")
    shutil.rmtree(instance / "index")
    run("redact", SLUG, NAME, "--yes")
    assert files_with_name(instance) == []
    assert not indexer.check(app)


def test_a_file_that_holds_them_is_removed_from_the_media_folder(
    run: Run, write: Write, instance: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text(f"By {NAME}")
    head = f"{HEAD}\nattachments:\n  - file: letter.txt\n    title: Letter"
    run("add", write(head), "--publish")
    assert files_with_name(instance / "media")
    assert "letter.txt holds it, and is removed whole" in run("redact", SLUG, NAME, "--yes").output
    assert files_with_name(instance) == []


def with_letter(write: Write, folder: Path, name: str, data: bytes) -> str:
    """Write an article with an attachment."""
    (folder / name).write_bytes(data)
    return write(f"{HEAD}\nattachments:\n  - file: {name}\n    title: Letter")


@pytest.mark.parametrize(
    ("name", "data"), [("letter.txt", f"By {NAME}".encode()), ("letter.pdf", pdf(f"By {NAME}"))]
)
def test_the_next_run_removes_the_file_that_a_killed_one_left(
    run: Run,
    write: Write,
    instance: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    data: bytes,
) -> None:
    run("add", with_letter(write, tmp_path, name, data), "--publish")

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unused_files, "remove", killed)
        run("redact", SLUG, NAME, "--yes", fails=1)
    stored = [file for file in (instance / "media").glob("*/*") if file.is_file()]
    assert [file.read_bytes() == data for file in stored] == [True]
    run("redact", SLUG, NAME, "--yes")
    assert [file for file in stored if file.exists()] == []


def test_of_a_picture_that_a_killed_run_left_the_next_says_where_it_is_listed(
    run: Run, write: Write, instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", with_letter(write, tmp_path, "letter.txt", b"Her photograph, say"), "--publish")
    with monkeypatch.context() as patch:
        patch.setattr(unused_files, "remove", lambda _files: None)
        run("redact", SLUG, "--file", "letter.txt", "--yes")
    shown = run("redact", SLUG, NAME, "--yes").output
    assert "Files that no article names: 1. `flask news tidy-media` lists them" in shown


def test_a_file_is_removed_while_nobody_can_begin_to_use_it(
    run: Run, write: Write, instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", with_letter(write, tmp_path, "letter.txt", f"By {NAME}".encode()), "--publish")
    removed: list[Path] = []

    def remove(files: Iterable[Path]) -> None:
        removed.extend(files)
        with (
            closing(sqlite3.connect(instance / "psg.sqlite", timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")

    monkeypatch.setattr(unused_files, "remove", remove)
    run("redact", SLUG, NAME, "--yes")
    assert len(removed) == 1


@pytest.mark.parametrize("words", ["", "…"])
def test_words_without_a_letter_are_refused(run: Run, write: Write, words: str) -> None:
    run("add", named(write))
    assert "There is no letter" in run("redact", SLUG, words, "--yes", fails=2).output


def test_searches_for_them_are_counted_anew(session: Session) -> None:
    words = redaction.Words([NAME])
    today = utc_now().date()
    session.add(SearchQuery(key="a", text="wenceslada quispe puno", days=3, last_day=today))
    session.add(SearchQuery(key="b", text="quispe", days=3, last_day=today))
    session.flush()
    assert search_log.redact(session, words) == ["search log: 1 searches for it"]
    assert session.scalars(select(SearchQuery.text)).all() == ["quispe"]


def test_the_old_address_does_not_repeat_them(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("add", write(f"{HEAD}\nslug: {SLUG}-wenceslada-quispe"), "--publish")
    run("redact", f"{SLUG}-wenceslada-quispe", NAME, "--yes")
    for path in (f"/news/{SLUG}-wenceslada-quispe", f"/es/news/{SLUG}-wenceslada-quispe"):
        response = client.get(path)
        assert response.status_code == 404
        assert "quispe" not in response.text.lower()
    assert client.get(f"/news/{SLUG}").status_code == 200


def test_what_a_killed_command_staged_goes_too(run: Run, write: Write, instance: Path) -> None:
    run("add", named(write))
    left = instance / "media" / storage.INCOMING / "left" / "file"
    left.parent.mkdir(parents=True)
    left.write_text(NAME)
    run("redact", SLUG, NAME, "--yes")
    assert files_with_name(instance) == []


def test_the_surname_by_itself_is_named_before_it_asks(run: Run, write: Write) -> None:
    run("add", write(body=f"One {NAME} paragraph.\n\nQuispe's brother.\n"))
    shown = run("redact", SLUG, NAME, answer="n\n", fails=1).output
    assert "Still there by themselves, if they are names too: quispe\n" in shown
    assert "by themselves" not in run("redact", SLUG, NAME, "Quispe", "--yes").output
