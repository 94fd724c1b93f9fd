"""Standing pages: find them, set them from files, and add those of a new installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.revisions import SavedMeanwhile
from psgflask.core.slugs import MAX_SLUG_LENGTH, SLUG
from psgflask.manuscript.front_matter import format_manuscript, read_manuscript
from psgflask.pages import publishing
from psgflask.pages.models import (
    DRAFT,
    MAX_TITLE_LENGTH,
    PUBLISHED,
    SECTIONS,
    SITE,
    WITHDRAWN,
    Page,
)
from psgflask.pages.publishing import PageRefused

# The home page shows these with their teasers, in this order, as the old site did.
ON_THE_HOME_PAGE = ("aims", "historical-overview", "human-rights")
# The texts of a new installation: the site itself links to these pages.
TEXTS = Path(__file__).with_name("standing")
ADDED_BY = "installation"
NAMES = ("slug", "language", "section", "position", "title", "teaser")


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
    revision: int | None = None


def published() -> ColumnElement[bool]:
    """Return the condition that readers may see a page."""
    return Page.status == PUBLISHED


def versions(session: Session, slug: str) -> dict[str, Page]:
    """Return language -> public page of a slug."""
    rows = session.scalars(select(Page).where(Page.slug == slug, published()))
    return {page.language: page for page in rows}


def is_gone(session: Session, slug: str) -> bool:
    """Say whether a page of this slug was public and has been withdrawn."""
    withdrawn = select(Page.id).where(Page.slug == slug, Page.status == WITHDRAWN)
    return session.scalar(withdrawn.limit(1)) is not None


def find(session: Session, slug: str, language: str) -> Page | None:
    """Return the page of a slug in a language, whatever its status."""
    return session.scalar(select(Page).where(Page.slug == slug, Page.language == language))


def section(session: Session, name: str, language: str) -> Sequence[Page]:
    """Return the pages of a section in their order, each in one language."""
    pages = select(Page).where(Page.section == name, published())
    rows = session.scalars(pages.order_by(Page.position))
    return _one_version_each(rows.all(), language)


def on_the_home_page(session: Session, language: str) -> list[Page]:
    """Return the pages whose teasers the home page shows."""
    chosen = select(Page).where(Page.slug.in_(ON_THE_HOME_PAGE), published())
    rows = session.scalars(chosen).all()
    pages = {page.slug: page for page in _one_version_each(rows, language)}
    return [pages[slug] for slug in ON_THE_HOME_PAGE if slug in pages]


def _one_version_each(rows: Sequence[Page], language: str) -> list[Page]:
    chosen: dict[str, Page] = {}
    for page in rows:
        if page.slug not in chosen or page.language == language:
            chosen[page.slug] = page
    return sorted(chosen.values(), key=lambda page: (page.position, page.slug))


def read_page(path: Path, *, check_language: bool = True) -> PageText:
    """Read a page. Raises InvalidFile with every mistake, its line and what to write.

    A text that reads as another language than the file says is a mistake, unless it is not checked.
    """
    manuscript = read_manuscript(path, (*NAMES, "revision"))
    values = manuscript.front_matter
    values.text("slug", example="contact")
    page = PageText(
        slug=values.parse("slug", _slug, ""),
        language=values.choice("language", LANGUAGES, LANGUAGES[0]),
        section=values.choice("section", SECTIONS, "") or None,
        position=values.whole_number("position"),
        title=values.one_line("title", longest=MAX_TITLE_LENGTH, example="How to reach us"),
        teaser=values.text("teaser", example="One sentence that stands in the lists"),
        body=manuscript.body,
        revision=values.whole_number("revision"),
    )
    texts = page.title, page.teaser, page.body
    if check_language and (mistake := publishing.language_mistake(page.language, *texts)):
        values.add_mistake("language", mistake)
    manuscript.finish("The text is missing below the second ---")
    return page


def page_as_markdown(page: Page, revision: int | None = None) -> str:
    """Return the file with which `set_page` would leave a page as it is, and of which revision."""
    values = {name: getattr(page, name) for name in NAMES}
    if revision is not None:
        values["revision"] = revision
    return format_manuscript(values, page.body)


def set_page(
    session: Session,
    text: PageText,
    *,
    by: str,
    now: datetime,
    draft: bool = False,
    version: int | None = None,
) -> tuple[Page, bool]:
    """Add a page, at once public or as a draft, or replace what it says; say whether it is new.

    Section and position stay as they are where the file leaves them out, and so does the status of
    a page that is there. Flushes. Raises SavedMeanwhile where somebody saved since the version or
    since the file's revision, or deleted the page, and PageRefused for a draft of a page that is
    not one.
    """
    page = find(session, text.slug, text.language)
    is_new = page is None
    if page is None:
        if text.revision is not None or version is not None:
            raise SavedMeanwhile(
                f"There is no page {text.slug!r} in {text.language!r} any more: to add one, leave"
                " `revision` and --version out"
            )
        page = _new_page(session, text, DRAFT if draft else PUBLISHED)
    elif draft and page.status != DRAFT:
        raise PageRefused(f"{page.title!r} is {page.status} already: save it without --draft")
    else:
        publishing.before_change(session, page, now=now, version=version, revision=text.revision)
    page.title, page.teaser, page.body = text.title, text.teaser, text.body
    if text.section is not None:
        page.section = text.section
    if text.position is not None:
        page.position = text.position
    publishing.record(session, page, "created" if is_new else "revised", by=by, now=now)
    return page, is_new


def withdraw(session: Session, page: Page, *, by: str, now: datetime) -> None:
    """Withdraw a page. Raises PageRefused for the last version of one that the site links to."""
    needed = {file.stem for file in TEXTS.glob("*/*.md")}
    if page.slug in needed and set(versions(session, page.slug)) == {page.language}:
        raise PageRefused(
            f"The site itself links to {page.slug!r}: change its text by `flask pages set` instead"
        )
    publishing.withdraw(session, page, by=by, now=now)


def _new_page(session: Session, text: PageText, status: str) -> Page:
    page = Page(slug=text.slug, language=text.language, section=SITE, position=0, status=status)
    translation = session.scalar(select(Page).where(Page.slug == text.slug))
    if translation is not None:
        page.section, page.position = translation.section, translation.position
    session.add(page)
    return page


def add_missing(session: Session, folder: Path = TEXTS) -> list[Page]:
    """Add the standing pages of a new installation that are missing, and return them.

    A page that exists keeps what volunteers wrote. Flushes, never commits. Raises
    InvalidFile for a text that cannot be read.
    """
    existing = {tuple(row) for row in session.execute(select(Page.slug, Page.language))}
    texts = [read_page(file) for file in sorted(folder.glob("*/*.md"))]
    missing = [text for text in texts if (text.slug, text.language) not in existing]
    return [set_page(session, text, by=ADDED_BY, now=utc_now())[0] for text in missing]


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > MAX_SLUG_LENGTH:
        raise ValueError(f"write small letters and digits joined by hyphens, not {text!r}")
    return text
