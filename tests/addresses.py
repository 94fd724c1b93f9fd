"""Addresses of the full site of `browser.content`: at least one for every route."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import select

from psgflask.core.database import db
from psgflask.core.language_names import LANGUAGES, PREFIXES
from psgflask.members.web import form_tokens, forms
from psgflask.news.models import Attachment, Picture
from tests.browser.content import LINKS

# Values for the variable parts of each route; a route with such parts and no entry fails.
PARTS: dict[str, list[dict[str, Any]]] = {
    "accounts.join": [{"token": token} for token in (LINKS["open"], "no-such-link")],
    "members.step": [{"place": place} for place in (forms.MEMBERSHIP, forms.CHECK)],
    "news.year": [{"year": 2015}],
    "news.month": [{"year": 2015, "month": "03"}],
    "news.article": [{"slug": "everything"}, {"slug": "for-members"}, {"slug": "radio-7"}],
    "news.update": [{"slug": "134"}, {"slug": "peru-news-65"}],
    "feeds.kind": [
        {"name": name, "form": form}
        for name in ("news", "publications", "events")
        for form in ("atom", "rss")
    ],
    "feeds.topic": [{"slug": "society", "form": "atom"}, {"slug": "society", "form": "rss"}],
    "pages.page": [{"slug": "aims"}, {"slug": "contact"}, {"slug": "why-join"}],
    "topics.topic": [{"slug": "society"}],
}
# Only a page with a POST form may set a cookie, and what for.
MAY_SET_A_COOKIE = {
    "/accounts/join/again": "the token of its form",
    "/members/rights": "the token of its form",
    **{f"/members/join/{place}": "the token of its form" for place in forms.PLACES},
}
ONE_ADDRESS_FOR_BOTH_LANGUAGES = re.compile(
    r"/(?:static|media)/|/favicon\.ico|/robots\.txt|/sitemap\.xml"
)


def of(app: Flask) -> list[str]:
    """Return the addresses of a full site, in both languages where there are two."""
    found: list[str] = []
    for path in [*_files(app), *_pages(app), "/search/?q=radio"]:
        found.append(path)
        if not ONE_ADDRESS_FOR_BOTH_LANGUAGES.match(path):
            found.append(PREFIXES[LANGUAGES[1]] + path)
    return found


def _signed(app: Flask) -> dict[str, list[dict[str, Any]]]:
    """Return values for the routes whose address this site has signed."""
    sent = form_tokens.Receipt("PSG 1042-9", "household", "standing order")
    word = {"word": form_tokens.sign_receipt(str(app.config["SECRET_KEY"]), sent)}
    asked = form_tokens.sign_values(
        str(app.config["SECRET_KEY"]), "rights", ["R-17", "2026-12-30", True]
    )
    return {
        "members.sent": [word],
        "members.own_mandate": [word],
        "rights.sent": [{"word": asked}],
    }


def _files(app: Flask) -> list[str]:
    shelf = app.extensions["psg_assets"]
    found = [shelf.address("css/site.css"), shelf.address("images/favicon.svg")]
    with app.app_context():
        for model in (Picture, Attachment):
            columns = select(model.file_hash, model.file_name).limit(1)
            for file_hash, name in db.session.execute(columns):
                found.append(f"/media/{file_hash}/{name}")
    return found


def _pages(app: Flask) -> Iterator[str]:
    adapter = app.url_map.bind("127.0.0.1")
    for rule in app.url_map.iter_rules():
        if rule.endpoint in {"assets.serve", "media.file"}:
            continue
        parts = PARTS | _signed(app)
        if rule.arguments and rule.endpoint not in parts:
            raise AssertionError(f"tests/addresses.py has no address for {rule.rule}")
        for values in parts.get(rule.endpoint, [{}]):
            yield adapter.build(rule.endpoint, values)
