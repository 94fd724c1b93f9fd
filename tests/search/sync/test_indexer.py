"""The index holds exactly what is public, whatever happens to articles."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.news.models import Article, Attachment, Topic
from psgflask.search import worker_task
from psgflask.search.documents import SCHEMA_VERSION, Document
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.index import checksums
from psgflask.search.index.protocol import OtherSchema
from psgflask.search.query.parsing import parse
from psgflask.search.sync import article_documents, indexer, ledger
from tests import factories, full_disk
from tests.search import indexes
from tests.search.indexes import agrees, indexed, number_of, queue_length, stored


def test_a_published_article_is_in_the_index_once_its_commit_returns(
    app: Flask, session: Session
) -> None:
    article = factories.article(session, "Mining in Cajamarca")
    assert indexed(app) == {article.id}
    assert agrees(app)


@pytest.mark.parametrize("status", ["draft", "scheduled", "withdrawn"])
def test_what_is_not_public_is_not_in_the_index(app: Flask, session: Session, status: str) -> None:
    factories.article(session)
    now = utc_now()
    hidden = factories.article(session, "Zyx", status=status, now=now, at=now + timedelta(days=1))
    assert hidden.id not in indexed(app)
    reader = indexes.store(app).open_reader()
    assert ("title_exact", b"zyx") not in reader
    reader.close()
    assert agrees(app)


def test_an_article_withdrawn_or_deleted_leaves_the_index(app: Flask, session: Session) -> None:
    first, second, third = factories.articles(session, 3)
    publishing.withdraw(session, first, by="x", now=utc_now())
    session.delete(second)
    session.commit()
    assert indexed(app) == {third.id}
    assert agrees(app)


def test_what_is_rolled_back_never_reaches_the_index(app: Flask, session: Session) -> None:
    article = factories.article(session, "Before")
    publishing.revise(session, article, factories.draft("After"), by="x", now=utc_now())
    session.rollback()
    session.commit()
    assert stored(app, article.id)["title"] == "before"
    assert agrees(app)


def test_a_savepoint_rolled_back_takes_its_changes_with_it_and_no_others(
    app: Flask, session: Session
) -> None:
    kept = publishing.create(session, factories.draft("Kept"), by="x", now=factories.NOW)
    publishing.publish(session, kept, by="x", now=factories.NOW)
    savepoint = session.begin_nested()
    lost = publishing.create(session, factories.draft("Lost"), by="x", now=factories.NOW)
    publishing.publish(session, lost, by="x", now=factories.NOW)
    savepoint.rollback()
    assert indexer.drain(app) == 0  # nothing is committed yet
    session.commit()
    assert indexed(app) == {kept.id}
    assert agrees(app)


def test_a_change_of_topics_alone_reaches_the_index(app: Flask, session: Session) -> None:
    topic = factories.topic(session, "mining")
    article = factories.article(session)
    article.topics.append(topic)
    session.commit()
    assert stored(app, article.id)["topics"] == (topic.id,)
    article.topics.clear()
    session.commit()
    assert stored(app, article.id)["topics"] == ()


def test_an_issue_given_another_number_is_found_by_that(app: Flask, session: Session) -> None:
    article = factories.article(session, issue=("Update", 134))
    assert article.issue is not None
    article.issue.number = 135
    session.commit()
    assert stored(app, article.id)["issue"] == 135


def test_an_attachment_changed_or_removed_queues_its_article(app: Flask, session: Session) -> None:
    article = factories.article(session)
    file = Attachment(
        file_hash="0" * 64,
        file_name="report.pdf",
        media_type="application/pdf",
        size=1,
        title="Report",
        language="en",
    )
    article.attachments.append(file)
    session.flush()
    assert [row.article_id for row in ledger.first(session, 10)] == [article.id]
    session.commit()
    file.title = "A report"
    session.flush()
    assert [row.article_id for row in ledger.first(session, 10)] == [article.id]
    session.commit()
    session.delete(file)
    session.flush()
    assert [row.article_id for row in ledger.first(session, 10)] == [article.id]
    session.rollback()


def test_of_a_members_only_article_the_index_knows_title_and_teaser_alone(
    app: Flask, session: Session
) -> None:
    factories.article(session, "Open", teaser="Visible", body="Secretum", members_only=True)
    reader = indexes.store(app).open_reader()
    words = set(reader.lexicon("body_exact"))
    reader.close()
    assert words == {b"visible"} or words == {"visible"}


def test_an_article_made_members_only_keeps_nothing_of_its_body(
    app: Flask, session: Session
) -> None:
    article = factories.article(session, "Open", teaser="Visible", body="Secretum")
    article.members_only = True
    session.commit()
    reader = indexes.store(app).open_reader()
    assert ("body_exact", b"secretum") not in reader
    reader.close()


def test_a_failure_to_index_leaves_the_commit_and_the_ledger(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session)

    def fail(*args: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(indexer.store(app), "apply", fail)
        article = factories.article(session)
        number = number_of(session, article)
    assert queue_length(app) > 0
    assert number not in indexed(app)
    worker_task.update_index(app)
    assert number in indexed(app)
    assert agrees(app)


def test_while_another_writes_a_commit_does_not_wait_and_nothing_is_lost(
    app: Flask, session: Session
) -> None:
    factories.article(session)
    held = indexer.store(app).writing(wait=False)
    assert held is not None
    with held:
        article = factories.article(session)
        number = number_of(session, article)
        assert number not in indexed(app)
    worker_task.update_index(app)
    assert number in indexed(app)


def test_who_holds_the_lock_looks_again_after_releasing_it(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session)
    store = indexer.store(app)
    drain_batch = indexer._drain_batch
    late: list[int] = []

    def drain_and_be_overtaken(*args: object) -> int:
        done = drain_batch(app, None)
        if not done and not late:
            # Comes after the last look, while the lock is held still.
            late.append(number_of(session, factories.article(session)))
            assert late[0] not in store.hashes()
        return done

    monkeypatch.setattr(indexer, "_drain_batch", drain_and_be_overtaken)
    factories.article(session)
    assert late[0] in store.hashes()
    assert agrees(app)


def test_changes_during_a_rebuild_are_in_the_new_index(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = factories.articles(session, 2)
    ids = first.id, second.id
    all_documents = article_documents.all_documents

    def meanwhile(*args: Any) -> Iterator[Document]:
        found = list(all_documents(*args))
        publishing.withdraw(session, first, by="x", now=utc_now())
        publishing.revise(session, second, factories.draft("New words"), by="x", now=utc_now())
        session.commit()
        assert indexed(app) == {ids[1]}
        yield from found

    monkeypatch.setattr(article_documents, "all_documents", meanwhile)
    indexer.rebuild(app)
    monkeypatch.undo()
    assert indexed(app) == {ids[1]}
    assert stored(app, ids[1])["title"] == "new words"


def test_r6_an_index_of_an_earlier_schema_is_searched_until_the_new_one_is_ready(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = factories.article(session, "Lima").id, SCHEMA_VERSION + 1
    session.rollback()
    monkeypatch.setattr(checksums, "SCHEMA_VERSION", new)
    monkeypatch.setattr(checksums, "STILL_READ", {SCHEMA_VERSION})
    all_documents = article_documents.all_documents
    found: list[tuple[int, ...]] = []

    def search() -> None:
        engine = ArrayEngine(indexes.store(app))  # of a process that starts now
        found.append(engine.search(parse("lima"), SearchOptions(now=utc_now())).ids)

    def meanwhile(*args: Any) -> Iterator[Document]:
        search()
        yield from all_documents(*args)

    monkeypatch.setattr(article_documents, "all_documents", meanwhile)
    search()
    with pytest.raises(OtherSchema):
        indexer.store(app).verify()
    worker_task.update_index(app)
    search()
    indexer.store(app).verify()
    assert found == [(old,)] * 3


def test_r6_a_worker_of_older_code_leaves_an_index_of_newer_code_alone(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "Lima")
    with monkeypatch.context() as newer:
        newer.setattr(checksums, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        indexer.rebuild(app)
    there = indexes.store(app).generation_token()
    factories.article(session, "Callao")  # few enough articles to build the index on the spot
    session.rollback()
    worker_task.update_index(app)
    assert indexes.store(app).generation_token() == there
    assert queue_length(app) > 0


def test_r6_a_change_waits_for_the_index_of_the_new_schema(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "Lima")
    monkeypatch.setattr(checksums, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(checksums, "STILL_READ", {SCHEMA_VERSION})
    monkeypatch.setattr(indexer, "MAX_REBUILT_AT_ONCE", 0)
    later = factories.article(session, "Callao").id
    session.rollback()
    assert (later in indexed(app), queue_length(app) > 0) == (False, True)
    worker_task.update_index(app)
    assert (later in indexed(app), queue_length(app) > 0) == (True, False)


def change_behind_the_orm(session: Session) -> tuple[int, int, int]:
    """Change articles without any event; return the ids that are missing, stale and superfluous."""
    factories.article(session)
    drafted = factories.article(session, status="draft")
    changed, gone = factories.articles(session, 2)
    ids = drafted.id, changed.id, gone.id
    connection = session.connection()
    connection.execute(
        update(Article)
        .where(Article.id == ids[0])
        .values(status="published", publish_at=factories.NOW)
    )
    connection.execute(update(Article).where(Article.id == ids[1]).values(body="Other words"))
    connection.exec_driver_sql("DELETE FROM revisions")
    connection.execute(delete(Article).where(Article.id == ids[2]))
    session.commit()
    session.expunge_all()
    return ids


def test_drift_behind_the_orm_is_found_and_repaired(app: Flask, session: Session) -> None:
    missing, stale, superfluous = change_behind_the_orm(session)
    drift = indexer.check(app)
    assert drift.missing == {missing}
    assert drift.stale == {stale}
    assert drift.superfluous == {superfluous}
    indexer.repair(app, drift)
    assert not indexer.check(app)


def test_topics_renamed_need_no_new_index(app: Flask, session: Session) -> None:
    topic = factories.topic(session, "mining")
    article = factories.article(session, topics=["mining"])
    found = session.get(Topic, topic.id)
    assert found is not None
    found.name_en = "Mines"
    session.commit()
    assert agrees(app)
    assert stored(app, article.id)["topics"] == (topic.id,)


def test_two_apps_on_one_installation_share_the_index(
    app: Flask, make_app: Callable[..., Flask], session: Session
) -> None:
    other = make_app()
    factories.article(session)
    with other.app_context():
        article = factories.article(db.session())
        db.session.remove()
        assert article is not None
    assert len(indexed(app)) == 2
    assert agrees(app)


@pytest.mark.parametrize("room", [0, 300, 700])
def test_r4_an_index_on_a_full_disk_is_updated_once_there_is_space(
    app: Flask, session: Session, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    """What was published is committed; who published it hears so, and reads no traceback."""
    indexer.rebuild(app)
    before = set(indexer.store(app).folder.rglob("*"))
    with pytest.MonkeyPatch.context() as patched:
        full_disk.no_room_after(patched, room)
        number = number_of(session, factories.article(session, "Out of room"))
        with pytest.raises(OSError, match="No space"):
            worker_task.update_index(app)
    assert indexed(app) <= {number}
    assert "no room left" in caplog.text
    assert "Traceback" not in caplog.text
    worker_task.update_index(app)
    assert indexed(app) == {number}
    left = set(indexer.store(app).folder.rglob("*")) - before
    assert [file for file in left if file.name.startswith(".") or "tmp" in file.name] == []


def test_r4_a_rebuild_on_a_full_disk_leaves_the_live_index_and_nothing_beside_it(
    app: Flask, session: Session
) -> None:
    number = number_of(session, factories.article(session, "Still found"))
    indexer.rebuild(app)
    with pytest.MonkeyPatch.context() as patched:
        full_disk.no_room_after(patched, 100)
        with pytest.raises(OSError, match="No space"):
            indexer.rebuild(app)
    assert indexed(app) == {number}
    assert len(list(indexer.store(app).folder.glob("g-*"))) == 1
