"""The only writer of pages and appeals: set a page, begin, renew and end an appeal."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.database import Model
from psgflask.core.language_names import LANGUAGES
from psgflask.manuscript import FrontMatterWrong, Head, Mistake, read
from psgflask.pages.models import SECTIONS, SITE, Appeal, Page
from psgflask.pages.reading import has_ended

PAGE_NAMES = ("slug", "language", "section", "position", "title", "teaser")
APPEAL_NAMES = (*("title", "language", "link", "target", "total", "ends on", "outcome", "article"),)
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_TITLE, LONGEST_SLUG, LONGEST_LINK = 250, 80, 500
MOST_MONEY = Decimal(1_000_000_000)


@dataclass(frozen=True)
class PageText:
    """A page as its file tells it; what the file leaves out is None."""

    slug: str
    language: str
    section: str | None
    position: int | None
    title: str
    teaser: str
    body: str


@dataclass(frozen=True)
class AppealText:
    """An appeal as its file tells it; `article` is the slug of the news that announced it."""

    language: str
    title: str
    text: str
    link: str
    target: Decimal | None
    total: Decimal | None
    ends_on: date | None
    outcome: str
    article: str
    article_line: int


def read_page(path: Path) -> PageText:
    """Read a page. Raises FrontMatterWrong with every mistake, its line and what to write."""
    manuscript = read(path, PAGE_NAMES)
    head = manuscript.head
    head.text("slug", example="contact")
    page = PageText(
        slug=head.read("slug", _slug, ""),
        language=head.choice("language", LANGUAGES, LANGUAGES[0]),
        section=head.choice("section", SECTIONS, "") or None,
        position=head.read("position", _whole, None),
        title=_title(head),
        teaser=head.text("teaser", example="One sentence that stands in the lists"),
        body=manuscript.body,
    )
    _need_text(head, manuscript.body)
    return page


def read_appeal(path: Path) -> AppealText:
    """Read an appeal. Raises FrontMatterWrong with every mistake, its line and what to write."""
    manuscript = read(path, APPEAL_NAMES)
    head = manuscript.head
    appeal = AppealText(
        language=head.choice("language", LANGUAGES, LANGUAGES[0]),
        title=_title(head),
        text=manuscript.body.strip(),
        link=head.read("link", _link, ""),
        target=head.read("target", _money, None),
        total=head.read("total", _money, None),
        ends_on=head.read("ends on", read_day, None),
        outcome=head.text("outcome"),
        article=head.text("article").rstrip("/").rpartition("/")[2],
        article_line=head.line("article"),
    )
    if appeal.target == 0:
        head.wrong("target", "`target`: write more than 0, or leave the line out")
    _need_text(head, manuscript.body)
    return appeal


def set_page(session: Session, text: PageText) -> tuple[Page, bool]:
    """Add a page or replace what it says; flush, and say whether it is new.

    Section and position stay as they are when the file says nothing of them.
    """
    page = session.scalar(
        select(Page).where(Page.slug == text.slug, Page.language == text.language)
    )
    is_new = page is None
    if page is None:
        page = Page(slug=text.slug, language=text.language, section=SITE, position=0)
        # Its translation knows where it belongs.
        twin = session.scalar(select(Page).where(Page.slug == text.slug))
        if twin is not None:
            page.section, page.position = twin.section, twin.position
        session.add(page)
    page.title, page.teaser, page.body = text.title, text.teaser, text.body
    if text.section is not None:
        page.section = text.section
    if text.position is not None:
        page.position = text.position
    session.flush()
    return page, is_new


def page_as_markdown(page: Page) -> str:
    """Return the file that `set_page` would take to leave a page as it is."""
    head = {
        "slug": page.slug,
        "language": page.language,
        "section": page.section,
        "position": page.position,
        "title": page.title,
        "teaser": page.teaser,
    }
    written = yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{written}---\n{page.body.strip()}\n"


def set_appeal(session: Session, text: AppealText, *, today: date) -> tuple[Appeal, bool]:
    """Renew the running appeal of a language, or begin one; flush, and say whether it is new.

    An appeal that has ended stays as it ended. Raises FrontMatterWrong when its article is
    not there.
    """
    article_id = _article_id(session, text)
    appeal = running_appeal(session, text.language, today)
    is_new = appeal is None
    if appeal is None:
        appeal = Appeal(language=text.language)
        session.add(appeal)
    appeal.title, appeal.text, appeal.link = text.title, text.text, text.link
    appeal.target, appeal.total = text.target, text.total
    appeal.ends_on, appeal.outcome = text.ends_on, text.outcome
    appeal.article_id = article_id
    session.flush()
    return appeal, is_new


def end_appeal(session: Session, appeal: Appeal, *, outcome: str, today: date) -> None:
    """End an appeal as of yesterday, with the words that say how it ended; flush."""
    appeal.ends_on = today - timedelta(days=1)
    if outcome.strip():
        appeal.outcome = outcome.strip()
    session.flush()


def running_appeal(session: Session, language: str, today: date) -> Appeal | None:
    """Return the newest appeal of a language if it has not ended."""
    newest = session.scalar(
        select(Appeal).where(Appeal.language == language).order_by(Appeal.id.desc()).limit(1)
    )
    return None if newest is None or has_ended(newest, today) else newest


def _article_id(session: Session, text: AppealText) -> int | None:
    if not text.article:
        return None
    # The news are a room beside this one; only the key into their table is shared.
    articles = Model.metadata.tables["articles"]
    found: int | None = session.scalar(
        select(articles.c.id).where(
            articles.c.slug == text.article, articles.c.language == text.language
        )
    )
    if found is None:
        message = f"`article`: there is no article {text.article!r} in {text.language!r}"
        raise FrontMatterWrong(Mistake(text.article_line, message))
    return found


def _title(head: Head) -> str:
    title = " ".join(head.text("title", example="How to reach us").split())
    if len(title) > LONGEST_TITLE:
        head.wrong("title", f"`title` has {len(title)} characters; at most {LONGEST_TITLE} fit")
    return title


def _need_text(head: Head, body: str) -> None:
    if not body.strip():
        head.wrong("body", "The text is missing below the second ---")
    head.finish()


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > LONGEST_SLUG:
        raise ValueError(f"write small letters and digits joined by hyphens, not {text!r}")
    return text


def _whole(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise ValueError(f"write a whole number such as 3, not {text!r}")
    return int(text)


def _money(text: str) -> Decimal | None:
    """Read an amount in pounds: 12500, 12,500.00 or £12,500."""
    written = text.removeprefix("£").replace(",", "").strip()
    try:
        amount = Decimal(written)
    except InvalidOperation:
        raise ValueError(f"write an amount in pounds such as 12500, not {text!r}") from None
    if not amount.is_finite() or not 0 <= amount < MOST_MONEY:
        raise ValueError(f"write an amount in pounds such as 12500, not {text!r}")
    return amount.quantize(Decimal("0.01"))


def _link(text: str) -> str:
    """Read an address to give at: https://… or a path of this site."""
    local = text.startswith("/") and not text.startswith(("//", "/\\"))
    if not (local or re.match(r"https?://[^\s/]", text)) or re.search(r"[\s\x00-\x1f]", text):
        raise ValueError(f"write an address that begins with https:// or with /, not {text!r}")
    if len(text) > LONGEST_LINK:
        raise ValueError(f"an address of at most {LONGEST_LINK} characters fits")
    return text


def read_day(text: str) -> date:
    """Read a day as 2026-11-30 or 30 November 2026. Raises ValueError that says so."""
    readings: tuple[Callable[[str], date], ...] = (date.fromisoformat, _day_in_words)
    for reading in readings:
        try:
            return reading(text)
        except ValueError:
            continue
    raise ValueError(f"write a day such as 2026-11-30 or 30 November 2026, not {text!r}")


def _day_in_words(text: str) -> date:
    return datetime.strptime(text, "%d %B %Y").replace(tzinfo=UTC).date()
