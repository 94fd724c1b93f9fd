"""Jinja filters and globals: dates, numbers, excerpts, Markdown."""

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
# All that XML 1.0 can hold (2.2); one other character, and no reader takes the document.
NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def init_app(app: Flask) -> None:
    """Give templates their filters and what base.html needs on every page."""
    app.jinja_env.filters.update(
        markdown=markdown, date=long_date, london_day=london_day, number=format_decimal
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(site=app.config, confirmed=_confirmed(app), absolute=absolute_url)
    app.context_processor(_of_this_page)


def _confirmed(app: Flask) -> object:
    facts = {setting.name for setting in config.SETTINGS}

    def confirmed(name: str) -> str:
        """Return a fact from the configuration, or the words that say it is awaited."""
        if name not in facts:
            raise KeyError(name)
        return str(app.config[name]) or _("to be confirmed by PSG")

    return confirmed


def _of_this_page() -> dict[str, object]:
    path = _own_path()
    return {
        "page_language": languages.here(),
        "counterpart": languages.PREFIXES[languages.other()] + path,
        "canonical": absolute_url(languages.PREFIXES[languages.here()] + path),
        "alternates": [
            (language, absolute_url(languages.PREFIXES[language] + path))
            for language in language_names.LANGUAGES
        ],
    }


def _own_path() -> str:
    """Return the path of this page without its language, with its cursor or words if any.

    A path that holds a secret is told to nobody: its own page knows better, an error does not.
    """
    if not has_request_context() or secrecy.holds_secret(request.path):
        return "/"
    return quote(request.path) + caching.known_query()


def xml(template: str, media_type: str, **shown: object) -> Response:
    """Render a template as XML that every parser takes: without characters that XML forbids."""
    text = NOT_IN_XML.sub("", render_template(template, **shown))
    return Response(text, content_type=f"{media_type}; charset=utf-8")


def absolute_url(path: str) -> str:
    """Return the public address of a local path, by the configured base address."""
    return languages.absolute(path)


def london_day(value: date | datetime) -> date:
    """Return the day that a moment fell on in London; a day is itself."""
    return clock.london_day(value) if isinstance(value, datetime) else value


def long_date(value: date | datetime) -> str:
    """Write a day in full in the interface's language; moments by London time."""
    value = london_day(value)
    pattern = "d 'de' MMMM 'de' y" if languages.here() == "es" else "d MMMM y"
    return str(format_date(value, pattern))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")


_markdown = _parser()
_texts = LRUCache(4_000_000)  # bytes: feeds and pages show the same texts again and again
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=SCHEMES,
    link_rel="noopener",
    attribute_filter=lambda tag, name, value: value if _allowed(name, value) else None,
)


def markdown(text: str) -> Markup:
    """Turn Markdown into sanitised HTML; its first heading level is h2.

    A table that is wider than the page scrolls in a frame of its own, which the keyboard reaches.
    """
    html = _cleaned(text)
    if "<table>" in html:
        frame = f'<div class="table" role="group" tabindex="0" aria-label="{escape(_("Table"))}">'
        html = html.replace("<table>", f"{frame}<table>").replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704  # nh3 has cleaned it; the frame is ours


def _cleaned(text: str) -> str:
    return _texts.get_or_create(text, lambda: _made_clean(text))


def _made_clean(text: str) -> str:
    html = _markdown.render(text)
    html = _in_order(html)
    html = re.sub(r'<(t[dh])([^<>]*) style="text-align:(left|right|center)">', _aligned, html)
    html = re.sub(r"<th(?=[ >])", '<th scope="col"', html)
    return _cleaner.clean(html)


def _aligned(found: re.Match[str]) -> str:
    """Say by a class what Markdown says by a style, which our policy forbids."""
    return f"<{found[1]}{found[2]}{ALIGNMENTS[found[3]]}>"


def plain(text: str) -> str:
    """Return Markdown as plain text, blocks parted by blank lines."""
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


def _in_order(html: str) -> str:
    """Let headings begin at h2, end at h4 and leave no level out on the way down."""
    above = 1

    def lowered(found: re.Match[str]) -> str:
        nonlocal above
        if not found[1]:
            above = min(max(int(found[2]), 2), 4, above + 1)
        return f"<{found[1]}h{above}>"

    return re.sub(r"<(/?)h([1-6])>", lowered, html)


def _allowed(name: str, value: str) -> bool:
    """Refuse links that leave the site without a scheme, such as //evil.example."""
    if name == "class":
        return value in {"figure", "centre"}
    if name != "href":
        return True
    # As browsers read it: without control characters and spaces, a backslash for a slash.
    return not re.sub(r"[\x00-\x20]", "", value).replace("\\", "/").startswith("//")
