"""Jinja filters and globals: dates, numbers, Markdown, addresses; XML responses."""

import re
from datetime import date, datetime
from urllib.parse import quote

import nh3
from flask import Flask, Response, has_request_context, render_template, request
from flask_babel import format_date, format_decimal
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from psgflask.core import clock, config, language_names
from psgflask.core.lru_cache import LRUCache
from psgflask.web import caching, languages, secrecy

TAGS = {
    *("p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "em", "strong", "a", "br", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "pre", "s", "sup", "sub", "cite"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "th": {"scope", "class"}, "td": {"class"}}
ALIGNMENTS = {"left": "", "right": ' class="figure"', "center": ' class="centre"'}
SCHEMES = {"http", "https", "mailto", "tel"}
# Characters that XML 1.0 does not allow (2.2); a single one makes a document invalid.
NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def init_app(app: Flask) -> None:
    """Register filters and globals, and what base.html needs on every page."""
    app.jinja_env.filters.update(
        markdown=markdown, date=long_date, london_day=london_day, number=format_decimal
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(site=app.config, confirmed=_confirmed(app))
    app.context_processor(_page_context)


def _confirmed(app: Flask) -> object:
    facts = {setting.name for setting in config.SETTINGS}

    def confirmed(name: str) -> str:
        """Return a fact from the configuration, or the words that say it is awaited."""
        if name not in facts:
            raise KeyError(name)
        return str(app.config[name]) or _("to be confirmed by PSG")

    return confirmed


def _page_context() -> dict[str, object]:
    path, language = _own_path(), languages.current_language()
    return {
        "page_language": language,
        "counterpart": languages.PREFIXES[languages.other_language()] + path,
        "canonical": languages.absolute_url(languages.PREFIXES[language] + path),
        "alternates": [
            (each, languages.absolute_url(languages.PREFIXES[each] + path))
            for each in language_names.LANGUAGES
        ],
    }


def _own_path() -> str:
    """Return the path of this page without its language, with the query that its view reads.

    A path with a secret is not repeated: an error page would link to it.
    """
    if not has_request_context() or secrecy.holds_secret(request.path):
        return "/"
    return quote(request.path) + caching.known_query()


def xml_response(template: str, media_type: str, **context: object) -> Response:
    """Render a template as XML, without the characters that XML forbids."""
    text = NOT_IN_XML.sub("", render_template(template, **context))
    return Response(text, content_type=f"{media_type}; charset=utf-8")


def london_day(value: date | datetime) -> date:
    """Return the day in London of a datetime; a date is returned unchanged."""
    return clock.london_day(value) if isinstance(value, datetime) else value


def long_date(value: date | datetime) -> str:
    """Format a day in full in the interface language; datetimes by London time."""
    value = london_day(value)
    pattern = "d 'de' MMMM 'de' y" if languages.current_language() == "es" else "d MMMM y"
    return str(format_date(value, pattern))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")


_markdown = _parser()
_html_cache = LRUCache(4_000_000)  # bytes: feeds and pages render the same texts again and again
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=SCHEMES,
    link_rel="noopener",
    attribute_filter=lambda tag, name, value: value if _allowed(name, value) else None,
)


def markdown(text: str) -> Markup:
    """Render Markdown as sanitised HTML; its first heading level is h2.

    A table that is wider than the page scrolls in a focusable frame.
    """
    html = _sanitised(text)
    if "<table>" in html:
        frame = f'<div class="table" role="group" tabindex="0" aria-label="{escape(_("Table"))}">'
        html = html.replace("<table>", f"{frame}<table>").replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704  # sanitised by nh3; the frame is ours


def _sanitised(text: str) -> str:
    return _html_cache.get_or_create(text, lambda: _render(text))


def _render(text: str) -> str:
    html = _markdown.render(text)
    html = _renumber_headings(html)
    html = re.sub(r'<(t[dh])([^<>]*) style="text-align:(left|right|center)">', _aligned, html)
    html = re.sub(r"<th(?=[ >])", '<th scope="col"', html)
    return _cleaner.clean(html)


def _aligned(match: re.Match[str]) -> str:
    """Replace an inline style, which our policy forbids, by a class."""
    return f"<{match[1]}{match[2]}{ALIGNMENTS[match[3]]}>"


def plain_text(text: str) -> str:
    """Return Markdown as plain text, blocks separated by blank lines."""
    blocks: list[str] = []
    for token in _markdown.parse(text):
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
