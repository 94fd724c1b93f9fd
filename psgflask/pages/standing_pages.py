"""Standing pages: find them, set them from files, and add those of a new installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.core.slugs import MAX_SLUG_LENGTH, SLUG
from psgflask.manuscript.front_matter import format_manuscript, read_manuscript
from psgflask.pages.models import SECTIONS, SITE, Page

# The home page shows these with their teasers, in this order, as the old site did.
ON_THE_HOME_PAGE = ("aims", "historical-overview", "human-rights")
# The texts of a new installation.
TEXTS = Path(__file__).with_name("standing")
NAMES = ("slug", "language", "section", "position", "title", "teaser")
MAX_TITLE_LENGTH = 250


@dataclass(frozen=True)
class PageText:
    """A page as its file has it; what the file leaves out is None."""

    slug: str
    language: str
    section: str | None
    position: int | None
    title: str
    teaser: str
    body: str


def versions(session: Session, slug: str) -> dict[str, Page]:
    """Return language -> page of a slug."""
    rows = session.scalars(select(Page).where(Page.slug == slug))
    return {page.language: page for page in rows}


def section(session: Session, name: str, language: str) -> Sequence[Page]:
    """Return the pages of a section in their order, each in one language."""
    rows = session.scalars(select(Page).where(Page.section == name).order_by(Page.position))
    return _one_version_each(rows.all(), language)


def on_the_home_page(session: Session, language: str) -> list[Page]:
    """Return the pages whose teasers the home page shows."""
    rows = session.scalars(select(Page).where(Page.slug.in_(ON_THE_HOME_PAGE))).all()
    pages = {page.slug: page for page in _one_version_each(rows, language)}
    return [pages[slug] for slug in ON_THE_HOME_PAGE if slug in pages]


def _one_version_each(rows: Sequence[Page], language: str) -> list[Page]:
    chosen: dict[str, Page] = {}
    for page in rows:
        if page.slug not in chosen or page.language == language:
            chosen[page.slug] = page
    return sorted(chosen.values(), key=lambda page: (page.position, page.slug))


def read_page(path: Path) -> PageText:
    """Read a page. Raises InvalidFile with every mistake, its line and what to write."""
    manuscript = read_manuscript(path, NAMES)
    values = manuscript.front_matter
    values.text("slug", example="contact")
    page = PageText(
        slug=values.parse("slug", _slug, ""),
        language=values.choice("language", LANGUAGES, LANGUAGES[0]),
        section=values.choice("section", SECTIONS, "") or None,
        position=values.parse("position", _whole_number, None),
        title=values.one_line("title", longest=MAX_TITLE_LENGTH, example="How to reach us"),
        teaser=values.text("teaser", example="One sentence that stands in the lists"),
        body=manuscript.body,
    )
    manuscript.finish("The text is missing below the second ---")
    return page


def page_as_markdown(page: Page) -> str:
    """Return the file with which `set_page` would leave a page as it is."""
    return format_manuscript({name: getattr(page, name) for name in NAMES}, page.body)


def set_page(session: Session, text: PageText) -> tuple[Page, bool]:
    """Add a page or replace what it says; flush, and say whether it is new.

    Section and position stay as they are where the file leaves them out.
    """
    page = session.scalar(
        select(Page).where(Page.slug == text.slug, Page.language == text.language)
    )
    is_new = page is None
    if page is None:
        page = Page(slug=text.slug, language=text.language, section=SITE, position=0)
        translation = session.scalar(select(Page).where(Page.slug == text.slug))
        if translation is not None:
            page.section, page.position = translation.section, translation.position
        session.add(page)
    page.title, page.teaser, page.body = text.title, text.teaser, text.body
    if text.section is not None:
        page.section = text.section
    if text.position is not None:
        page.position = text.position
    session.flush()
    return page, is_new


def add_missing(session: Session, folder: Path = TEXTS) -> list[Page]:
    """Add the standing pages of a new installation that are missing, and return them.

    A page that exists keeps what volunteers wrote. Flushes, never commits. Raises
    InvalidFile for a text that cannot be read.
    """
    existing = {tuple(row) for row in session.execute(select(Page.slug, Page.language))}
    texts = [read_page(file) for file in sorted(folder.glob("*/*.md"))]
    missing = [text for text in texts if (text.slug, text.language) not in existing]
    return [set_page(session, text)[0] for text in missing]


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > MAX_SLUG_LENGTH:
        raise ValueError(f"write small letters and digits joined by hyphens, not {text!r}")
    return text


def _whole_number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise ValueError(f"write a whole number such as 3, not {text!r}")
    return int(text)
