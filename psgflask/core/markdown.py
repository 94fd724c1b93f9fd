"""Markdown of articles and pages: rendered as sanitised HTML, or as plain text."""

import re

import nh3
from markdown_it import MarkdownIt

from psgflask.core.lru_cache import LRUCache

TAGS = {
    *("p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "em", "strong", "a", "br", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "pre", "s", "sup", "sub", "cite"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "th": {"scope", "class"}, "td": {"class"}}
ALIGNMENTS = {"left": "", "right": ' class="figure"', "center": ' class="centre"'}
SCHEMES = {"http", "https", "mailto", "tel"}

_parser = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
_html_cache = LRUCache(4_000_000)  # bytes: feeds and pages render the same texts again and again
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=SCHEMES,
    link_rel="noopener",
    attribute_filter=lambda tag, name, value: value if _allowed(name, value) else None,
)


def to_html(text: str) -> str:
    """Return Markdown as sanitised HTML; its first heading level is h2."""
    return _html_cache.get_or_create(text, lambda: _render(text))


def plain_text(text: str) -> str:
    """Return Markdown as plain text, blocks separated by blank lines."""
    blocks: list[str] = []
    for token in _parser.parse(text):
        if token.type == "inline":
            blocks.append(_inline_text(token.children or []))
        elif token.type in {"code_block", "fence"}:
            blocks.append(token.content.strip())
    return "\n\n".join(filter(None, blocks))


def _inline_text(tokens: list) -> str:  # type: ignore[type-arg]  # markdown-it's tokens
    parts = []
    for token in tokens:
        if token.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif token.type in {"text", "code_inline", "image"}:
            parts.append(token.content)
    return "".join(parts)


def _render(text: str) -> str:
    html = _parser.render(text)
    html = _renumber_headings(html)
    html = re.sub(r'<(t[dh])([^<>]*) style="text-align:(left|right|center)">', _aligned, html)
    html = re.sub(r"<th(?=[ >])", '<th scope="col"', html)
    return _cleaner.clean(html)


def _aligned(match: re.Match[str]) -> str:
    """Replace an inline style, which our policy forbids, by a class."""
    return f"<{match[1]}{match[2]}{ALIGNMENTS[match[3]]}>"


def _renumber_headings(html: str) -> str:
    """Make headings begin at h2, end at h4 and skip no level on the way down."""
    level = 1

    def renumbered(match: re.Match[str]) -> str:
        nonlocal level
        if not match[1]:
            level = min(max(int(match[2]), 2), 4, level + 1)
        return f"<{match[1]}h{level}>"

    return re.sub(r"<(/?)h([1-6])>", renumbered, html)


def _allowed(name: str, value: str) -> bool:
    """Refuse links that leave the site without a scheme, such as //evil.example."""
    if name == "class":
        return value in {"figure", "centre"}
    if name != "href":
        return True
    # As browsers parse it: control characters and spaces dropped, a backslash taken for a slash.
    return not re.sub(r"[\x00-\x20]", "", value).replace("\\", "/").startswith("//")
