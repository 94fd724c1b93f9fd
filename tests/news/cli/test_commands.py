"""`flask news` as a volunteer uses it, and what a reader sees after each command."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import catalogue
from psgflask.news.models import Article
from tests import factories, full_disk

HEAD = """\
title: Teachers start new strike
date: 8 July 2018
teaser: Teachers in Cusco are on strike."""
Run = Callable[..., Result]
Write = Callable[..., str]


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Run a command line; `fails` is the exit code that it shall have."""

    def run(*words: str, fails: int = 0, answer: str | None = None) -> Result:
        session.rollback()
        result = app.test_cli_runner().invoke(args=["news", *words], input=answer)
        assert result.exit_code == fails, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        session.expire_all()
        return result

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(head: str = HEAD, body: str = "One paragraph.\n", name: str = "strike.md") -> str:
        file = tmp_path / name
        file.write_text(f"---\n{head}\n---\n{body}", encoding="utf-8")
        return str(file)

    return write


def article(session: Session, slug: str = "teachers-start-new-strike") -> Article:
    found = catalogue.find(session, slug, "en") or catalogue.find(session, slug, "es")
    assert found is not None
    return found


def rows(session: Session) -> dict[str, list[Any]]:
    names = ("articles", "revisions", "corrections", "redirects", "issues", "pictures", "topics")
    session.rollback()
    return {n: session.execute(text(f"SELECT * FROM {n}")).all() for n in names}  # type: ignore[misc]  # rows of any shape


@pytest.mark.parametrize(
    ("head", "body", "state"),
    [
        (HEAD, "One paragraph.\n", "draft"),
        (HEAD, "One paragraph.\n", "published"),
        (HEAD, "One paragraph.\n", "withdrawn"),
        (HEAD, "Another text.\n", "draft"),
        (HEAD.replace("Teachers", "The teachers"), "One paragraph.\n", "draft"),
    ],
)
def test_the_same_article_is_added_twice_only_if_one_says_so(
    run: Run, write: Write, session: Session, head: str, body: str, state: str
) -> None:
    run("add", write())
    if state != "draft":
        run("publish", "teachers-start-new-strike")
    if state == "withdrawn":
        run("withdraw", "teachers-start-new-strike", "--yes")
    before = rows(session)
    again = write(head, body, name="again.md")
    for answer in ("n\n", ""):
        output = run("add", again, fails=1, answer=answer).output
        assert f"as teachers-start-new-strike ({state}" in output
        assert f"flask news edit teachers-start-new-strike {again}" in output
        assert ("--anyway does it without asking" in output) == (answer == "")
        assert rows(session) == before
    run("add", again, answer="y\n")
    run("add", again, "--publish", "--anyway")
    assert len(rows(session)["articles"]) == 3


def test_an_article_like_another_of_another_day_or_language_is_added_unasked(
    run: Run, write: Write, session: Session
) -> None:
    run("add", write())
    run("add", write(HEAD.replace("2018", "2019"), "Other words.\n"))
    run("add", write(f"{HEAD}\nlanguage: es"))
    assert len(rows(session)["articles"]) == 3


