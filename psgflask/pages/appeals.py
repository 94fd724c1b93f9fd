"""Appeals: the one that a reader sees, and beginning, renewing and ending one."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.database import Model
from psgflask.core.days import parse_day
from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.core.language_names import LANGUAGES
from psgflask.core.money import parse_pounds
from psgflask.manuscript.front_matter import read_manuscript
from psgflask.pages.models import Appeal

NAMES = (*("title", "language", "link", "target", "total", "ends on", "outcome", "article"),)
MAX_TITLE_LENGTH, MAX_LINK_LENGTH = 250, 500


@dataclass(frozen=True)
class AppealShown:
    """An appeal with its progress: `share` 0 to 1, None where target or total is not set."""

    appeal: Appeal
    share: float | None
    ended: bool


@dataclass(frozen=True)
class AppealText:
    """An appeal as its file has it; `article` is the slug of the news that announced it."""

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


def newest_appeal(session: Session, language: str, today: date) -> AppealShown | None:
    """Return the newest appeal in a language, else in the other one."""
    rows = session.scalars(select(Appeal).order_by(Appeal.id.desc())).all()
    own = [row for row in rows if row.language == language] or rows
    if not own:
        return None
    newest = own[0]
    return AppealShown(newest, _share(newest.target, newest.total), has_ended(newest, today))


def has_ended(appeal: Appeal, today: date) -> bool:
    """Say whether an appeal is over; on its last day it still runs."""
    return appeal.ends_on is not None and appeal.ends_on < today


def read_appeal(path: Path) -> AppealText:
    """Read an appeal. Raises InvalidFile with every mistake, its line and what to write."""
    manuscript = read_manuscript(path, NAMES)
    values = manuscript.front_matter
    appeal = AppealText(
        language=values.choice("language", LANGUAGES, LANGUAGES[0]),
        title=values.one_line("title", longest=MAX_TITLE_LENGTH, example="How to reach us"),
        text=manuscript.body.strip(),
        link=values.parse("link", _parse_link, ""),
        target=values.parse("target", parse_pounds, None),
        total=values.parse("total", parse_pounds, None),
        ends_on=values.parse("ends on", parse_day, None),
        outcome=values.text("outcome"),
        article=values.text("article").rstrip("/").rpartition("/")[2],
        article_line=values.line("article"),
    )
    if appeal.target == 0:
        values.add_mistake("target", "`target`: write more than 0, or leave the line out")
    manuscript.finish("The text is missing below the second ---")
    return appeal


def set_appeal(session: Session, text: AppealText, *, today: date) -> tuple[Appeal, bool]:
    """Renew the running appeal of a language, or begin one; flush, and say whether it is new.

    An appeal that has ended stays as it ended. Raises InvalidFile when its article is
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
    # By the name of the table: the import contracts keep pages and news apart.
    articles = Model.metadata.tables["articles"]
    found: int | None = session.scalar(
        select(articles.c.id).where(
            articles.c.slug == text.article, articles.c.language == text.language
        )
    )
    if found is None:
        message = f"`article`: there is no article {text.article!r} in {text.language!r}"
        raise InvalidFile(Mistake(text.article_line, message))
    return found


def _share(target: Decimal | None, total: Decimal | None) -> float | None:
    if target is None or total is None or target <= 0:
        return None
    return float(max(Decimal(0), min(Decimal(1), total / target)))


def _parse_link(text: str) -> str:
    """Parse the address to give at: https://… or a path of this site."""
    local = text.startswith("/") and not text.startswith(("//", "/\\"))
    if not (local or re.match(r"https?://[^\s/]", text)) or re.search(r"[\s\x00-\x1f]", text):
        raise ValueError(f"write an address that begins with https:// or with /, not {text!r}")
    if len(text) > MAX_LINK_LENGTH:
        raise ValueError(f"an address of at most {MAX_LINK_LENGTH} characters fits")
    return text
