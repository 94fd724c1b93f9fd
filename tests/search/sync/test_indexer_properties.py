"""Whatever is done to articles in whatever order, index and catalogue agree in the end."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import catalogue, publishing
from psgflask.news.models import Article, Topic
from psgflask.search import worker_task
from psgflask.search.sync import indexer
from tests import factories
from tests.search.indexes import queue_length

BY = "somebody"


class Desk:
    """One session in which things are done to articles; `which` chooses among those there are."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session = app, session
        self.clear()

    def clear(self) -> None:
        self.session.rollback()
        for article in self.session.scalars(select(Article)):
            self.session.delete(article)
        self.session.commit()

    def chosen(self, which: int) -> Article | None:
        there = self.session.scalars(select(Article).order_by(Article.id)).all()
        return there[which % len(there)] if there else None

    def create(self, which: int) -> None:
        words = factories.draft(f"Article {which}", members_only=which % 3 == 0)
        publishing.create(self.session, words, by=BY, now=utc_now())

    def publish(self, which: int) -> None:
        if article := self.chosen(which):
            publishing.publish(self.session, article, by=BY, now=utc_now())

    def withdraw(self, which: int) -> None:
        if article := self.chosen(which):
            publishing.withdraw(self.session, article, by=BY, now=utc_now())

    def schedule(self, which: int) -> None:
        article, now = self.chosen(which), utc_now()
        if article and not catalogue.is_published(article, now):
            publishing.schedule(self.session, article, now + timedelta(days=1), by=BY, now=now)

    def revise(self, which: int) -> None:
        if article := self.chosen(which):
            words = factories.draft(f"Revised {which}", body=f"Word{which}")
            publishing.revise(self.session, article, words, by=BY, now=utc_now())

    def retopic(self, which: int) -> None:
        if article := self.chosen(which):
            topic = self.session.scalar(select(Topic))
            article.topics = [] if topic in article.topics or topic is None else [topic]

    def delete(self, which: int) -> None:
        if article := self.chosen(which):
            self.session.delete(article)

    def commit(self, which: int) -> None:
        self.session.commit()

    def rollback(self, which: int) -> None:
        self.session.rollback()

    def begin_savepoint(self, which: int) -> None:
        self.session.begin_nested()

    def end_savepoint(self, which: int) -> None:
        savepoint = self.session.get_nested_transaction()
        if savepoint is not None:
            savepoint.commit() if which % 2 else savepoint.rollback()

    def sweep(self, which: int) -> None:
        if not self.session.in_transaction():
            worker_task.update_index(self.app)

    def rebuild(self, which: int) -> None:
        if not self.session.in_transaction():
            indexer.rebuild(self.app)


Deed = Callable[[Desk, int], None]
DEEDS: list[Deed] = [
    *(Desk.create, Desk.publish, Desk.withdraw, Desk.schedule, Desk.revise, Desk.retopic),
    *(Desk.delete, Desk.commit, Desk.rollback, Desk.begin_savepoint, Desk.end_savepoint),
    *(Desk.sweep, Desk.rebuild),
]
PUBLISHED = [(Desk.create, 1), (Desk.publish, 0)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 9)), max_size=25))
@example(deeds=[*PUBLISHED, (Desk.commit, 0), (Desk.delete, 0), (Desk.rollback, 0)])
@example(deeds=[(Desk.begin_savepoint, 0), *PUBLISHED, (Desk.end_savepoint, 0)])
@example(deeds=[*PUBLISHED, (Desk.begin_savepoint, 0), (Desk.delete, 0), (Desk.end_savepoint, 1)])
def test_the_index_is_what_is_published(
    app: Flask, session: Session, deeds: list[tuple[Deed, int]]
) -> None:
    if session.scalar(select(Topic)) is None:
        factories.topic(session)
    desk = Desk(app, session)
    for deed, which in deeds:
        deed(desk, which)
    session.commit()
    published = set(session.scalars(select(Article.id).where(catalogue.published(utc_now()))))
    session.rollback()
    assert set(indexer.store(app).hashes()) == published
    assert queue_length(app) == 0
    assert not indexer.check(app)
