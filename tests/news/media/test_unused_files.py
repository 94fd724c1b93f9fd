"""`flask news tidy-media` removes what no article names, and nothing else."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.core.database import db
from psgflask.news import drafts, publishing
from psgflask.news.media.storage import StagedFiles, store_attachment
from tests import factories
from tests.factories import EDITOR, NOW

Tidy = Callable[..., Result]


@pytest.fixture
def media(instance: Path) -> Path:
    return instance / "media"


@pytest.fixture
def tidy(app: Flask, session: Session) -> Tidy:
    """Run the command."""

    def run(*words: str) -> Result:
        session.rollback()
        result = app.test_cli_runner().invoke(args=["news", "tidy-media", *words])
        assert result.exit_code == 0, result.output
        return result

    return run


def attachment(media: Path, folder: Path, content: bytes) -> drafts.AttachmentDraft:
    """Store a file and return what an article says of it."""
    written = folder / "report.txt"
    written.write_bytes(content)
    with StagedFiles(media) as staged:
        draft = store_attachment(written, staged, title="A report", language="en")
        staged.move()
    return draft


def files(media: Path) -> set[str]:
    return {file.name for file in media.rglob("*") if file.is_file()}


def test_only_unused_files_are_deleted_and_only_on_request(
    client: FlaskClient, session: Session, media: Path, tmp_path: Path, tidy: Tidy
) -> None:
    used, unused = (attachment(media, tmp_path, text) for text in (b"kept\n", b"gone\n"))
    factories.article(session, slug="with-report", attachments=(used,))
    (media / "stray.jpg").write_bytes(b"12345")
    listed = tidy().output
    assert unused.file_hash in listed
    assert "stray.jpg" in listed
    assert used.file_hash not in listed
    assert "2 files, 10 bytes. To remove: flask news tidy-media --delete" in listed
    assert files(media) == {used.file_hash, unused.file_hash, "stray.jpg"}
    assert "Removed 2 files, 10 bytes." in tidy("--delete").output
    assert files(media) == {used.file_hash}
    with client.get(f"/media/{used.file_hash}/{used.file_name}") as response:
        assert response.data == b"kept\n"
    assert tidy("--delete").output == "Every file belongs to an article.\n"


@pytest.mark.parametrize("status", ["draft", "scheduled", "withdrawn"])
def test_files_of_articles_that_are_not_public_stay(
    session: Session, media: Path, tmp_path: Path, tidy: Tidy, status: str
) -> None:
    used = attachment(media, tmp_path, b"kept\n")
    factories.article(session, status=status, attachments=(used,))
    tidy("--delete")
    assert files(media) == {used.file_hash}


def test_a_file_of_a_revision_stays(
    session: Session, media: Path, tmp_path: Path, tidy: Tidy
) -> None:
    former = attachment(media, tmp_path, b"former\n")
    article = factories.article(session, attachments=(former,))
    publishing.revise(session, article, factories.draft(), by=EDITOR, now=NOW)
    session.commit()
    assert article.attachments == []
    tidy("--delete")
    assert files(media) == {former.file_hash}


def test_staged_files_are_left_alone(media: Path, tidy: Tidy) -> None:
    with StagedFiles(media) as staged:
        name = staged.add(b"half-way")
        assert tidy("--delete").output == "Every file belongs to an article.\n"
        staged.move()
    assert files(media) == {name}


def test_a_file_that_is_being_added_is_not_deleted(
    app: Flask, session: Session, media: Path, tmp_path: Path, tidy: Tidy
) -> None:
    placed = threading.Event()
    added = attachment(media, tmp_path, b"new\n")

    def add() -> None:
        with app.app_context():
            draft = factories.draft(attachments=(added,))
            publishing.create(db.session(), draft, by=EDITOR, now=NOW)
            placed.set()
            time.sleep(0.5)  # long enough for the command to come and find the database taken
            db.session.commit()

    session.rollback()
    writer = threading.Thread(target=add)
    writer.start()
    placed.wait()
    assert tidy("--delete").output == "Every file belongs to an article.\n"
    writer.join()
    assert files(media) == {added.file_hash}
