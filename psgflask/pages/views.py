"""The standing pages: about the PSG, about Peru, and about the site."""

from flask import Blueprint, abort, render_template
from flask_babel import gettext as _

from psgflask.core.database import db
from psgflask.core.personal_data import PERSONAL_DATA
from psgflask.pages import standing_pages
from psgflask.pages.models import PERU, PSG
from psgflask.web import languages
from psgflask.web.caching import cacheable
from psgflask.web.rendering import markdown

# The page that ends with the table of personal data.
PRIVACY = "privacy"

blueprint = Blueprint("pages", __name__)


@blueprint.get("/about/")
@cacheable
def about() -> str:
    """Show the pages about the PSG."""
    pages = standing_pages.section(db.session(), PSG, languages.current_language())
    return render_template("pages/section.html", heading=_("About us"), pages=pages)


@blueprint.get("/peru/")
@cacheable
def peru() -> str:
    """Show the pages about Peru."""
    pages = standing_pages.section(db.session(), PERU, languages.current_language())
    return render_template("pages/section.html", heading=_("About Peru"), pages=pages)


@blueprint.get("/about/<slug>")
@cacheable
def page(slug: str) -> str:
    """Show one page, in its own language where it is not translated; 410 once withdrawn."""
    versions = standing_pages.versions(db.session(), slug)
    if not versions:
        abort(410 if standing_pages.is_gone(db.session(), slug) else 404)
    found = versions.get(languages.current_language()) or next(iter(versions.values()))
    addresses = {
        language: languages.address("pages.page", language=language, external=True, slug=slug)
        for language in versions
    }
    return render_template(
        "pages/page.html",
        page=found,
        html=markdown(found.body),
        personal_data=PERSONAL_DATA if slug == PRIVACY else (),
        canonical=addresses[found.language],
        alternates=sorted(addresses.items()),
    )
