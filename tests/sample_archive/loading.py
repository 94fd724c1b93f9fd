"""Loads the synthetic archive into the database."""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.news import article_revisions
from psgflask.news.drafts import Draft
from psgflask.news.models import PUBLISHED, Article, Issue, Revision, Topic, article_topics
from psgflask.sample.loading import add_topics, published_at
from tests.sample_archive import archive

BY = "synthetic archive"
BATCH = 500


def load_archive(
    session: Session,
    count: int,
    *,
    seed: int,
    now: datetime,
    on_progress: Callable[[int], None] = lambda articles: None,
) -> int:
    """Add the synthetic articles that are missing of `count`; return how many were added.

    In batches of plain INSERTs, past the rules of publishing and the session's events: the caller
    rebuilds the search index after committing. `on_progress` is called with the number of articles
    of each batch.
    """
    add_topics(session, archive.topics())
    there = {
        tuple(row)
        for row in session.execute(
            select(Article.language, Article.slug).where(Article.synthetic.is_(True))
        )
    }
    loader = _Batches(session, now)
    drafts = archive.articles(count, seed)
    added = 0
    while batch := list(islice(drafts, BATCH)):
        missing = [draft for draft in batch if (draft.language, draft.slug) not in there]
        loader.add(missing)
        added += len(missing)
        on_progress(len(batch))
    if added:
        content_stamp.content_changed(session)
    return added


class _Batches:
    """Inserts articles with their topics and first revision, hundreds in one statement."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self.now = session, now
        self.topics = {topic.slug: topic for topic in session.scalars(select(Topic))}
        self.issues = {
            (issue.series, issue.number): issue for issue in session.scalars(select(Issue))
        }

    def add(self, drafts: list[Draft]) -> None:
        if not drafts:
            return
        self._add_issues(drafts)
        rows = [self._row(draft) for draft in drafts]
        ids = self.session.scalars(
            insert(Article).returning(Article.id, sort_by_parameter_order=True), rows
        ).all()
        links: list[dict[str, int]] = []
        revisions: list[dict[str, Any]] = []
        for article_id, draft, row in zip(ids, drafts, rows, strict=True):
            topics = [self.topics[slug] for slug in draft.topics]
            links += [{"article_id": article_id, "topic_id": topic.id} for topic in topics]
            revisions.append(self._revision(article_id, draft, row))
        self.session.execute(insert(article_topics), links)
        self.session.execute(insert(Revision), revisions)

    def _add_issues(self, drafts: list[Draft]) -> None:
        for named in dict.fromkeys(draft.issue for draft in drafts if draft.issue is not None):
            if named not in self.issues:
                self.issues[named] = Issue(series=named[0], number=named[1])
                self.session.add(self.issues[named])
        self.session.flush()

    def _row(self, draft: Draft) -> dict[str, Any]:
        moment = published_at(draft.dateline, draft.kind, self.now)
        return {
            "kind": draft.kind,
            "language": draft.language,
            "work": archive.work_of(draft),
            "slug": draft.slug,
            "title": draft.title,
            "teaser": draft.teaser,
            "body": draft.body,
            "byline": draft.byline,
            "source": draft.source,
            "members_only": draft.members_only,
            "synthetic": True,
            "status": PUBLISHED,
            "publish_at": moment,
            "precision": draft.dateline.precision,
            "dated_from": draft.dateline.first,
            "dated_to": draft.dateline.last,
            "order_date": draft.dateline.order_date,
            "issue_id": self.issues[draft.issue].id if draft.issue else None,
            "version": 1,
            "created_at": moment,
            "updated_at": moment,
        }

    def _revision(self, article_id: int, draft: Draft, row: dict[str, Any]) -> dict[str, Any]:
        # An article that is in no session, so that the snapshot is the one publishing takes.
        article = Article(**row)
        article.topics = sorted(
            (self.topics[slug] for slug in draft.topics), key=lambda topic: topic.name_en
        )
        article.issue = self.issues[draft.issue] if draft.issue else None
        return {
            "article_id": article_id,
            "number": 1,
            "what": "published",
            "saved_at": row["publish_at"],
            "saved_by": BY,
            "snapshot": article_revisions.snapshot(article),
        }
