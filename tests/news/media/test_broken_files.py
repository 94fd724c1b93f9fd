"""Files of articles that are lost, damaged or unreadable: found, and named with their articles."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from psgflask.core.database import read_only
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.news import health, publishing, worker_task
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media import broken_files, file_texts
from psgflask.news.media.broken_files import LOST, BrokenFile
from psgflask.news.media.storage import StagedFiles, path_of, store_attachment, store_picture
from psgflask.news.models import Article, Picture
from tests import factories, pdfs
from tests.factories import EDITOR, NOW
from tests.news.media.files import HARM, block, empty, flip, lose, lose_folder, picture


@pytest.fixture
def media(instance: Path) -> Path:
    return instance / "media"


@pytest.fixture
def march(media: Path, tmp_path: Path) -> PictureDraft:
    """A stored picture."""
    with StagedFiles(media) as staged:
        stored = store_picture(picture(tmp_path / "march.jpg"), staged)
        staged.move()
    return replace(stored, alt="A march")


@pytest.fixture
def report(media: Path, tmp_path: Path) -> AttachmentDraft:
    """A stored PDF."""
    (tmp_path / "report.pdf").write_bytes(pdfs.pdf("mercury in the water"))
    with StagedFiles(media) as staged:
        stored = store_attachment(
            tmp_path / "report.pdf", staged, title="The report", language="en"
        )
        staged.move()
    return stored


def found(session: Session, media: Path) -> dict[str, BrokenFile]:
    session.rollback()
    return {file.file_hash: file for file in broken_files.find(session, media)}


def told_by_doctor(app: Flask) -> list[Finding]:
    with app.app_context(), read_only():
        return list(health.check_media(app))


@pytest.mark.parametrize("harm", HARM)
def test_r20_each_harm_to_a_file_is_named_with_its_article_and_what_to_do(
    app: Flask,
    session: Session,
    media: Path,
    march: PictureDraft,
    report: AttachmentDraft,
    harm: Callable[[Path], None],
) -> None:
    factories.article(session, slug="a-march", pictures=(march,), attachments=(report,))
    assert found(session, media) == {}
    assert [finding.state for finding in told_by_doctor(app)] == [OK]
    for file in (march, report):
        harm(path_of(media, file.file_hash))
    broken = found(session, media)
    assert {file_hash: file.state for file_hash, file in broken.items()} == {
        march.file_hash: HARM[harm],
        report.file_hash: HARM[harm],
    }
    findings = told_by_doctor(app)
    assert {finding.state for finding in findings} == {FAULT}
    for file_hash, finding in zip(broken, findings, strict=True):
        assert str(broken[file_hash]) == finding.text
        assert "a-march" in finding.text
        assert f"media/{file_hash[:2]}/{file_hash}" in finding.text
        assert "restore-media" in finding.advice
    assert {"march.jpg", "report.pdf"} == {finding.text.split()[0] for finding in findings}


@pytest.mark.parametrize("status", ["draft", "scheduled", "withdrawn"])
def test_files_of_articles_that_are_not_public_count_too(
    session: Session, media: Path, march: PictureDraft, status: str
) -> None:
    factories.article(session, slug="a-march", status=status, pictures=(march,))
    lose(path_of(media, march.file_hash))
    assert found(session, media)[march.file_hash].named.articles == {"a-march"}


def test_a_file_of_several_articles_is_named_once_with_all_of_them(
    session: Session, media: Path, march: PictureDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    other = replace(march, file_name="marcha.jpg")
    factories.article(session, slug="una-marcha", language="es", pictures=(other,))
    lose(path_of(media, march.file_hash))
    (broken,) = found(session, media).values()
    assert broken.named.articles == {"a-march", "es/una-marcha"}
    assert str(broken).startswith("march.jpg, marcha.jpg of a-march, es/una-marcha is lost: ")


def test_a_file_that_only_a_revision_names_needs_attention_but_is_no_fault(
    app: Flask, session: Session, media: Path, march: PictureDraft
) -> None:
    article = factories.article(session, slug="a-march", pictures=(march,))
    publishing.revise(session, article, factories.draft(), by=EDITOR, now=NOW)
    session.commit()
    lose(path_of(media, march.file_hash))
    (broken,) = found(session, media).values()
    assert (broken.named.articles, broken.named.former) == (set(), {"a-march"})
    (finding,) = told_by_doctor(app)
    assert finding.state == ATTENTION
    assert "march.jpg of earlier revisions of a-march is lost" in finding.text
    assert "psgflask news redact ARTICLE --file NAME" in finding.advice


def test_a_file_that_no_backup_has_can_be_given_up_by_redaction(
    app: Flask, session: Session, media: Path, march: PictureDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    lose(path_of(media, march.file_hash))
    session.rollback()
    redact = ["news", "redact", "a-march", "--file", "march.jpg", "--yes", "--by", "ann"]
    done = app.test_cli_runner().invoke(args=redact)
    assert done.exit_code == 0, done.output
    assert found(session, media) == {}


def test_uploading_the_same_picture_again_mends_it(
    session: Session, media: Path, tmp_path: Path, march: PictureDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    for harm in (lose, flip):
        harm(path_of(media, march.file_hash))
        with StagedFiles(media) as staged:
            store_picture(tmp_path / "march.jpg", staged)
            staged.move()
        assert found(session, media) == {}


def test_doctor_names_the_first_ones_and_counts_the_rest_the_public_ones_first(
    app: Flask, session: Session, media: Path, tmp_path: Path, march: PictureDraft
) -> None:
    former = factories.article(session, slug="former", pictures=(march,))
    publishing.revise(session, former, factories.draft(), by=EDITOR, now=NOW)
    for number in range(health.MAX_NAMED + 1):
        (tmp_path / "note.txt").write_text(f"Note {number}")
        with StagedFiles(media) as staged:
            note = store_attachment(tmp_path / "note.txt", staged, title="A note", language="en")
        factories.article(session, slug=f"with-note-{number}", attachments=(note,), commit=False)
    session.commit()
    lose(path_of(media, march.file_hash))
    *named, rest = told_by_doctor(app)
    assert len(named) == health.MAX_NAMED
    assert all("with-note-" in finding.text for finding in named)
    assert (rest.state, rest.text) == (FAULT, "2 more files are lost, damaged or unreadable")
    assert "check-media" in rest.advice


def test_the_command_lists_every_broken_file(
    app: Flask, session: Session, media: Path, march: PictureDraft, report: AttachmentDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,), attachments=(report,))
    session.rollback()
    run = app.test_cli_runner().invoke
    assert run(args=["news", "check-media"]).output == "Every file of an article is whole.\n"
    lose(path_of(media, march.file_hash))
    block(path_of(media, report.file_hash))
    done = run(args=["news", "check-media"])
    assert done.exit_code == 1
    for said in (march.file_hash, report.file_hash, "march.jpg", "lost", "unreadable", "a-march"):
        assert said in done.output
    rows = json.loads(run(args=["news", "check-media", "--json"]).output)
    assert {row["reason"] for row in rows} == {"", "Is a directory"}


def test_a_row_that_names_a_path_leads_nowhere(
    session: Session, media: Path, march: PictureDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    (media.parent / "config.py").touch()
    session.execute(update(Picture).values(file_hash="../config.py"))
    (broken,) = broken_files.find(session, media)
    assert broken.state == LOST


@pytest.mark.parametrize("harm", [lose, block, lose_folder])
def test_readers_of_an_article_without_its_picture_get_the_whole_page_with_its_alt_text(
    client: FlaskClient,
    session: Session,
    media: Path,
    march: PictureDraft,
    harm: Callable[[Path], None],
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    before = client.get("/news/a-march")
    harm(path_of(media, march.file_hash))
    after = client.get("/news/a-march")
    assert (after.status_code, after.text) == (200, before.text)
    size = f'width="{march.width}" height="{march.height}"'
    assert f'/march.jpg" alt="A march" {size}' in after.text
    assert client.get(f"/media/{march.file_hash}/march.jpg").status_code == 404


def test_a_picture_that_was_damaged_when_it_was_fetched_is_fetched_again_once_it_is_whole(
    client: FlaskClient, session: Session, media: Path, march: PictureDraft
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    address, file = f"/media/{march.file_hash}/march.jpg", path_of(media, march.file_hash)
    whole = file.read_bytes()
    flip(file)
    with client.get(address) as response:
        cached = response.headers["ETag"]
    file.unlink()
    file.write_bytes(whole)
    with client.get(address, headers={"If-None-Match": cached}) as response:
        assert (response.status_code, response.data) == (200, whole)


@pytest.mark.parametrize("harm", [flip, empty, block])
def test_the_text_of_a_damaged_pdf_is_not_taken_for_that_of_the_report(
    app: Flask,
    session: Session,
    media: Path,
    report: AttachmentDraft,
    harm: Callable[[Path], None],
) -> None:
    article: Article = factories.article(session, attachments=(report,))
    file = path_of(media, article.attachments[0].file_hash)
    whole = file.read_bytes()
    session.rollback()
    harm(file)
    assert worker_task.run(app) == 0
    assert file_texts.unread(session) == [report.file_hash]
    session.rollback()
    if file.is_dir():
        file.rmdir()
    file.write_bytes(whole)
    assert worker_task.run(app) == 1
    assert file_texts.unreadable(session) == []


@pytest.mark.parametrize(
    ("mode", "same_user", "same_group", "broken"),
    [
        (0o600, True, True, False),
        (0o600, False, True, True),  # written by a command of root
        (0o640, False, True, False),
        (0o640, False, False, True),
        (0o644, False, False, False),
        (0o000, True, True, True),
    ],
)
def test_root_too_is_told_what_the_user_of_the_site_cannot_read(
    session: Session,
    media: Path,
    march: PictureDraft,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    same_user: bool,
    same_group: bool,
    broken: bool,
) -> None:
    factories.article(session, slug="a-march", pictures=(march,))
    path_of(media, march.file_hash).chmod(mode)
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        values = list(real(path, **options))
        if path == media:  # of the user of the site
            values[4] += not same_user
            values[5] += not same_group
        return os.stat_result(values)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    reasons = [one.reason for one in found(session, media).values()]
    assert reasons == ["Permission denied"] * broken
