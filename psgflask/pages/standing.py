"""The pages that every installation begins with: their texts lie in the folder beside this file."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask import manuscript
from psgflask.languages import LANGUAGES
from psgflask.pages.models import SECTIONS, SITE, Page

TEXTS = Path(__file__).with_name("standing")
NAMES = ("slug", "language", "section", "position", "title", "teaser")


def add_missing(session: Session, folder: Path = TEXTS) -> list[Page]:
    """Add the standing pages that are not there yet and return them.

    One that is there stays as volunteers have left it. Flushes, never commits. Raises
    manuscript.FrontMatterWrong for a text that cannot be read.
    """
    there = {tuple(row) for row in session.execute(select(Page.slug, Page.language))}
    pages = [read(file) for file in sorted(folder.glob("*/*.md"))]
    missing = [page for page in pages if (page.slug, page.language) not in there]
    session.add_all(missing)
    session.flush()
    return missing


def read(file: Path) -> Page:
    """Return the page that a file describes. Raises manuscript.FrontMatterWrong."""
    text = manuscript.read(file, NAMES)
    head = text.head
    page = Page(
        slug=head.text("slug", example="contact"),
        language=head.choice("language", LANGUAGES, LANGUAGES[0]),
        section=head.choice("section", SECTIONS, SITE),
        position=head.read("position", int, 0),
        title=head.text("title", example="Contact"),
        teaser=head.text("teaser", example="How to reach us"),
        body=text.body,
    )
    head.finish()
    return page
