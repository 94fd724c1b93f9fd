"""The pages of the news: lists, years and months, one article."""

from collections.abc import Sequence
from datetime import date

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select

from psgflask import redirects
from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.news import catalogue, counting, lists
from psgflask.news.catalogue import ALL_KINDS, ANYBODY, NEWS_KINDS, Scope
from psgflask.news.dateline import Dateline
from psgflask.news.lists import PAGE_SIZE
from psgflask.news.models import EVENT, PUBLICATION, Article, Issue
from psgflask.news.related import related
from psgflask.news.slugs import article_url, month_url
from psgflask.news.web import list_pages, rendering
from psgflask.news.web.list_pages import current_scope
from psgflask.news.web.rendering import when
from psgflask.web import languages
from psgflask.web.caching import cacheable, query_parameters
from psgflask.web.rendering import markdown

blueprint = Blueprint("news", __name__)


@blueprint.get("/news/", endpoint="listing")
@cacheable
@query_parameters("before", "after")
def newest() -> str:
    """Show the newest articles."""
    return _list(
        current_scope(),
        heading=_("News"),
        intro=_("News from Peru, newest first."),
        feed_href=_feed("news"),
        up=(_("Archive"), None),
    )


@blueprint.get("/news/<int(fixed_digits=4):year>/")
@cacheable
@query_parameters("before", "after")
def year(year: int) -> str:
    """Show a year: its months as cords and its articles."""
    scope = current_scope()
    first, last = _span(year, 1)[0], _span(year, 12)[1]
    _check_in_archive(year)
    page = list_pages.requested_page(scope, catalogue.dated_within(first, last))
    months = counting.by_month(scope)
    years = sorted({each for each, _month in months})
    cords = lists.month_cords(months, year, languages.current_language())
    total = counting.by_year(scope).get(year, 0)
    earlier = max((each for each in years if each < year), default=None)
    later = min((each for each in years if each > year), default=None)
    return render_template(
        "news/year.html",
        year=year,
        total=total,
        updates=_issues_within(scope, first, last),
        months=cords,
        knot=lists.articles_per_knot(cords),
        sections=_by_month(page.articles, year),
        earlier=_year_link(earlier) if earlier else None,
        later=_year_link(later) if later else None,
        pager=list_pages.pager(page.before, page.after),
    )


@blueprint.get("/news/<int(fixed_digits=4):year>/<month>/")
@cacheable
@query_parameters("before", "after")
def month(year: int, month: str) -> str:
    """Show a month."""
    if not (len(month) == 2 and month.isascii() and month.isdigit()):
        abort(404)
    first, last = _span(year, int(month))
    _check_in_archive(year)
    name = _month_name(first)
    return _list(
        current_scope(),
        catalogue.dated_within(first, last),
        heading=name,
        intro="",
        feed_href=_feed("news"),
        up=_year_link(year),
        empty=_("The archive has no articles of %(month)s.", month=name),
        size=60,
    )


@blueprint.get("/news/undated/")
@cacheable
@query_parameters("before", "after")
def undated() -> str:
    """Show the articles whose date is not known."""
    return _list(
        current_scope(),
        catalogue.undated(),
        heading=_("Undated articles"),
        intro=_("The date of these articles is not known."),
        feed_href=_feed("news"),
        up=(_("Archive"), None),
    )


@blueprint.get("/publications/")
@cacheable
@query_parameters("before", "after")
def publications() -> str:
    """Show the publications."""
    return _list(
        current_scope(PUBLICATION),
        heading=_("Publications"),
        intro=_("Reports, briefings and books of the PSG."),
        feed_href=_feed("publications"),
        empty=_("No publications are listed yet."),
    )


@blueprint.get("/events/")
@cacheable
@query_parameters("before", "after")
def events() -> str:
    """Show the upcoming events, then the past ones."""
    scope = current_scope(EVENT)
    today = london_day(scope.now)
    upcoming = None  # on the first page only
    if list_pages.is_first_page():
        coming = db.session.scalars(catalogue.upcoming(scope, today).limit(100)).all()
        upcoming = lists.group_by_dateline(coming)
    return _list(
        scope,
        catalogue.is_past(today),
        heading=_("Events"),
        intro="",
        feed_href=_feed("events"),
        upcoming=upcoming,
        empty=_("No past events are listed yet."),
    )


