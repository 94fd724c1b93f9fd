"""The home page, the sitemap and robots.txt."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from psgflask.core import language_names
from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.news import catalogue, counting, lists
from psgflask.news.catalogue import ALL_KINDS, Scope
from psgflask.news.lists import Cursor, cursor_page
from psgflask.news.models import Article, Issue, Topic
from psgflask.pages import appeals, standing_pages
from psgflask.pages.models import Page
from psgflask.web import languages, slots
from psgflask.web.caching import cacheable
from psgflask.web.languages import absolute_url
from psgflask.web.rendering import xml_response

HEADLINES = 10
TOPICS = 12
SITEMAP_SIZE = 45_000
# The pages of the sitemap without parameters.
ENDPOINTS = (
    *("home.index", "news.listing", "news.publications", "news.events", "news.updates"),
    *("topics.index", "pages.about", "pages.peru"),
    *("members.start", "members.paper_form", "members.mandate"),
)

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@cacheable
def index() -> str:
    """Show the home page."""
    session, now, language = db.session(), utc_now(), languages.current_language()
    scope = Scope(language, now)
    page = cursor_page(session, catalogue.listing(scope), size=HEADLINES)
    newest = page.articles
    years, months = _cords(scope)
    appeal = appeals.newest_appeal(session, language, london_day(now))
    more_href, more_label = _more(page.before)
    return render_template(
        "home/index.html",
        lead=newest[0] if newest else None,
        days=lists.group_by_dateline(newest[1:]),
        years=years,
        months=months,
        appeal=appeal.appeal if appeal else None,
        appeal_share=appeal.share if appeal else None,
        appeal_ended=appeal.ended if appeal else False,
        appeal_article=_article_of_appeal(appeal.appeal.article_id if appeal else None),
        pages=standing_pages.on_the_home_page(session, language),
        topics=_topics(Scope(language, now, ALL_KINDS)),
        latest_update=_latest_update(scope),
        more_href=more_href,
        more_label=more_label,
    )


@blueprint.get("/robots.txt")
@slots.exempt
def robots() -> Response:
    """Name the sitemap to crawlers and exclude search."""
    if request.script_root:
        abort(404)
    lines = [
        "User-agent: *",
        *(f"Disallow: {prefix}/search/" for prefix in language_names.PREFIXES.values()),
        f"Sitemap: {absolute_url(url_for('home.sitemap'))}",
    ]
    response = make_response("\n".join(lines) + "\n")
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    return response


@blueprint.get("/sitemap.xml")
@cacheable
def sitemap() -> Response:
    """List every address for search engines, in both languages."""
    if request.script_root:
        abort(404)
    session, now = db.session(), utc_now()
    articles = session.execute(
        select(Article.language, Article.slug, Article.updated_at, Article.publish_at)
        .where(catalogue.published(now), Article.synthetic.is_(False))
        .order_by(Article.order_date.desc(), Article.id.desc())
        .limit(SITEMAP_SIZE)
    )
    entries: list[tuple[str, str | None]] = [(at, None) for at in _page_addresses()]
    for language, slug, updated, published in articles:
        path = languages.address("news.article", language=language, slug=slug)
        changed = london_day(max(updated, published or updated))
        entries.append((absolute_url(path), changed.isoformat()))
    return xml_response("home/sitemap.xml", "application/xml", entries=entries)


def _page_addresses() -> Iterator[str]:
    public = select(Page.slug).where(standing_pages.published())
    slugs = db.session.scalars(public.distinct().order_by(Page.slug)).all()
    for language in language_names.LANGUAGES:
        scope = Scope(language, utc_now(), ALL_KINDS)
        pages: list[tuple[str, dict[str, Any]]] = [(endpoint, {}) for endpoint in ENDPOINTS]
        pages += [("pages.page", {"slug": slug}) for slug in slugs]
        pages += [("topics.topic", {"slug": topic.slug}) for topic, _n in counting.by_topic(scope)]
        pages += [("news.year", {"year": year}) for year in counting.by_year(scope)]
        for endpoint, values in pages:
            yield languages.address(endpoint, language=language, external=True, **values)


def _cords(scope: Scope) -> tuple[list[lists.Cord], list[lists.Cord]]:
    """Return the year cords, or the month cords of an archive that covers one year."""
    months = counting.by_month(scope)
    years = sorted({year for year, _month in months})
    if len(years) == 1:
        return [], lists.month_cords(months, years[0], scope.language)
    counts = counting.by_year(scope)
    return lists.year_cords(counts, lambda year: url_for("news.year", year=year)), []


def _topics(scope: Scope) -> list[Topic]:
    counts = counting.by_topic(scope)
    most = sorted(counts, key=lambda pair: (-pair[1], pair[0].slug))[:TOPICS]
    return sorted((topic for topic, _n in most), key=lambda topic: topic.name(scope.language))


def _latest_update(scope: Scope) -> tuple[Issue, Article | None] | None:
    newest = catalogue.listing(scope).where(Article.issue_id.is_not(None)).limit(1)
    article = db.session.scalar(newest)
    return (article.issue, article) if article and article.issue else None


def _article_of_appeal(article_id: int | None) -> Article | None:
    if article_id is None:
        return None
    article = db.session.get(Article, article_id)
    return article if article and catalogue.is_published(article, utc_now()) else None


def _more(before: Cursor | None) -> tuple[str, str]:
    """Return the link after the last headline: to older news, if there are any."""
    if before is None:
        return url_for("news.listing"), _("All the news")
    return url_for("news.listing", before=str(before)), _("Earlier news")
