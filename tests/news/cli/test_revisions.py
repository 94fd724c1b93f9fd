"""`flask news` as a volunteer undoes what was done with it."""

import json
import shlex
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from tests import factories
from tests.news.cli.test_commands import HEAD, Run, Write, article, rows
from tests.news.cli.test_commands import run as run
from tests.news.cli.test_commands import write as write

SLUG = "teachers-start-new-strike"
ANOTHER = HEAD.replace("Teachers start new strike", "A river runs black")


def test_an_edit_is_listed_compared_and_undone(run: Run, write: Write, client: FlaskClient) -> None:
    run("add", write(), "--publish", "--by", "ana")
    edited = run("edit", SLUG, write(body="Two paragraphs.\n"), "--by", "luis").output
    assert f"To undo: flask news restore {SLUG} --revision 2" in edited
    listed = run("revisions", SLUG).output
    assert "luis" in listed
    saves = json.loads(run("revisions", SLUG, "--json").output)
    assert [(save["number"], save["what"], save["saved_by"]) for save in saves] == [
        (1, "created", "ana"),
        (2, "published", "ana"),
        (3, "revised", "luis"),
    ]
    assert saves[2]["changed"] == ["body"]
    compared = run("compare", SLUG, "2").output
    assert compared.splitlines()[-2:] == ["-One paragraph.", "+Two paragraphs."]
    assert run("compare", SLUG, "1", "2").output == "Nothing differs\n"

    restored = run("restore", SLUG, "--revision", "2", "--by", "ana").output
    assert restored.splitlines() == [
        f"Restored as in revision 2: http://127.0.0.1:8000/news/{SLUG}",
        f"To undo: flask news restore {SLUG} --revision 3",
    ]
    assert "One paragraph." in client.get(f"/news/{SLUG}").text
    run("restore", SLUG, "--revision", "3")
    assert "Two paragraphs." in client.get(f"/news/{SLUG}").text


@pytest.mark.parametrize("command", [("edit", SLUG), ("correct", SLUG, "--text", "x", "--file")])
def test_a_file_of_another_article_replaces_a_public_one_only_when_asked(
    run: Run, write: Write, session: Session, command: tuple[str, ...]
) -> None:
    run("add", write(), "--publish")
    file, before = write(ANOTHER, body="Another text.\n"), rows(session)
    asked = run(*command, file, answer="n\n", fails=1).output
    for line in (
        "'A river runs black' would replace 'Teachers start new strike'",
        "-title: Teachers start new strike",
        "+Another text.",
        "Replace the article all the same?",
    ):
        assert line in asked
    assert "Aborted" in run(*command, file, answer="n\n", fails=1).output
    assert "Nobody is there to answer" in run(*command, file, fails=1).output
    assert rows(session) == before
    run(*command, file, answer="y\n")
    assert article(session).title == "A river runs black"
    run("restore", SLUG, "--revision", "2")
    assert "would replace" not in run(*command, file, "--anyway").output
    assert article(session).title == "A river runs black"


