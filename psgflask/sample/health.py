"""The health check of the sample content: is it still public?"""

from collections.abc import Iterator

from flask import Flask
from sqlalchemy import func, select

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, OK, Finding
from psgflask.news import article_revisions, catalogue
from psgflask.news.models import Article


def check_sample_content(app: Flask) -> Iterator[Finding]:
    """Check that readers see no articles of the sample content."""
    public = select(func.count(Article.id)).where(
        catalogue.published(utc_now()), article_revisions.is_sample()
    )
    if number := db.session().scalar(public):
        text = f"{number} sample articles are public"
        yield Finding("sample content", ATTENTION, text, "psgflask sample remove")
    else:
        yield Finding("sample content", OK, "No article of it is public")
