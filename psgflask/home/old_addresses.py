"""Rules for the addresses of the sites before this one."""

import re
from collections.abc import Mapping

from flask import Flask
from sqlalchemy import select

from psgflask.core import language_names
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue, counting
from psgflask.news.catalogue import Scope
from psgflask.news.models import Article
from psgflask.redirects import lookup
from psgflask.web import languages


def init_app(app: Flask) -> None:
    """Register what the old addresses mean."""
    for pattern, rule in (
        (r"/(?:news|articles)\.php", _at_position),
        (r"/article-\d+\.html", _news),
        (r"/about\.php", _about),
        (r"/resources\.php", _publications),
        (r"/index\.(?:php|html?)", _home),
        (r"/(\d{4})/(\d\d)/([^/]+)/?", _wordpress),
        (r"/(\d{4})/(\d\d)/?", _wordpress_month),
    ):
        lookup.register_rule(pattern, rule, extensions=app.extensions)


def _at_position(found: re.Match[str], query: Mapping[str, str]) -> str:
    """`?position=N` -> the month page that holds the Nth newest article, else the news."""
    text = query.get("position", "")
    if text.isascii() and text.isdigit() and len(text) < 7:
        month = counting.month_at(Scope("en", utc_now()), int(text))
        if month is not None:
            return _month(*month)
    return _news(found, query)


def _wordpress(found: re.Match[str], query: Mapping[str, str]) -> str | None:
    """`/2020/04/some-slug/` -> the article of that slug, else its month."""
    article = db.session.scalar(
        select(Article)
        .where(
            Article.slug == found[3].casefold(),
            Article.language.in_(language_names.LANGUAGES),  # the index is of both
            catalogue.published(utc_now()),
        )
        .order_by(Article.language)
    )
    if article is not None:
        return languages.address("news.article", language=article.language, slug=article.slug)
    return _wordpress_month(found, query)


def _wordpress_month(found: re.Match[str], query: Mapping[str, str]) -> str | None:
    return _month(int(found[1]), int(found[2])) if 1 <= int(found[2]) <= 12 else None


def _month(year: int, month: int) -> str:
    return languages.address("news.month", language="en", year=year, month=f"{month:02}")


def _news(found: re.Match[str], query: Mapping[str, str]) -> str:
    return languages.address("news.listing", language="en")


def _about(found: re.Match[str], query: Mapping[str, str]) -> str:
    return languages.address("pages.about", language="en")


def _publications(found: re.Match[str], query: Mapping[str, str]) -> str:
    return languages.address("news.publications", language="en")


def _home(found: re.Match[str], query: Mapping[str, str]) -> str:
    return languages.address("home.index", language="en")