def test_an_article_is_added_edited_and_published_by_command(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    added = run("add", write(), "--by", "ana")
    assert "flask news publish teachers-start-new-strike" in added.output
    address = "/news/teachers-start-new-strike"
    assert client.get(address).status_code == 404

    published = run("publish", "teachers-start-new-strike", "--by", "luis")
    assert published.output == f"Published: http://127.0.0.1:8000{address}\n"
    assert "One paragraph." in client.get(address).text
    assert "Teachers start new strike" in client.get("/news/").text

    run("edit", "teachers-start-new-strike", write(body="Two paragraphs.\n"))
    assert "Two paragraphs." in client.get(address).text

    note = "The strike began on a Monday."
    corrected = run("correct", "teachers-start-new-strike", "--text", note)
    assert address in corrected.output
    assert note in client.get(address).text

    run("withdraw", "teachers-start-new-strike", "--yes")
    assert client.get(address).status_code == 410
    assert "Teachers start new strike" not in client.get("/news/").text

    revisions = [(r.number, r.what, r.saved_by) for r in article(session).revisions]
    assert revisions[:2] == [(1, "created", "ana"), (2, "published", "luis")]
    assert [what for _number, what, _who in revisions[2:]] == ["revised", "corrected", "withdrawn"]


def test_an_article_may_be_published_as_it_is_added(
    run: Run, write: Write, client: FlaskClient
) -> None:
    assert "Published: " in run("add", write(f"{HEAD}\nlanguage: es"), "--publish").output
    assert client.get("/es/news/teachers-start-new-strike").status_code == 200


def test_a_scheduled_article_waits(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("add", write())
    output = run("schedule", "teachers-start-new-strike", "in", "1", "minute").output
    assert re.match(r"Will be public from \d{4}-\d\d-\d\d \d\d:\d\d (GMT|BST): http", output)
    assert client.get("/news/teachers-start-new-strike").status_code == 404
    waiting = article(session)
    assert waiting.publish_at is not None
    assert timedelta(0) < waiting.publish_at - utc_now() <= timedelta(minutes=1)
    run("schedule", "teachers-start-new-strike", "2190-07-01 09:00")
    assert article(session).publish_at == datetime(2190, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("publish", "teacher-start-new-strike"), 1, "Did you mean teachers-start-new-strike?"),
        (("publish", "qqqq"), 1, "There is no article 'qqqq'"),
        (("publish", ""), 1, "There is no article ''"),
        (("schedule", "teachers-start-new-strike", "soon"), 2, "is no moment"),
        (("schedule", "teachers-start-new-strike"), 2, "Missing argument"),
        (("schedule", "teachers-start-new-strike", "2018-07-01 09:00"), 1, "The moment is past"),
        (("correct", "teachers-start-new-strike", "--text", " "), 1, "Say what was wrong"),
        (("add", "gone.md"), 2, "gone.md, line 1: There is no file"),
        (("edit", "teachers-start-new-strike", "gone.md"), 2, "Nothing was changed."),
        (("withdraw", "qqqq", "--yes"), 1, "There is no article"),
        (("show", "qqqq"), 1, "There is no article"),
        (("list", "--status", "lost"), 2, "is not one of"),
    ],
)
def test_a_mistake_is_reported_and_changes_nothing(
    run: Run, write: Write, session: Session, words: tuple[str, ...], code: int, message: str
) -> None:
    run("add", write())
    before = rows(session)
    assert message in run(*words, fails=code).output
    assert rows(session) == before


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("titel: x", 2, "strike.md, line 5: There is no `titel` here: write `title`"),
        ("kind: rumour", 2, "strike.md, line 5: `kind`: write news or"),
        ("topics: [weather]", 1, "strike.md, line 5: There is no topic 'weather'"),
        ("slug: 2018", 1, "strike.md, line 5: A slug is small letters"),
        ("slug: taken", 1, "strike.md, line 5: 'taken' is the address of"),
        ("translation of: nowhere", 1, "line 5: There is no article 'nowhere' in 'es'"),
        ("pictures:\n  - file: strike.md\n    alt: x", 2, "line 6: strike.md is not a JPEG, PNG"),
        ("attachments:\n  - file: strike.md\n    title: x", 2, "line 6: strike.md: attachments"),
    ],
)
@pytest.mark.parametrize("words", [("add",), ("edit", "lima"), ("correct", "lima", "--text", "x")])
def test_a_mistake_in_a_file_is_reported_with_its_line(
    run: Run,
    write: Write,
    session: Session,
    app: Flask,
    words: tuple[str, ...],
    line: str,
    code: int,
    message: str,
) -> None:
    factories.article(session, slug="taken")
    factories.article(session, slug="lima")
    before = rows(session)
    file = write(f"{HEAD}\n{line}")
    arguments = {
        "add": (*words, file),
        "edit": (*words, file, "--anyway"),
        "correct": (*words, "--file", file, "--anyway"),
    }[words[0]]
    output = run(*arguments, fails=code).output
    assert message in output
    assert "Nothing was changed." in output
    assert rows(session) == before
    media = Path(app.instance_path) / "media"
    assert [file for file in media.rglob("*") if file.is_file()] == []


def test_pictures_and_reports_come_with_the_article(
    run: Run, write: Write, tmp_path: Path, session: Session, app: Flask, client: FlaskClient
) -> None:
    Image.new("RGB", (2000, 10), "red").save(tmp_path / "march.jpg")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7")
    head = f"""{HEAD}
pictures:
  - file: march.jpg
    alt: A march
    credit: Ana Quispe
attachments:
  - file: report.pdf
    title: The report"""
    run("add", write(head), "--publish")
    (march,) = article(session).pictures
    assert (march.width, march.alt, march.credit) == (1600, "A march", "Ana Quispe")
    media = Path(app.instance_path) / "media"
    assert (media / march.file_hash[:2] / march.file_hash).stat().st_size == march.size
    with client.get(f"/media/{march.file_hash}/march.jpg") as shown:
        assert shown.status_code == 200
    (report,) = article(session).attachments
    assert (report.title, report.language) == ("The report", "en")


def test_a_refused_article_leaves_no_file_behind(
    run: Run, write: Write, tmp_path: Path, app: Flask
) -> None:
    Image.new("RGB", (20, 10), "red").save(tmp_path / "march.jpg")
    pictures = "pictures:\n  - file: march.jpg\n    alt: A march"
    run("add", write(f"{HEAD}\ntopics: [weather]\n{pictures}"), fails=1)
    media = Path(app.instance_path) / "media"
    assert [file for file in media.rglob("*") if file.is_file()] == []


