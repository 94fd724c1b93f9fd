"""Slugs, and the addresses that end with them."""

import re
from collections.abc import Iterator

from psgflask.core.folding import fold
from psgflask.core.language_names import PREFIXES
from psgflask.core.slugs import MAX_SLUG_LENGTH, SLUG
from psgflask.news.models import Article
from psgflask.web import languages

# Addresses under /news/ that are lists.
RESERVED = frozenset({"undated"})


def slugify(title: str) -> str:
    """Make a slug of a title: folded, words joined by hyphens, cut at a word, never all digits."""
    letters = fold(title).replace("'", "")
    words = re.findall(r"[a-z0-9]+", letters.replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))
    slug = "-".join(words) or "article"
    if len(slug) > MAX_SLUG_LENGTH:
        slug = slug[: MAX_SLUG_LENGTH + 1].rpartition("-")[0] or slug[:MAX_SLUG_LENGTH]
    return unreserved(slug)


def unreserved(slug: str) -> str:
    """Return a slug, with "article-" before it where it is the address of a list."""
    return f"article-{slug}" if slug.isdigit() or slug in RESERVED else slug


def is_slug(text: str) -> bool:
    """Say whether a text may be used as a slug."""
    return bool(SLUG.fullmatch(text)) and unreserved(text) == text and len(text) <= 120


def article_name(slug: str, language: str) -> str:
    """Return an article's name in commands: its slug, with es/ before a Spanish one."""
    return slug if language == "en" else f"{language}/{slug}"


def article_path(slug: str, language: str) -> str:
    """Return the path of the article that has a slug in a language."""
    return f"{PREFIXES[language]}/news/{slug}"


def topic_paths(slug: str) -> Iterator[str]:
    """Yield the paths of a topic: its page and its two feeds, in both languages."""
    for prefix in PREFIXES.values():
        for ending in ("", ".atom", ".rss"):
            yield f"{prefix}/topics/{slug}{ending}"


def month_url(year: int, month: int, language: str | None = None) -> str:
    """Return the address of a month's page (default: in this request's language)."""
    return languages.address("news.month", language=language, year=year, month=f"{month:02}")


def article_url(article: Article, *, external: bool = False) -> str:
    """Return the one address of an article, under its own language."""
    return languages.address(
        "news.article", language=article.language, external=external, slug=article.slug
    )