def test_who_saves_between_the_question_and_its_answer_is_not_overwritten(
    run: Run, write: Write, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", write(), "--publish")
    file = write(ANOTHER, body="Another text.\n", name="another.md")

    def meanwhile(*_question: object, **_options: object) -> bool:
        run("edit", SLUG, write(body="Theirs.\n"), "--by", "luis")
        return True

    monkeypatch.setattr("click.confirm", meanwhile)
    refused = run("edit", SLUG, file, fails=1).output
    assert "It was saved meanwhile: revision 3, revised by luis" in refused
    assert article(session).body == "Theirs.\n"


def test_two_volunteers_who_edit_one_article_lose_nothing(
    run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    run("add", write(), "--publish")
    hers = tmp_path / "hers.md"
    hers.write_text(run("show", SLUG, "--markdown").output, encoding="utf-8")
    version = json.loads(run("show", SLUG, "--json").output)["version"]
    run("edit", SLUG, write(body="His.\n"), "--by", "luis")
    before = rows(session)
    for words in ((str(hers),), (write(body="Hers.\n"), "--version", str(version))):
        refused = run("edit", SLUG, *words, fails=1).output
        assert "It was saved meanwhile: revision 3, revised by luis" in refused
        assert "Nothing was changed." in refused
    refused = run("restore", SLUG, "--revision", "1", "--version", str(version), fails=1).output
    assert "saved meanwhile" in refused
    assert rows(session) == before
    present = json.loads(run("show", SLUG, "--json").output)["version"]
    assert f"version      {present}" in run("show", SLUG).output
    saved = run("edit", SLUG, str(hers), "--version", str(present)).output
    assert "write in it `revision: 4`" in saved
    hers.write_text(hers.read_text().replace("revision: 2", "revision: 4"))
    run("edit", SLUG, str(hers))


def test_pictures_and_files_come_back_with_their_revision(
    run: Run, write: Write, session: Session, tmp_path: Path, app: Flask, client: FlaskClient
) -> None:
    Image.new("RGB", (20, 10), "red").save(tmp_path / "march.jpg")
    (tmp_path / "report.txt").write_text("Text.")
    files = "pictures:\n  - {file: march.jpg, alt: A march}\nattachments:\n"
    run("add", write(f"{HEAD}\n{files}  - {{file: report.txt, title: Report}}"), "--publish")
    former = tmp_path / "former.md"
    former.write_text(run("show", SLUG, "--revision", "2").output, encoding="utf-8")
    run("edit", SLUG, write())
    run("tidy-media", "--delete")
    assert article(session).pictures == []
    for words in (("restore", SLUG, "--revision", "2"), ("edit", SLUG, str(former))):
        run(*words)
        (march,), (report,) = article(session).pictures, article(session).attachments
        assert (march.alt, report.title) == ("A march", "Report")
        with client.get(f"/media/{march.file_hash}/march.jpg") as shown:
            assert shown.status_code == 200
        run("edit", SLUG, write())

    Path(app.instance_path, "media", march.file_hash[:2], march.file_hash).unlink()
    before = rows(session)
    refused = run("restore", SLUG, "--revision", "2", fails=1).output
    assert "march.jpg: lost or damaged in instance/media" in refused
    assert rows(session) == before


def test_a_note_is_amended_and_taken_back(run: Run, write: Write, client: FlaskClient) -> None:
    run("add", write(), "--publish")
    run("correct", SLUG, "--text", "It was Cusko.")
    run("correct", SLUG, "--note", "1", "--text", "It was Cusco.")
    page = client.get(f"/news/{SLUG}").text
    assert "It was Cusco." in page
    assert "Cusko" not in page
    assert "1: " in run("show", SLUG).output
    run("correct", SLUG, "--remove", "1", "--by", "luis")
    assert "It was Cus" not in client.get(f"/news/{SLUG}").text
    assert "note removed" in run("revisions", SLUG).output
    for words, code, message in (
        (("--remove", "1"), 1, "There is no note 1: the article has 0"),
        (("--note", "1", "--text", "x"), 1, "There is no note 1"),
        (("--remove", "1", "--text", "x"), 2, "--remove NOTE stands alone"),
        ((), 1, "Say what was wrong"),
    ):
        assert message in run("correct", SLUG, *words, fails=code).output


def test_a_translation_is_compared_as_one(run: Run, write: Write, session: Session) -> None:
    factories.article(session, slug="huelga", language="es")
    run("add", write(f"{HEAD}\ntranslation of: huelga"), "--publish")
    assert run("compare", SLUG, "1").output == "Nothing differs\n"
    assert "translation of: huelga" in run("show", SLUG, "--revision", "1").output


def test_a_text_in_another_language_than_its_file_says_is_added_only_when_asked(
    run: Run, write: Write, session: Session
) -> None:
    spanish = "Los maestros del Cusco marcharon el lunes por las calles de la ciudad.\n"
    file = write(body=spanish)
    asked = run("add", file, "--publish", answer="n\n", fails=1).output
    assert "The text reads as Spanish, and the article is in English." in asked
    assert json.loads(run("list", "--json").output) == []
    run("add", file, "--anyway")
    assert article(session).body == spanish


def test_a_draft_is_deleted_and_what_was_public_is_not(
    run: Run, write: Write, session: Session
) -> None:
    run("add", write())
    assert "Only a backup has it then" in run("delete", SLUG, answer="n\n", fails=1).output
    assert article(session).status == "draft"
    assert run("delete", SLUG, "--yes").output == "Deleted: Teachers start new strike\n"
    assert json.loads(run("list", "--json").output) == []
    factories.article(session, slug="lima")
    assert "withdraw it instead" in run("delete", "lima", "--yes", fails=1).output
    assert "There is no revision 9" in run("restore", "lima", "--revision", "9", fails=1).output


def test_a_change_of_a_topic_says_how_to_undo_it(run: Run, session: Session) -> None:
    factories.topic(session, "oroya", kind="place", name_en="The 'City'", name_es="La Oroya")
    before = run("topic", "list", "--json").output
    for change in (
        ("rename", "oroya", "--en", "Oroya", "--slug", "la-oroya", "--kind", "theme"),
        ("remove", "oroya"),
    ):
        undo = run("topic", *change).output.rpartition("To undo: flask news ")[2]
        assert run("topic", "list", "--json").output != before
        run(*shlex.split(undo))
        assert run("topic", "list", "--json").output == before