def test_the_file_that_show_writes_changes_nothing(
    run: Run, write: Write, tmp_path: Path, session: Session
) -> None:
    factories.topic(session, "mining")
    factories.article(session, slug="huelga", language="es")
    Image.new("RGB", (20, 10), "red").save(tmp_path / "march.jpg")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7")
    head = """\
title: "Update: 'strike' #5"
slug: strike
kind: update
date: June / July 2009
issue: Update 134
topics: [mining]
translation of: huelga
teaser: "@PSG: what is output"
members only: yes
byline: Ana
source: "[RPP]"
pictures:
  - {file: march.jpg, alt: A march, caption: "On Monday: Lima", credit: Ana}
  - {file: march.jpg, decorative: yes}
attachments:
  - {file: report.pdf, title: The report, language: es}"""
    run("add", write(head, body="## One\n\n---\n\nTwo: *three*\n"))
    before = article(session, "strike").revisions[-1].snapshot
    written = run("show", "strike", "--markdown").output
    assert written.startswith("---\ntitle: ")
    again = tmp_path / "again.md"
    again.write_text(written, encoding="utf-8")
    run("edit", "strike", str(again))
    after = article(session, "strike").revisions[-1].snapshot
    assert len(article(session, "strike").revisions) == 2
    assert after == before


def test_a_picture_that_is_not_stored_cannot_be_referred_to(run: Run, write: Write) -> None:
    file = f"media/{'a' * 64}/march.jpg"
    head = f"{HEAD}\npictures:\n  - file: {file}\n    alt: A march"
    assert f"line 6: The site has no picture {file}" in run("add", write(head), fails=2).output


def test_a_corrected_text_is_saved_with_its_note(
    run: Run, write: Write, client: FlaskClient
) -> None:
    run("add", write(), "--publish")
    file = write(body="It began on a Monday.\n")
    run("correct", "teachers-start-new-strike", "--text", "The day was wrong.", "--file", file)
    page = client.get("/news/teachers-start-new-strike").text
    assert "It began on a Monday." in page
    assert "The day was wrong." in page


def test_a_slug_of_both_languages_must_say_which(run: Run, session: Session) -> None:
    for language in ("en", "es"):
        factories.article(session, slug="lima", language=language, status="draft")
    output = run("publish", "lima", fails=1).output
    assert "write en/lima or es/lima" in output
    run("publish", "es/lima")
    assert article_in(session, "es").status == "published"
    assert article_in(session, "en").status == "draft"


def article_in(session: Session, language: str) -> Article:
    found = catalogue.find(session, "lima", language)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name",
    [
        *("lima", "es/lima", "/es/news/lima", "http://127.0.0.1:8000/es/news/lima", "/lima/"),
    ],
)
def test_an_article_may_be_named_by_its_address(run: Run, session: Session, name: str) -> None:
    factories.article(session, slug="lima", language="es", status="draft")
    run("publish", name)
    assert article_in(session, "es").status == "published"


def test_withdrawing_asks_first(run: Run, session: Session) -> None:
    factories.article(session, "Strike in Lima", slug="lima")
    result = run("withdraw", "lima", answer="n\n", fails=1)
    assert "Withdraw ‘Strike in Lima’?" in result.output
    assert article_in(session, "en").status == "published"
    assert "flask news publish lima" in run("withdraw", "lima", answer="y\n").output
    assert article_in(session, "en").status == "withdrawn"


def test_the_list_has_each_article_s_state(run: Run, session: Session) -> None:
    now = utc_now()
    for status in ("draft", "scheduled", "published", "withdrawn"):
        factories.article(session, f"[{status}] x", slug=f"a-{status}", status=status, now=now)
    output = run("list").output
    for status in ("draft", "scheduled", "published", "withdrawn"):
        assert re.search(rf" {status} .* a-{status} +\[{status}\] x", output), output
        only = json.loads(run("list", "--status", status, "--json").output)
        assert [(row["slug"], row["state"]) for row in only] == [(f"a-{status}", status)]
    assert "2 of 4 articles; --limit 0 lists them all" in run("list", "--limit", "2").output
    assert len(json.loads(run("list", "--json", "--limit", "0").output)) == 4
    assert json.loads(run("list", "--json", "--language", "es").output) == []
    assert json.loads(run("list", "--json", "--kind", "event").output) == []


