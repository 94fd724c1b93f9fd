"""Creates rows for tests, a function for each noun, through the rules of the site."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from psgflask.news import publishing
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import Draft
from psgflask.news.models import Article, Issue, Topic
from psgflask.pages.models import Appeal, Page
from psgflask.redirects.models import Redirect

NOW = datetime(2018, 7, 20, 12, 0, tzinfo=UTC)
EDITOR = "editor@example.org"
_numbers = itertools.count(1)


def draft(title: str = "", *, dated: str = "15 July 2018", **fields: Any) -> Draft:
    """Return what a writer submits; `dated` as in front matter, `fields` those of Draft."""
    values = {
        "teaser": "What happened, in a sentence.",
        "body": "The first paragraph.\n\nThe second paragraph.",
        **fields,
    }
    return Draft(
        title=title or f"Headline {next(_numbers)}", dateline=Dateline.parse(dated), **values
    )


def article(
    session: Session,
    title: str = "",
    *,
    status: str = "published",
    at: datetime | None = None,
    now: datetime = NOW,
    commit: bool = True,
    **fields: Any,
) -> Article:
    """Add an article through the rules; `fields` as of `draft`.

    `status` is draft, published, scheduled (for `at`, default a day after `now`) or withdrawn.
    Each commit indexes: who adds many commits once, with the last.
    """
    added = publishing.create(session, draft(title, **fields), by=EDITOR, now=now)
    if status == "scheduled":
        at = at or now + timedelta(days=1)
        publishing.schedule(session, added, at, by=EDITOR, now=now)
    elif status != "draft":
        publishing.publish(session, added, by=EDITOR, now=now)
    if status == "withdrawn":
        publishing.withdraw(session, added, by=EDITOR, now=now)
    if commit:
        session.commit()
    return added


def articles(session: Session, count: int, *, first: date = date(2018, 1, 1)) -> list[Article]:
    """Add `count` published articles, one a day from `first` on, and commit."""
    days = [(first + timedelta(days=day)).isoformat() for day in range(count)]
    added = [article(session, dated=day, commit=False) for day in days]
    session.commit()
    return added


def topic(
    session: Session,
    slug: str = "mining",
    *,
    kind: str = "theme",
    name_en: str = "",
    name_es: str = "",
) -> Topic:
    """Add a topic and commit."""
    words = slug.replace("-", " ").capitalize()
    added = Topic(
        slug=slug, kind=kind, name_en=name_en or words, name_es=name_es or f"{words} (es)"
    )
    session.add(added)
    session.commit()
    return added


def issue(session: Session, number: int = 134, *, series: str = "Update") -> Issue:
    """Add a numbered issue and commit."""
    added = Issue(series=series, number=number)
    session.add(added)
    session.commit()
    return added


def page(
    session: Session,
    slug: str = "aims",
    *,
    language: str = "en",
    section: str = "psg",
    position: int = 0,
    title: str = "PSG Aims",
    teaser: str = "What the PSG is for.",
    body: str = "A paragraph.",
) -> Page:
    """Add a standing page and commit."""
    added = Page(
        slug=slug,
        language=language,
        section=section,
        position=position,
        title=title,
        teaser=teaser,
        body=body,
    )
    session.add(added)
    session.commit()
    return added


def appeal(
    session: Session,
    *,
    language: str = "en",
    title: str = "Help us write",
    text: str = "What the money is for.",
    target: Decimal | None = None,
    total: Decimal | None = None,
    link: str = "",
    ends_on: date | None = None,
    outcome: str = "",
) -> Appeal:
    """Add an appeal and commit."""
    added = Appeal(
        language=language,
        title=title,
        text=text,
        target=target,
        total=total,
        link=link,
        ends_on=ends_on,
        outcome=outcome,
    )
    session.add(added)
    session.commit()
    return added


def redirect(session: Session, old: str, new: str) -> Redirect:
    """Add an old address and commit."""
    added = Redirect(old=old, new=new)
    session.add(added)
    session.commit()
    return added
