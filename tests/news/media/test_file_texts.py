"""The texts of attached PDFs: read once, found by search, and no file can do harm."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing, worker_task
from psgflask.news.health import check_attached_texts
from psgflask.news.media import file_texts, pdf_text, sandbox
from psgflask.news.media.pdf_text import ExtractedText, extract
from psgflask.news.media.storage import StagedFiles, path_of
from psgflask.news.models import Article, Attachment, FileText
from psgflask.ops import health, worker
from psgflask.search.sync import indexer
from tests import factories, pdfs
from tests.factories import EDITOR

ARTICLE = """---
title: A report on water
teaser: What the report says.
topics: [mining]
date: 2018-07-01
attachments:
  - file: report.pdf
    title: The Zarzaparrilla memorandum
    language: en
---
The report is attached.
"""


def written(folder: Path, data: bytes) -> Path:
    file = folder / "report.pdf"
    file.write_bytes(data)
    return file


def run(app: Flask, *words: str) -> str:
    result = app.test_cli_runner().invoke(args=["news", *words])
    assert result.exit_code == 0, result.output
    return result.output


def added(app: Flask, session: Session, tmp_path: Path, data: bytes) -> str:
    """Publish an article with a PDF as volunteers do, and return the output."""
    factories.topic(session, "mining")
    session.commit()
    written(tmp_path, data)
    (tmp_path / "report.md").write_text(ARTICLE, "utf-8")
    return run(app, "add", str(tmp_path / "report.md"), "--publish")


def attached(app: Flask, session: Session, data: bytes, **how: Any) -> Article:
    """Attach a PDF that nobody has read, as sites before this have them."""
    with StagedFiles(Path(app.instance_path) / "media") as staged:
        file_hash = staged.add(data)
        staged.move()
    article = factories.article(session, "A report", **how)
    article.attachments.append(
        Attachment(
            file_hash=file_hash,
            file_name="report.pdf",
            media_type="application/pdf",
            size=len(data),
            title="The memorandum",
            language="en",
        )
    )
    session.commit()
    return article


def found(client: FlaskClient, words: str) -> bool:
    return "1 result for" in client.get("/search/", query_string={"q": words}).text


# Reading one file


def test_the_words_of_every_page_are_read_in_order(tmp_path: Path) -> None:
    file = written(tmp_path, pdfs.pdf("Vicuñas (wild)", "The second page"))
    assert extract(file) == ExtractedText("Vicuñas (wild) The second page")


def test_a_hyphenated_word_is_joined(tmp_path: Path) -> None:
    file = written(tmp_path, pdfs.pdf("environ-\nmental damage"))
    assert extract(file).text == "environmental damage"


def test_control_characters_are_removed() -> None:
    assert pdf_text.clean_text("a\0b\x0cc \ud800d\r\ne") == "a b c d e"


def test_5000_words_are_read_and_a_bounded_number_of_characters(tmp_path: Path) -> None:
    lines = ["\n".join(f"word{page * 99 + line}" for line in range(99)) for page in range(51)]
    words = extract(written(tmp_path, pdfs.pdf(*lines))).text.split()
    assert len(words) == 5000
    assert words[-1] == "word4999"
    endless = extract(written(tmp_path, pdfs.pdf("x" * 200_000)))
    assert len(endless.text) == pdf_text.MAX_TEXT_LENGTH


def test_pages_beyond_a_number_are_not_read(tmp_path: Path) -> None:
    file = written(tmp_path, pdfs.pdf(*["one"] * pdf_text.MAX_PAGES, "beyond"))
    assert "beyond" not in extract(file).text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"%PDF-1.7\n1 0 obj\nendobj\n", "broken"),
        (b"%PDF-1.4\n%%EOF\n", "broken"),
        (pdfs.pdf("a text")[:200], "broken"),
        (pdfs.pdf(""), "no text"),
        (pdfs.locked(), "password"),
    ],
    ids=["begun", "empty", "cut", "pictures", "locked"],
)
def test_an_unreadable_pdf_has_its_problem(tmp_path: Path, data: bytes, why: str) -> None:
    tried = extract(written(tmp_path, data))
    assert tried.text == ""
    assert why in tried.problem


def test_a_pdf_that_decompresses_to_gigabytes_is_unreadable(tmp_path: Path) -> None:
    tried = extract(written(tmp_path, pdfs.bomb()))
    assert tried.text == ""
    assert tried.problem


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(60)",
        "x = bytearray(3_000_000_000)",
        "open('left-behind', 'w').write('x' * 10)",
        "while True: pass",
        "print('[]')",
    ],
    ids=["sleeps", "swells", "writes", "works", "says nothing"],
)
def test_a_harmful_program_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    hostile = tmp_path / "hostile.py"
    hostile.write_text(f"{program}\n", "utf-8")
    monkeypatch.setattr(pdf_text, "PROGRAM", hostile)
    monkeypatch.setattr(pdf_text, "SECONDS", 1)
    monkeypatch.setattr(sandbox, "TIMEOUT_SECONDS", 5)
    monkeypatch.chdir(tmp_path)
    tried = extract(written(tmp_path, pdfs.pdf("a text")))
    assert tried.problem == "it takes too long or too much memory to read"
    assert not [file for file in tmp_path.glob("left-behind") if file.stat().st_size]


def test_without_the_pdf_library_no_file_is_unreadable(
    app: Flask, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "no_reader.py"
    program.write_text("import sys; sys.exit(3)", "utf-8")
    monkeypatch.setattr(pdf_text, "PROGRAM", program)
    with pytest.raises(OSError, match="No PDF can be read"):
        extract(written(tmp_path, pdfs.pdf("mercury")))
    assert "Published" in added(app, session, tmp_path, pdfs.pdf("mercury"))
    assert worker_task.run(app) == 0
    assert file_texts.unread(session)
    assert file_texts.unreadable(session) == []


# With the article


def test_an_attached_pdf_is_found_by_its_words_at_once(
    app: Flask, client: FlaskClient, session: Session, tmp_path: Path
) -> None:
    added(app, session, tmp_path, pdfs.pdf("The vicuñas drink mercury"))
    assert found(client, "vicunas mercury")
    assert "<mark>mercury</mark>" in client.get("/search/?q=mercury").text
    assert not indexer.check(app)


def test_a_broken_pdf_is_accepted_and_reported(
    app: Flask, client: FlaskClient, session: Session, tmp_path: Path
) -> None:
    output = added(app, session, tmp_path, b"%PDF-1.7\nnothing")
    assert "Published" in output
    assert "cannot be searched: it is broken" in output
    assert "its text cannot be searched: it is broken" in run(app, "show", "a-report-on-water")
    document = json.loads(run(app, "show", "a-report-on-water", "--json"))
    assert "broken" in document["unreadable"]["report.pdf"]
    assert found(client, "water")
    assert found(client, "zarzaparrilla memorandum")


def test_the_health_check_names_unreadable_files(app: Flask, session: Session) -> None:
    check = check_attached_texts
    assert check in health.HEALTH_CHECKS
    assert [finding.state for finding in check(app)] == ["ok"]
    attached(app, session, b"%PDF-1.7\nnothing")
    assert "still to be read" in next(check(app)).text
    session.rollback()
    worker_task.run(app)
    session.rollback()
    findings = list(check(app))
    assert [finding.state for finding in findings] == ["attention"]
    assert "report.pdf could not be read: it is broken" in findings[0].text


def test_the_attachments_of_a_members_only_article_are_not_searched(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    attached(app, session, pdfs.pdf("mercury"), members_only=True)
    worker_task.run(app)
    assert session.scalars(select(FileText.text)).all() == ["mercury"]
    assert not found(client, "mercury")
    assert not found(client, "memorandum")
    assert found(client, "report")


def test_a_draft_s_attachments_are_searched_once_it_is_public(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    article = attached(app, session, pdfs.pdf("mercury"), status="draft")
    worker_task.run(app)
    assert not found(client, "mercury")
    publishing.publish(session, article, by=EDITOR, now=utc_now())
    session.commit()
    assert found(client, "mercury")


def test_the_worker_task_reads_unread_files_and_search_finds_them(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    assert worker_task.run in [task.run for task in worker.TASKS if task.takes_stop]
    attached(app, session, pdfs.pdf("mercury"))
    assert not found(client, "mercury")
    worker_task.run(app, threading.Event())
    assert found(client, "mercury")


def test_the_worker_task_ends_when_the_worker_stops(app: Flask, session: Session) -> None:
    attached(app, session, pdfs.pdf("mercury"))
    stop = threading.Event()
    stop.set()
    worker_task.run(app, stop)
    assert file_texts.unread(session)


def test_an_unreadable_file_is_tried_again_only_on_request(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(app, session, b"%PDF-1.7\nnothing")
    session.rollback()
    assert "Read 1 files" in run(app, "read-attachments")
    assert "Read 0 files" in run(app, "read-attachments")
    monkeypatch.setattr(worker_task, "extract", lambda path: ExtractedText("now it can be read"))
    output = run(app, "read-attachments", "--again")
    assert "Read 1 files" in output
    assert "report.pdf" not in output
    assert session.scalars(select(FileText.text)).all() == ["now it can be read"]


def test_a_missing_file_is_reported_and_read_when_it_is_restored(
    app: Flask, session: Session
) -> None:
    article = attached(app, session, pdfs.pdf("mercury"))
    file = path_of(Path(app.instance_path) / "media", article.attachments[0].file_hash)
    session.rollback()
    file.rename(file.with_suffix(".away"))
    assert "1 files are lost or damaged" in run(app, "read-attachments")
    file.with_suffix(".away").rename(file)
    assert "Read 1 files" in run(app, "read-attachments")


def test_the_text_of_an_unattached_file_is_deleted(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    article = attached(app, session, pdfs.pdf("mercury"))
    worker_task.run(app)
    assert found(client, "mercury")
    article.attachments.clear()
    session.commit()
    assert not found(client, "mercury")
    worker_task.run(app)
    assert session.scalars(select(FileText.file_hash)).all() == []
