"""The pages that an installation begins with."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from psgflask.core.file_mistakes import InvalidFile
from psgflask.pages import standing_pages
from tests import factories

TEXT = "---\nslug: {slug}\nlanguage: en\nsection: psg\ntitle: Aims\nteaser: Why.\n---\nA text.\n"


def folder(tmp_path: Path, *slugs: str) -> Path:
    """Write a folder of standing texts in English."""
    (tmp_path / "en").mkdir()
    for number, slug in enumerate(slugs):
        (tmp_path / "en" / f"{number}.md").write_text(TEXT.format(slug=slug), encoding="utf-8")
    return tmp_path


def test_a_page_that_volunteers_have_changed_stays(session: Session, tmp_path: Path) -> None:
    existing = factories.page(session, "aims", title="Our own words")
    added = standing_pages.add_missing(session, folder(tmp_path, "aims", "why-join"))
    assert [page.slug for page in added] == ["why-join"]
    assert existing.title == "Our own words"


def test_the_text_of_a_new_installation_must_keep_the_rules_of_every_page(
    session: Session, tmp_path: Path
) -> None:
    with pytest.raises(InvalidFile, match="small letters"):
        standing_pages.add_missing(session, folder(tmp_path, "Not A Slug"))
