"""Appeals: the one that a reader sees, and beginning, renewing and ending one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import london_day
from psgflask.core.database import Model
from psgflask.core.days import parse_day
from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.core.language_names import LANGUAGES
from psgflask.core.money import parse_pounds
from psgflask.core.revisions import SavedMeanwhile
from psgflask.manuscript.front_matter import FrontMatter, format_manuscript, read_manuscript
from psgflask.pages import publishing
from psgflask.pages.models import DRAFT, MAX_LINK_LENGTH, MAX_TITLE_LENGTH, PUBLISHED, Appeal
from psgflask.pages.publishing import PageRefused

# What a file may leave out: it stays as it is, and NONE removes it.
OPTIONAL = ("link", "target", "total", "ends on", "outcome", "article")
NAMES = ("title", "language", *OPTIONAL, "number", "revision")
NONE = "none"
Value = TypeVar("Value")


@dataclass(frozen=True)
class AppealShown:
    """An appeal with its progress: `share` 0 to 1, None where target or total is not set."""

    appeal: Appeal
    share: float | None
    ended: bool


@dataclass(frozen=True)
class AppealText:
    """An appeal as its file has it; `article` is the slug of the news that announced it.

    `left_out` are the names of OPTIONAL that the file leaves out. `number` and `revision` say what
    the file was written from.
    """

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
    left_out: frozenset[str] = frozenset()
    number: int | None = None
    revision: int | None = None


def newest_appeal(session: Session, language: str, today: date) -> AppealShown | None:
    """Return the newest public appeal in a language, else in the other one."""
    public = select(Appeal).where(Appeal.status == PUBLISHED)
    rows = session.scalars(public.order_by(Appeal.id.desc())).all()
    own = [row for row in rows if row.language == language] or rows
    if not own:
        return None
    newest = own[0]
    return AppealShown(newest, _share(newest.target, newest.total), has_ended(newest, today))


def has_ended(appeal: Appeal, today: date) -> bool:
    """Say whether an appeal is over; on its last day it still runs."""
    return appeal.ends_on is not None and appeal.ends_on < today


def state(appeal: Appeal, today: date) -> str:
    """Return draft, withdrawn, running or ended."""
    if appeal.status != PUBLISHED:
        return appeal.status
    return "ended" if has_ended(appeal, today) else "running"


def read_appeal(path: Path, *, check_language: bool = True) -> AppealText:
    """Read an appeal. Raises InvalidFile with every mistake, its line and what to write.

    A text that reads as another language than the file says is a mistake, unless it is not checked.
    """
    manuscript = read_manuscript(path, NAMES)
    values = manuscript.front_matter
    appeal = AppealText(
        language=values.choice("language", LANGUAGES, LANGUAGES[0]),
        title=values.one_line("title", longest=MAX_TITLE_LENGTH, example="How to reach us"),
        text=manuscript.body.strip(),
        link=_optional(values, "link", _parse_link, ""),
        target=_optional(values, "target", parse_pounds, None),
        total=_optional(values, "total", parse_pounds, None),
        ends_on=_optional(values, "ends on", parse_day, None),
        outcome=_optional(values, "outcome", str, ""),
        article=_optional(values, "article", _parse_article, ""),
        article_line=values.line("article"),
        left_out=frozenset(name for name in OPTIONAL if not values.text(name)),
        number=values.whole_number("number"),
        revision=values.whole_number("revision"),
    )
    if appeal.target == 0:
        values.add_mistake("target", "`target`: write more than 0, or leave the line out")
    texts = appeal.title, appeal.text
    if check_language and (mistake := publishing.language_mistake(appeal.language, *texts)):
        values.add_mistake("language", mistake)
    manuscript.finish("The text is missing below the second ---")
    return appeal


def appeal_as_markdown(session: Session, appeal: Appeal, revision: int | None = None) -> str:
    """Return the file with which `set_appeal` would leave an appeal as it is."""
    articles = Model.metadata.tables["articles"]
    slug = session.scalar(select(articles.c.slug).where(articles.c.id == appeal.article_id))
    values: dict[str, Any] = {
        "title": appeal.title,
        "language": appeal.language,
        "link": appeal.link,
        "target": _as_text(appeal.target),
        "total": _as_text(appeal.total),
        "ends on": _as_text(appeal.ends_on),
        "outcome": appeal.outcome,
        "article": slug,
        "number": appeal.id,
        "revision": revision,
    }
    return format_manuscript({k: v for k, v in values.items() if v not in ("", None)}, appeal.text)


def set_appeal(
    session: Session,
    text: AppealText,
    *,
    by: str,
    now: datetime,
    draft: bool = False,
    version: int | None = None,
) -> tuple[Appeal, bool]:
    """Renew the running appeal of a language, or begin one; flush, and say whether it is new.

    An appeal that has ended stays as it ended. Where none is running a draft is renewed, and stays
    one; `draft` renews or begins one beside an appeal that is running. What the file leaves out
    stays.
    Target and total become those of the running appeal in the other language, too. Raises
    InvalidFile where its article is not there, and SavedMeanwhile where somebody saved since the
    version or since the file's revision, or where the file is of an appeal that would not be
    renewed: it was withdrawn, or has ended.
    """
    today = london_day(now)
    values = _values(session, text)
    appeal = None if draft else running_appeal(session, text.language, today)
    appeal = appeal or _newest(session, text.language, DRAFT)
    _check_is_of(session, text, appeal, version)
    is_new = appeal is None
    if appeal is None:
        appeal = Appeal(language=text.language, status=DRAFT if draft else PUBLISHED)
        if (other := counterpart(session, appeal, today)) is not None:
            appeal.target, appeal.total = other.target, other.total
        session.add(appeal)
    else:
        publishing.before_change(session, appeal, now=now, version=version, revision=text.revision)
    for name, value in values.items():
        setattr(appeal, name, value)
    publishing.record(session, appeal, "begun" if is_new else "revised", by=by, now=now)
    if appeal.status == PUBLISHED:
        _share_money(session, appeal, by=by, now=now)
    return appeal, is_new


def _check_is_of(
    session: Session, text: AppealText, renewed: Appeal | None, version: int | None
) -> None:
    """Check that a file is of the appeal that it renews, or of none. Raises SavedMeanwhile."""
    if renewed is not None and text.number in (None, renewed.id):
        return
    if renewed is None and text.number is text.revision is version is None:
        return
    rows = select(Appeal).where(Appeal.language == text.language).order_by(Appeal.id.desc())
    newest = session.scalar(rows.limit(1))
    there = "none is there" if newest is None else f"the newest is number {newest.id}"
    raise SavedMeanwhile(
        f"The appeal that the file is of is no more to be renewed; {there}"
        f"{publishing.newest_save(session, newest) if newest else ''}. To begin another one, leave"
        " `number`, `revision` and --version out"
    )


def publish(session: Session, appeal: Appeal, *, by: str, now: datetime) -> None:
    """Make an appeal public, with the money of the one that runs in the other language.

    Raises PageRefused where it is public, another one runs in its language, or a newer one is
    public, which readers would go on seeing.
    """
    today = london_day(now)
    running = running_appeal(session, appeal.language, today)
    if running is not None and running is not appeal:
        raise PageRefused(f"{running.title!r} is running: end or withdraw it first")
    publishing.publish(session, appeal, by=by, now=now)
    _check_newest(session, appeal)
    if (other := counterpart(session, appeal, today)) is not None:
        _share_money(session, other, by=by, now=now)


def restore(
    session: Session,
    appeal: Appeal,
    number: int,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> list[str]:
    """Make an appeal say again what a revision has, and return what that changes.

    Raises RevisionUnknown, SavedMeanwhile, and PageRefused where it would run again behind a newer
    one.
    """
    changed = publishing.restore(session, appeal, number, by=by, now=now, version=version)
    if state(appeal, london_day(now)) == "running":
        _check_newest(session, appeal)
        _share_money(session, appeal, by=by, now=now)
    return changed


def end_appeal(session: Session, appeal: Appeal, *, outcome: str, by: str, now: datetime) -> None:
    """End an appeal as of yesterday, with the words that say how it ended; flush."""
    publishing.before_change(session, appeal, now=now)
    appeal.ends_on = london_day(now) - timedelta(days=1)
    if outcome.strip():
        appeal.outcome = outcome.strip()
    publishing.record(session, appeal, "ended", by=by, now=now)


def running_appeal(session: Session, language: str, today: date) -> Appeal | None:
    """Return the newest public appeal of a language if it has not ended."""
    newest = _newest(session, language, PUBLISHED)
    return None if newest is None or has_ended(newest, today) else newest


def counterpart(session: Session, appeal: Appeal, today: date) -> Appeal | None:
    """Return the appeal that runs in the other language: they have one target and one total."""
    other = "es" if appeal.language == "en" else "en"
    return running_appeal(session, other, today)


def _check_newest(session: Session, appeal: Appeal) -> None:
    """Check that readers see this public appeal, not a newer one. Raises PageRefused."""
    newest = _newest(session, appeal.language, PUBLISHED)
    if newest is not None and newest is not appeal:
        raise PageRefused(
            f"{newest.title!r} (number {newest.id}) is newer and public, so readers would not see"
            f" {appeal.title!r}: withdraw that first, or set a new appeal"
        )


def _newest(session: Session, language: str, status: str) -> Appeal | None:
    rows = select(Appeal).where(Appeal.language == language, Appeal.status == status)
    return session.scalar(rows.order_by(Appeal.id.desc()).limit(1))


def _share_money(session: Session, appeal: Appeal, *, by: str, now: datetime) -> None:
    """Give the target and total of an appeal to the one that runs in the other language."""
    other = counterpart(session, appeal, london_day(now))
    money = appeal.target, appeal.total
    if other is not None and (other.target, other.total) != money:
        publishing.before_change(session, other, now=now)
        other.target, other.total = money
        publishing.record(session, other, "revised", by=by, now=now)


def _values(session: Session, text: AppealText) -> dict[str, Any]:
    """Return the columns that a file sets."""
    optional: dict[str, tuple[str, Any]] = {
        "link": ("link", text.link),
        "target": ("target", text.target),
        "total": ("total", text.total),
        "ends on": ("ends_on", text.ends_on),
        "outcome": ("outcome", text.outcome),
        "article": ("article_id", _article_id(session, text)),
    }
    told = dict(optional[name] for name in OPTIONAL if name not in text.left_out)
    return {"title": text.title, "text": text.text, **told}


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


def _optional(
    values: FrontMatter, name: str, parser: Callable[[str], Value], absent: Value
) -> Value:
    """Return a parsed value, `absent` where the file leaves it out or says NONE."""

    def parse(text: str) -> Value:
        return absent if text.casefold() == NONE else parser(text)

    return values.parse(name, parse, absent)


def _as_text(value: object) -> str:
    return "" if value is None else str(value)


def _parse_article(text: str) -> str:
    return text.rstrip("/").rpartition("/")[2]


def _parse_link(text: str) -> str:
    """Parse the address to give at: https://… or a path of this site."""
    local = text.startswith("/") and not text.startswith(("//", "/\\"))
    if not (local or re.match(r"https?://[^\s/]", text)) or re.search(r"[\s\x00-\x1f]", text):
        raise ValueError(f"write an address that begins with https:// or with /, not {text!r}")
    if len(text) > MAX_LINK_LENGTH:
        raise ValueError(f"an address of at most {MAX_LINK_LENGTH} characters fits")
    return text
