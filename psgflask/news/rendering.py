"""How templates write an article's date and address."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from babel.dates import format_date
from flask import Flask
from flask_babel import gettext as _
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from psgflask.core import content_stamp, failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db, fail_fast
from psgflask.news import catalogue, counting, listing
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import DAY, MONTH, UNDATED, Dateline
from psgflask.news.models import Article, Attachment, Correction, Issue, Picture, Topic
from psgflask.web import caching, languages

Told = TypeVar("Told")


@dataclass(frozen=True)
class When:
    """A dateline in words: numeral "15" (days only), words "July 2018", iso for <time>."""

    numeral: str | None
    words: str
    text: str
    iso: str | None
    href: str


def init_app(app: Flask) -> None:
    """Give templates the words of dates and the addresses of articles."""
    app.jinja_env.globals.update(when=when, article_url=article_url, topic_name=topic_name)
    app.context_processor(_for_base)
    content_stamp.shown_to_readers(Article, Topic, Issue, Picture, Attachment, Correction)
    caching.goes_stale(app, _next_due)


def _next_due(session: Session, now: datetime) -> datetime | None:
    return catalogue.next_due(session, now)


def article_url(article: Article, *, external: bool = False) -> str:
    """Return the one address of an article, under its own language."""
    return languages.address(
        "news.article", language=article.language, external=external, slug=article.slug
    )


def topic_name(topic: Topic) -> str:
    """Return a topic's name in the interface's language."""
    return topic.name(languages.here())


def when(dateline: Dateline) -> When:
    """Write a dateline in the interface's language, with the address of its month."""
    if dateline.precision == UNDATED or dateline.first is None or dateline.last is None:
        words = _("Undated")
        return When(None, words, words, None, languages.address("news.undated"))
    first, last = dateline.first, dateline.last
    href = languages.address("news.month", year=last.year, month=f"{last.month:02}")
    language = languages.here()
    if dateline.precision == DAY:
        joint = "'de' " if language == "es" else ""
        words = format_date(first, f"{joint}MMMM {joint}y", locale=language)
        return When(str(first.day), words, f"{first.day} {words}", first.isoformat(), href)
    end = _month(last, language)
    if dateline.precision == MONTH:
        return When(None, _capital(end), _capital(end), f"{last:%Y-%m}", href)
    start = (
        format_date(first, "LLLL", locale=language)
        if first.year == last.year
        else _month(first, language)
    )
    words = f"{start}–{end}" if language == "en" or first.year == last.year else f"{start} – {end}"
    return When(None, _capital(words), _capital(words), f"{last:%Y-%m}", href)


def _month(day: Any, language: str) -> str:
    pattern = "LLLL 'de' y" if language == "es" else "LLLL y"
    return str(format_date(day, pattern, locale=language))


def _capital(words: str) -> str:
    """Spanish writes months small; standing first, a word is written large all the same."""
    return words[0].upper() + words[1:]


def _for_base() -> dict[str, object]:
    return {"archive": Archive()}


class Archive:
    """What base.html and the 404 page may ask about the archive; asked only when drawn.

    No page fails for that: where the database does not answer, nothing is known of the archive.
    """

    @property
    def href(self) -> str:
        """Return the address of the newest year that has articles."""
        years = self._years()
        if not years:
            return languages.address("news.listing")
        return languages.address("news.year", year=max(years))

    @property
    def years(self) -> list[listing.Cord]:
        """Return the year cords of the whole archive."""
        return listing.year_cords(
            self._years(), lambda year: languages.address("news.year", year=year)
        )

    @property
    def latest(self) -> list[listing.Day]:
        """Return the newest article, under its date, if there is one."""
        chosen = catalogue.listing(Scope(languages.here(), utc_now())).limit(1)
        return self._told(lambda: listing.by_day(db.session.scalars(chosen))) or []

    def _years(self) -> Counter[int]:
        scope = Scope(languages.here(), utc_now())
        return self._told(lambda: counting.by_year(scope)) or Counter()

    @staticmethod
    def _told(ask: Callable[[], Told]) -> Told | None:
        try:
            return ask()
        except DatabaseError as error:
            passing = failures.is_busy(error) or failures.is_unreachable(error)
            if not (passing or failures.is_damaged(error)):
                raise
            if passing:
                fail_fast()  # or each further question of this page would wait as long
            db.session.rollback()
            caching.do_not_keep()
            return None