@blueprint.get("/news/<slug>")
@cacheable
def article(slug: str) -> ResponseReturnValue:
    """Show one article, at its one address."""
    session, now = db.session(), utc_now()
    found = catalogue.find(session, slug, languages.current_language())
    if found is not None and catalogue.is_gone(found, now):
        abort(410)
    if found is None and (moved := redirects.find_destination()):
        return redirect(moved, 301)
    if found is None or not catalogue.is_published(found, now):
        elsewhere = catalogue.find(session, slug, languages.other_language())
        if elsewhere is not None and catalogue.is_published(elsewhere, now):
            return redirect(article_url(elsewhere), 302)
        abort(404)
    scope = current_scope()
    neighbour_scope = scope if found.kind in NEWS_KINDS else current_scope(found.kind)
    earlier, later = catalogue.neighbours(session, found, neighbour_scope)
    gated = not catalogue.may_read_body(found, ANYBODY)
    counterpart = catalogue.translation(session, found, now)
    other_news = languages.address("news.listing", language=languages.other_language())
    return render_template(
        "news/article.html",
        article=found,
        html="" if gated else markdown(found.body),
        related=related(session, found, scope, weights=counting.topic_weights(scope)),
        earlier=earlier,
        later=later,
        counterpart_article=counterpart,
        share=rendering.share_links(found),
        gated=gated,
        json_ld=rendering.json_ld(found),
        canonical=article_url(found, external=True),
        counterpart=article_url(counterpart) if counterpart else other_news,
        alternates=rendering.alternates(found, counterpart),
    )


def _list(
    scope: Scope,
    *within: ColumnElement[bool],
    heading: str,
    intro: str,
    feed_href: str,
    up: tuple[str, str | None] | None = None,
    upcoming: Sequence[lists.DatelineGroup] | None = None,
    empty: str | None = None,
    size: int = PAGE_SIZE,
) -> str:
    page = list_pages.requested_page(scope, *within, size=size)
    return render_template(
        "news/listing.html",
        heading=heading,
        intro=intro,
        days=lists.group_by_dateline(page.articles),
        pager=list_pages.pager(page.before, page.after),
        feed_href=feed_href,
        up=up,
        upcoming=upcoming,
        empty=empty or _("Nothing is listed here yet."),
    )


def _feed(name: str) -> str:
    return url_for("feeds.kind", name=name, form="atom")


def _span(year: int, month: int) -> tuple[date, date]:
    try:
        return lists.month_span(year, month)
    except ValueError:
        abort(404, _("There is no such month."))


def _month_name(day: date) -> str:
    return when(Dateline.of_months((day.year, day.month), (day.year, day.month))).words


def _check_in_archive(year: int) -> None:
    """Abort with 404 outside the archive; a year within may be empty, since cords lead there."""
    years = counting.by_year(current_scope(*ALL_KINDS))
    if not years or not min(years) <= year <= max(years):
        abort(404, _("The archive has no articles of that year."))


def _year_link(year: int) -> tuple[str, str]:
    return str(year), url_for("news.year", year=year)


def _by_month(
    articles: Sequence[Article], year: int
) -> list[tuple[str, str, list[lists.DatelineGroup]]]:
    """Group a year's articles by month; a range belongs to its last month in the year."""
    sections: dict[int, list[Article]] = {}
    for each in articles:
        last = each.order_date.month if each.order_date.year == year else 12
        sections.setdefault(last, []).append(each)
    return [
        (
            _month_name(date(year, number, 1)),
            month_url(year, number),
            lists.group_by_dateline(group),
        )
        for number, group in sections.items()
    ]


def _issues_within(scope: Scope, first: date, last: date) -> list[Issue]:
    articles = catalogue.listing(scope).where(catalogue.dated_within(first, last))
    ids = articles.with_only_columns(Article.issue_id).order_by(None)
    issues = select(Issue).where(Issue.id.in_(ids)).order_by(Issue.series, Issue.number)
    return list(db.session.scalars(issues))
