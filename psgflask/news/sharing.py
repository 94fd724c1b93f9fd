"""How an article travels: plain share links, alternates and JSON-LD for search machines."""

import json
from datetime import datetime
from urllib.parse import quote

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from psgflask.news.models import Article
from psgflask.news.rendering import article_url
from psgflask.web import languages


def links(article: Article) -> list[tuple[str, str]]:
    """Return (label, address) for sharing without any third party's script."""
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
        "datePublished": _moment(article.publish_at),
        "dateModified": _moment(article.changed_at),
        "isAccessibleForFree": not article.members_only,
        "image": languages.absolute(assets.address("images/og.png")),
        "publisher": {"@type": "Organization", "name": "Peru Support Group"},
        "author": {"@type": "Organization", "name": article.byline or "Peru Support Group"},
    }
    text = json.dumps({k: v for k, v in data.items() if v is not None}, ensure_ascii=False)
    for character in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # JSON whose markup characters are escaped just above


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
