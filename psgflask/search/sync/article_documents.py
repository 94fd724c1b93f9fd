"""What the index should hold: the documents of the articles that everybody may read now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from psgflask.core.database import read_only
from psgflask.core.markdown import plain_text
from psgflask.news import catalogue
from psgflask.news.models import Article, Attachment, FileText
from psgflask.search.documents import Document, content_hash
from psgflask.search.index.protocol import ArticleIndex, IndexBroken

BATCH = 500
# What must be loaded with an article to know its text.
TEXTS = (
    undefer(Article.body),
    selectinload(Article.attachments).joinedload(Attachment.read).undefer(FileText.text),
)


def text_of(article: Article) -> str:
    """Return the text of an article that is searched, without its title.

    That is its teaser, its body, and for each attached file its title and, of a PDF, its first
    5,000 words; of a members-only article the teaser alone.
    """
    if not catalogue.may_read_body(article, catalogue.ANYBODY):
        return article.teaser
    # The title first: a snippet from a file then says which one.
    attached = [
        text
        for file in article.attachments
        for text in (file.title, file.read.text if file.read is not None else "")
    ]
    return "\n\n".join([article.teaser, plain_text(article.body), *filter(None, attached)])


def documents_of(session: Session, ids: Iterable[int], now: datetime) -> list[Document]:
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


def all_documents(session: Session, now: datetime) -> Iterator[Document]:
    """Yield the documents of all published articles, by id.

    In batches, each read in a transaction of its own, so that no writer waits meanwhile.
    """
    with read_only():
        chosen = select(Article.id).where(catalogue.published(now)).order_by(Article.id)
        ids = list(session.scalars(chosen))
        session.rollback()
    for start in range(0, len(ids), BATCH):
        with read_only():
            found = documents_of(session, ids[start : start + BATCH], now)
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


@dataclass(frozen=True)
class Drift:
    """Where index and database differ, as article ids."""

    missing: frozenset[int]
    stale: frozenset[int]
    superfluous: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.ids)

    @property
    def ids(self) -> frozenset[int]:
        """All that differ."""
        return self.missing | self.stale | self.superfluous


def compare(found: Iterable[Document], indexed: Mapping[int, str]) -> Drift:
    """Compare the documents that should be in the index with what is: id -> content hash."""
    wanted = {document.id: content_hash(document) for document in found}
    return Drift(
        missing=frozenset(wanted.keys() - indexed.keys()),
        stale=frozenset(n for n in wanted.keys() & indexed.keys() if wanted[n] != indexed[n]),
        superfluous=frozenset(indexed.keys() - wanted.keys()),
    )


def hashes_of(index: ArticleIndex) -> dict[int, str]:
    """Return what is in the index, id -> content hash; nothing where it cannot be read."""
    try:
        return index.hashes()
    except IndexBroken:
        return {}