def test_show_prints_the_article_its_corrections_and_revisions(run: Run, session: Session) -> None:
    factories.topic(session, "mining")
    factories.article(
        session,
        "Strike in Lima",
        slug="lima",
        topics=["mining"],
        issue=("Update", 134),
        byline="Ana Quispe",
        members_only=True,
    )
    run("correct", "lima", "--text", "It was Cusco.", "--by", "luis")
    output = run("show", "lima").output
    for expected in (
        *("Strike in Lima", "http://127.0.0.1:8000/news/lima", "published", "Update 134"),
        *("2018-07-15", "mining", "Ana Quispe", "members only", "It was Cusco.", "by luis"),
    ):
        assert expected in output
    document = json.loads(run("show", "lima", "--json").output)
    assert document["state"] == "published"
    assert [revision["what"] for revision in document["revisions"]][-1] == "corrected"


def test_a_concurrent_edit_is_refused(
    run: Run, write: Write, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from psgflask.news import publishing

    factories.article(session, slug="lima")
    revise = publishing.revise

    def meanwhile(on: Session, found: Article, *rest: Any, **more: Any) -> Article:
        on.execute(text("UPDATE articles SET version = version + 1"))
        return revise(on, found, *rest, **more)

    monkeypatch.setattr(publishing, "revise", meanwhile)
    before = rows(session)
    refused = run("edit", "lima", write(), "--anyway", fails=1)
    assert "Somebody else changed this" in refused.output
    assert rows(session) == before


def test_without_tables_a_command_says_what_to_do(run: Run, write: Write, session: Session) -> None:
    session.execute(text("DROP TABLE redirects"))
    session.execute(text("ALTER TABLE articles RENAME TO gone"))
    session.commit()
    assert "run `flask init`" in run("list", fails=1).output


def test_a_topic_is_added_renamed_and_removed(
    run: Run, session: Session, client: FlaskClient
) -> None:
    run("topic", "add", "oroya", "--en", "Oroya", "--es", "Oroya", "--kind", "place")
    factories.article(session, slug="lima", topics=["oroya"])
    run("topic", "rename", "oroya", "--en", "La Oroya", "--es", "La Oroya", "--slug", "la-oroya")
    assert "La Oroya" in client.get("/topics/la-oroya").text
    for old in ("/topics/oroya", "/es/topics/oroya", "/topics/oroya.atom"):
        moved = client.get(old)
        assert moved.status_code == 301
        assert moved.headers["Location"].endswith(old.replace("oroya", "la-oroya"))
    listed = json.loads(run("topic", "list", "--json").output)
    assert listed == [
        {
            **{"slug": "la-oroya", "kind": "place", "english": "La Oroya"},
            **{"spanish": "La Oroya", "articles": 1},
        }
    ]
    assert "la-oroya" in run("topic", "list").output
    assert "1 articles have" in run("topic", "remove", "la-oroya", fails=1).output
    run("topic", "add", "unused", "--en", "Unused", "--es", "Sin uso")
    run("topic", "remove", "unused")
    assert len(json.loads(run("topic", "list", "--json").output)) == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("add", "mining", "--en", "x", "--es", "x"), 1, "There is a topic 'mining' already"),
        (("add", "La Oroya", "--en", "x", "--es", "x"), 1, "small letters and digits"),
        (("add", "lima", "--en", " ", "--es", "x"), 1, "The English name is missing"),
        (("add", "lima", "--en", "x"), 2, "Missing option '--es'"),
        (("add", "lima", "--en", "x" * 121, "--es", "x"), 1, "at most 120 fit"),
        (("add", "lima", "--en", "x", "--es", "x", "--kind", "river"), 2, "is not one of"),
        (("rename", "mining", "--es", ""), 1, "The Spanish name is missing"),
        (("rename", "mining", "--slug", "M"), 1, "small letters and digits"),
        (("rename", "gone", "--en", "x"), 1, "There is no topic 'gone'"),
        (("remove", "gone"), 1, "There is no topic 'gone'"),
    ],
)
def test_a_mistake_in_a_topic_changes_nothing(
    run: Run, session: Session, words: tuple[str, ...], code: int, message: str
) -> None:
    factories.topic(session, "mining")
    before = rows(session)
    assert message in run("topic", *words, fails=code).output
    assert rows(session) == before


def test_r4_on_a_full_disk_an_article_leaves_neither_row_nor_file_and_says_why(
    app: Flask, run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "report.txt").write_text("A report\n" * 100)
    head = HEAD + "\nattachments:\n  - file: report.txt\n    title: A report"
    media = Path(app.instance_path, "media")
    with pytest.MonkeyPatch.context() as patched:
        full_disk.no_fsync(patched)
        output = run("add", write(head), "--publish", fails=1).output
    assert "no room left" in output
    assert "Make room" in output
    assert [file for file in media.rglob("*") if file.is_file()] == []
    assert session.scalars(select(Article)).all() == []
    run("add", write(head), "--publish")
