"""Jinja filters and globals: dates, numbers, Markdown, addresses; XML responses."""

import re
from datetime import date, datetime
from urllib.parse import quote

from flask import Flask, Response, has_request_context, render_template, request
from flask_babel import format_decimal
from flask_babel import gettext as _
from markupsafe import Markup, escape

from psgflask.core import clock, config
from psgflask.core.language_names import LANGUAGES, PREFIXES
from psgflask.core.markdown import to_html
from psgflask.web import caching, languages, secrecy

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
        "counterpart": PREFIXES[languages.other_language()] + path,
        "canonical": languages.absolute_url(PREFIXES[language] + path),
        "alternates": [(each, languages.absolute_url(PREFIXES[each] + path)) for each in LANGUAGES],
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
    return clock.long_date(london_day(value), languages.current_language())


def markdown(text: str) -> Markup:
    """Render Markdown as sanitised HTML.

    A table that is wider than the page scrolls in a focusable frame.
    """
    html = to_html(text)
    if "<table>" in html:
        frame = f'<div class="table" role="group" tabindex="0" aria-label="{escape(_("Table"))}">'
        html = html.replace("<table>", f"{frame}<table>").replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704  # sanitised by nh3; the frame is ours
