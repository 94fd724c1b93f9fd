"""What templates show of an article besides its text: date, address, share links, JSON-LD."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import quote

from babel.dates import format_date
from flask import Flask, current_app
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.exc import DatabaseError

from psgflask.core import failures
from psgflask.core.database import db, fail_fast
from psgflask.news import catalogue, counting, lists
from psgflask.news.dateline import DAY, MONTH, UNDATED, Dateline
from psgflask.news.models import Article, Topic
from psgflask.news.slugs import article_url, month_url
from psgflask.news.web.list_pages import current_scope
from psgflask.web import caching, languages

Result = TypeVar("Result")


@dataclass(frozen=True)
class FormattedDateline:
    """A dateline in words: numeral "15" (days only), words "July 2018", iso for <time>."""

    numeral: str | None
    words: str
    text: str
    iso: str | None
    href: str


def init_app(app: Flask) -> None:
    """Register what templates use."""
    app.jinja_env.globals.update(when=when, article_url=article_url, topic_name=topic_name)
    app.context_processor(lambda: {"archive": Archive()})


def topic_name(topic: Topic) -> str:
    """Return a topic's name in the interface's language."""
    return topic.name(languages.current_language())


def when(dateline: Dateline) -> FormattedDateline:
    """Format a dateline in the interface's language, with the address of its month."""
    if dateline.precision == UNDATED or dateline.first is None or dateline.last is None:
        words = _("Undated")
        return FormattedDateline(None, words, words, None, languages.address("news.undated"))
    first, last = dateline.first, dateline.last
    href = month_url(last.year, last.month)
    language = languages.current_language()
    if dateline.precision == DAY:
        joint = "'de' " if language == "es" else ""
        words = format_date(first, f"{joint}MMMM {joint}y", locale=language)
        numeral = str(first.day)
        return FormattedDateline(numeral, words, f"{numeral} {words}", first.isoformat(), href)
    end = _month(last, language)
    if dateline.precision == MONTH:
        return FormattedDateline(None, _capital(end), _capital(end), f"{last:%Y-%m}", href)
    start = (
        format_date(first, "LLLL", locale=language)
        if first.year == last.year
        else _month(first, language)
    )
    words = f"{start}–{end}" if language == "en" or first.year == last.year else f"{start} – {end}"
    return FormattedDateline(None, _capital(words), _capital(words), f"{last:%Y-%m}", href)


def _month(day: date, language: str) -> str:
    pattern = "LLLL 'de' y" if language == "es" else "LLLL y"
    return str(format_date(day, pattern, locale=language))


def _capital(words: str) -> str:
    """Capitalise the first letter: Spanish months are in lower case."""
    return words[0].upper() + words[1:]


class Archive:
    """The archive for base.html and the error pages, queried only when a template uses it.

    No page fails for its sake: where the database does not answer, it is empty.
    """

    @property
    def href(self) -> str:
        """Return the address of the newest year that has articles."""
        years = self._years()
        if not years:
            return languages.address("news.listing")
        return languages.address("news.year", year=max(years))

    @property
    def years(self) -> list[lists.Cord]:
        """Return the year cords of the whole archive."""
        return lists.year_cords(
            self._years(), lambda year: languages.address("news.year", year=year)
        )

    @property
    def latest(self) -> list[lists.DatelineGroup]:
        """Return the newest article, under its date, if there is one."""
        newest = catalogue.listing(current_scope()).limit(1)
        return self._query(lambda: lists.group_by_dateline(db.session.scalars(newest))) or []

    def _years(self) -> Counter[int]:
        return self._query(lambda: counting.by_year(current_scope())) or Counter()

    @staticmethod
    def _query(run: Callable[[], Result]) -> Result | None:
        try:
            return run()
        except DatabaseError as error:
            is_transient = failures.is_busy(error) or failures.is_unreachable(error)
            if not (is_transient or failures.is_damaged(error)):
                raise
            if is_transient:
                fail_fast()  # or each further query of this page would wait as long
            db.session.rollback()
            caching.prevent_caching()
            return None


def share_links(article: Article) -> list[tuple[str, str]]:
    """Return (label, address) of the links to share an article, without third-party scripts."""
    address = article_url(article, external=True)
    text = quote(f"{article.title}\n{address}", safe="")
    return [
        (_("By e-mail"), f"mailto:?subject={quote(article.title, safe='')}&body={text}"),
        (_("By WhatsApp"), f"https://wa.me/?text={text}"),
    ]


def alternates(article: Article, counterpart: Article | None) -> list[tuple[str, str]]:
    """Return (language, public address) of the article and of its translation."""
    versions = [article, *([counterpart] if counterpart else [])]
    return [
        (version.language, article_url(version, external=True))
        for version in sorted(versions, key=lambda version: version.language)
    ]


def json_ld(article: Article) -> Markup:
    """Return the article as schema.org NewsArticle for a script block of data."""
    assets = current_app.extensions["psg_assets"]
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "description": article.teaser,
        "inLanguage": article.language,
        "mainEntityOfPage": article_url(article, external=True),
        "datePublished": _iso(article.publish_at),
        "dateModified": _iso(article.changed_at),
        "isAccessibleForFree": not article.members_only,
        "image": languages.absolute_url(assets.address("images/og.png")),
        "publisher": {"@type": "Organization", "name": "Peru Support Group"},
        "author": {"@type": "Organization", "name": article.byline or "Peru Support Group"},
    }
    text = json.dumps({k: v for k, v in data.items() if v is not None}, ensure_ascii=False)
    for character in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # JSON whose markup characters are escaped just above


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
