"""Slugs: the readable end of an article's address."""

import re

from psgflask.core.folding import fold

LONGEST = 80
# Addresses under /news/ that are lists.
RESERVED = frozenset({"undated"})
VALID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def slug_of(title: str) -> str:
    """Make a slug of a title: folded, words joined by hyphens, cut at a word, never all digits."""
    letters = fold(title).replace("'", "")
    words = re.findall(r"[a-z0-9]+", letters.replace("\N{RIGHT SINGLE QUOTATION MARK}", ""))
    slug = "-".join(words) or "article"
    if len(slug) > LONGEST:
        slug = slug[: LONGEST + 1].rpartition("-")[0] or slug[:LONGEST]
    return f"article-{slug}" if slug.isdigit() or slug in RESERVED else slug


def is_slug(text: str) -> bool:
    """Say whether a text may be used as a slug."""
    return (
        bool(VALID.fullmatch(text))
        and not text.isdigit()
        and text not in RESERVED
        and len(text) <= 120
    )
