"""The store: files are staged, moved together, and named by their hash."""

import hashlib
import os
from pathlib import Path

from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media.storage import StagedFiles, path_of, store_attachment, store_picture
from tests.news.media.files import PDF, picture


def test_a_stored_file_gets_a_slug_for_its_name(tmp_path: Path) -> None:
    with StagedFiles(tmp_path / "media") as staged:
        stored = store_picture(
            picture(tmp_path / "Foto de Áncash (1) <b>.JPG", format="PNG"), staged
        )
        assert stored.file_name == "foto-de-ancash-1-b.png"
        assert stored.media_type == "image/png"
        long = store_picture(picture(tmp_path / f"{'x' * 200}.jpg"), staged)
        assert len(long.file_name) <= 90


def test_files_come_into_place_together_or_not_at_all(tmp_path: Path) -> None:
    media = tmp_path / "media"
    with StagedFiles(media) as staged:
        name = staged.add(PDF)
        assert not path_of(media, name).exists()
        staged.move()
        assert path_of(media, name).read_bytes() == PDF
        assert name == hashlib.sha256(PDF).hexdigest()
        assert path_of(media, name).stat().st_mode & 0o777 == 0o600
    with StagedFiles(media) as staged:
        other = staged.add(b"other")
    assert not path_of(media, other).exists()
    assert path_of(media, name).exists()
    assert list((media / ".incoming").iterdir()) == []


def test_files_staged_by_a_killed_command_are_removed_and_none_in_use(
    tmp_path: Path,
) -> None:
    """Whatever the clock says: a command that works for long keeps what it prepared."""
    left = tmp_path / "media" / ".incoming" / "left"
    left.mkdir(parents=True)
    with StagedFiles(tmp_path / "media") as slow:
        assert not left.exists()
        os.utime(slow.folder, (0, 0))
        with StagedFiles(tmp_path / "media"):
            assert slow.folder.exists()
    assert list((tmp_path / "media" / ".incoming").iterdir()) == []


def test_the_drafts_of_files_have_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(PDF)
    with StagedFiles(tmp_path / "media") as staged:
        report = store_attachment(tmp_path / "report.pdf", staged, title="R", language="es")
        march = store_picture(picture(tmp_path / "march.jpg"), staged)
    assert isinstance(report, AttachmentDraft)
    assert (report.size, report.media_type, report.language) == (len(PDF), "application/pdf", "es")
    assert isinstance(march, PictureDraft)
    assert (march.width, march.height) == (40, 30)
    assert march.size > 0
