"""Redirect rules for the addresses of earlier sites."""

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
from psgflask.news.slugs import month_url
from psgflask.redirects import destinations
from psgflask.web import languages


def init_app(app: Flask) -> None:
    """Register the rules."""
    for pattern, rule in (
        (r"/(?:news|articles)\.php", _position),
        (r"/article-\d+\.html", _page("news.listing")),
        (r"/about\.php", _page("pages.about")),
        (r"/resources\.php", _page("news.publications")),
        (r"/index\.(?:php|html?)", _page("home.index")),
        (r"/(\d{4})/(\d\d)/([^/]+)/?", _wordpress_article),
        (r"/(\d{4})/(\d\d)/?", _wordpress_month),
    ):
        destinations.register_rule(pattern, rule, extensions=app.extensions)


def _page(endpoint: str) -> destinations.Rule:
    return lambda match, query: languages.address(endpoint, language="en")


def _position(match: re.Match[str], query: Mapping[str, str]) -> str:
    """`?position=N` -> the month of the Nth newest article, else the news."""
    text = query.get("position", "")
    if text.isascii() and text.isdigit() and len(text) < 7:
        month = counting.month_at(Scope("en", utc_now()), int(text))
        if month is not None:
            return month_url(*month, language="en")
    return languages.address("news.listing", language="en")


def _wordpress_article(match: re.Match[str], query: Mapping[str, str]) -> str | None:
    """`/2020/04/some-slug/` -> the article with the slug, else its month."""
    article = db.session.scalar(
        select(Article)
        .where(
            Article.slug == match[3].casefold(),
            Article.language.in_(language_names.LANGUAGES),  # the index has both columns
            catalogue.published(utc_now()),
        )
        .order_by(Article.language)
    )
    if article is not None:
        return languages.address("news.article", language=article.language, slug=article.slug)
    return _wordpress_month(match, query)


def _wordpress_month(match: re.Match[str], query: Mapping[str, str]) -> str | None:
    month = int(match[2])
    return month_url(int(match[1]), month, language="en") if 1 <= month <= 12 else None
