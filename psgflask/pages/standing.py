"""The pages that every installation begins with: their texts lie in the folder beside this file."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.pages.models import Page
from psgflask.pages.writing import read_page, set_page

TEXTS = Path(__file__).with_name("standing")


def add_missing(session: Session, folder: Path = TEXTS) -> list[Page]:
    """Add the standing pages that are not there yet and return them.

    One that is there stays as volunteers have left it. Flushes, never commits. Raises
    manuscript.FrontMatterWrong for a text that cannot be read.
    """
    there = {tuple(row) for row in session.execute(select(Page.slug, Page.language))}
    texts = [read_page(file) for file in sorted(folder.glob("*/*.md"))]
    missing = [text for text in texts if (text.slug, text.language) not in there]
    return [set_page(session, text)[0] for text in missing]
