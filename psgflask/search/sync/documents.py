"""What the index may know of an article: only what everybody may read now."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from psgflask.core.database import read_only
from psgflask.news import catalogue
from psgflask.news.models import Article, Attachment, FileText
from psgflask.search.index import Document
from psgflask.web.rendering import plain_text

BATCH = 500
# What must be loaded with an article to know its text.
TEXTS = (
    undefer(Article.body),
    selectinload(Article.attachments).joinedload(Attachment.read).undefer(FileText.text),
)


def text_of(article: Article) -> str:
    """Return the text of an article that is searched, apart from its title.

    That is its teaser, its body, and of each file attached its title and, of a PDF, its first 5,000
    words; of a members-only article the teaser alone.
    """
    if not catalogue.may_read_body(article, catalogue.ANYBODY):
        return article.teaser
    # The title first: a snippet from a file then tells which one.
    attached = [
        text
        for file in article.attachments
        for text in (file.title, file.read.text if file.read is not None else "")
    ]
    return "\n\n".join([article.teaser, plain_text(article.body), *filter(None, attached)])


def of(session: Session, ids: Iterable[int], now: datetime) -> list[Document]:
    """Return the documents of those articles that are published now."""
    wanted = list(ids)
    found: list[Document] = []
    for start in range(0, len(wanted), BATCH):
        rows = session.scalars(
            select(Article)
            .where(Article.id.in_(wanted[start : start + BATCH]), catalogue.published(now))
            .options(selectinload(Article.topics), selectinload(Article.issue), *TEXTS)
        )
        found += [_document(article) for article in rows]
    return found


def all_ids(session: Session, now: datetime) -> list[int]:
    """Return the ids of all published articles, ascending."""
    return list(
        session.scalars(select(Article.id).where(catalogue.published(now)).order_by(Article.id))
    )


def everything(session: Session, now: datetime) -> Iterator[Document]:
    """Yield the documents of all published articles.

    In batches, each read in a transaction of its own, so that nobody's writing waits meanwhile.
    """
    with read_only():
        ids = all_ids(session, now)
        session.rollback()
    for start in range(0, len(ids), BATCH):
        with read_only():
            found = of(session, ids[start : start + BATCH], now)
            session.rollback()
        yield from found


def _document(article: Article) -> Document:
    return Document(
        id=article.id,
        language=article.language,
        title=article.title,
        body=text_of(article),
        topics=tuple(sorted(topic.id for topic in article.topics)),
        issue=article.issue.number if article.issue else None,
        dated_from=article.dated_from,
        dated_to=article.dated_to,
        order_date=article.order_date,
    )
