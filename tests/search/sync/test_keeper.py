"""The index holds exactly what is public, whatever happens to articles."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.news.models import Article, Attachment, Topic
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.engine.vector import VectorEngine
from psgflask.search.index import Document, OtherSchema, checksums, store
from psgflask.search.index.documents import SCHEMA_VERSION
from psgflask.search.query.parsing import parse
from psgflask.search.sync import documents, keeper, ledger
from tests import factories, full_disk
from tests.search.sync.ledger_queue import queue_length


def indexed(app: Flask) -> set[int]:
    return set(keeper.store(app).hashes())


def stored(app: Flask, article_id: int) -> dict[str, object]:
    reader = keeper.store(app).open_reader()
    try:
        found = [fields["data"] for _number, fields in reader.iter_docs()]
    finally:
        reader.close()
    return next(data for data in found if data["id"] == article_id)


def number_of(session: Session, article: Article) -> int:
    """Return an article's id, and let the database go: a reading session would hold it."""
    number = article.id
    session.rollback()
    return number


def agrees(app: Flask) -> bool:
    return not keeper.check(app) and queue_length(app) == 0


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
    reader = keeper.store(app).open_reader()
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
    assert keeper.drain(app) == 0  # nothing is committed yet
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
    reader = keeper.store(app).open_reader()
    words = set(reader.lexicon("body_exact"))
    reader.close()
    assert words == {b"visible"} or words == {"visible"}


def test_an_article_made_members_only_keeps_nothing_of_its_body(
    app: Flask, session: Session
) -> None:
    article = factories.article(session, "Open", teaser="Visible", body="Secretum")
    article.members_only = True
    session.commit()
    reader = keeper.store(app).open_reader()
    assert ("body_exact", b"secretum") not in reader
    reader.close()


def test_a_scheduled_article_appears_when_it_is_due(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.article(session, now=now)
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    keeper.sweep(app, now=now + timedelta(minutes=59))
    assert due not in indexed(app)
    keeper.sweep(app, now=now + timedelta(minutes=61))
    assert due in indexed(app)
    assert not keeper.check(app, now=now + timedelta(minutes=61))


def test_a_clock_set_back_takes_what_is_not_yet_due_out_again(app: Flask, session: Session) -> None:
    now = utc_now()
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    keeper.sweep(app, now=now + timedelta(hours=2))
    assert due in indexed(app)
    keeper.sweep(app, now=now)
    assert due not in indexed(app)
    keeper.sweep(app, now=now + timedelta(hours=2))
    assert due in indexed(app)


def test_r14_what_a_commit_has_indexed_by_a_clock_ahead_is_taken_back(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sweep saw the clock ahead, so that nothing is noted of it."""
    now = utc_now()
    keeper.sweep(app, now=now)
    monkeypatch.setattr(keeper, "utc_now", lambda: now + timedelta(days=100))
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(days=3))
    due = number_of(session, article)
    assert due in indexed(app)
    monkeypatch.setattr(keeper, "TAKE_BACK_EVERY", 0.0)
    keeper.sweep(app, now=now + timedelta(seconds=5))
    assert due not in indexed(app)


def test_r14_a_clock_put_back_is_noticed_at_the_next_sweep(app: Flask, session: Session) -> None:
    now = utc_now()
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(days=3))
    due = number_of(session, article)
    keeper.sweep(app, now=now + timedelta(days=100))
    (keeper.store(app).folder / keeper.SWEPT).write_text(now.isoformat())
    assert due in indexed(app)
    keeper.sweep(app, now=now + timedelta(seconds=5))
    assert due not in indexed(app)


def test_a_lost_note_of_the_last_sweep_loses_no_due_article(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.article(session, now=now)
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    (keeper.store(app).folder / keeper.SWEPT).unlink()
    keeper.sweep(app, now=now + timedelta(hours=2))
    assert due in indexed(app)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every article that is queued from now on."""
    numbers: list[int] = []
    queue = ledger.queue

    def noting(session: Session, ids: Iterable[int]) -> None:
        numbers.extend(ids := list(ids))
        queue(session, ids)

    monkeypatch.setattr(ledger, "queue", noting)
    return numbers


def test_a_lost_note_of_the_last_sweep_queues_what_differs_alone(
    app: Flask, session: Session, queued: list[int]
) -> None:
    now = utc_now()
    factories.articles(session, 5)
    due = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    number = number_of(session, due)
    (keeper.store(app).folder / keeper.SWEPT).unlink()
    queued.clear()
    keeper.sweep(app, now=now)
    assert queued == []
    (keeper.store(app).folder / keeper.SWEPT).unlink()
    keeper.sweep(app, now=now + timedelta(hours=2))
    assert queued == [number]


def test_the_first_start_builds_the_index_and_queues_nothing(
    app: Flask, session: Session, queued: list[int]
) -> None:
    factories.articles(session, 5)
    shutil.rmtree(keeper.store(app).folder)
    session.rollback()
    queued.clear()
    for _start in range(2):
        keeper.sweep(app)
    assert queued == []
    assert len(indexed(app)) == 5


def test_a_sweep_of_nothing_new_leaves_index_and_disk_alone(app: Flask, session: Session) -> None:
    factories.articles(session, 3)
    keeper.sweep(app)
    store = keeper.store(app)
    before = {file: file.stat().st_mtime_ns for file in store.folder.rglob("*")}
    keeper.sweep(app)
    assert {file: file.stat().st_mtime_ns for file in store.folder.rglob("*")} == before


def test_a_day_later_no_file_holds_what_was_withdrawn(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.articles(session, 8)
    article = factories.article(session, body="Secretum")
    factories.articles(session, 8, first=date(2018, 3, 1))
    keeper.rebuild(app)
    keeper.sweep(app, now=now)
    publishing.withdraw(session, article, by="x", now=now)
    session.commit()

    def there() -> bool:
        files = keeper.store(app).folder.glob("g-*/*.trm")
        return any(b"secretum" in file.read_bytes() for file in files)

    keeper.sweep(app, now=now + timedelta(hours=23))
    assert there()
    keeper.sweep(app, now=now + timedelta(hours=25))
    assert not there()
    assert agrees(app)


def test_what_a_rebuild_keeps_from_being_let_go_goes_once_it_has_ended(
    app: Flask, session: Session
) -> None:
    now = utc_now()
    factories.articles(session, 2)
    keeper.rebuild(app)
    keeper.sweep(app, now=now)
    keeper.rebuild(app)
    folder = keeper.store(app).folder
    assert len(list(folder.glob("g-*"))) == 2
    with store.take_lock(folder, store.BUILD_LOCK, wait=False) or pytest.fail("locked"):
        keeper.sweep(app, now=now + timedelta(hours=25))
        assert len(list(folder.glob("g-*"))) == 2
    keeper.sweep(app, now=now + timedelta(hours=25, minutes=1))
    assert len(list(folder.glob("g-*"))) == 1


def test_a_failure_to_index_leaves_the_commit_and_the_ledger(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session)

    def fail(*args: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(keeper.store(app), "apply", fail)
        article = factories.article(session)
        number = number_of(session, article)
    assert queue_length(app) > 0
    assert number not in indexed(app)
    keeper.sweep(app)
    assert number in indexed(app)
    assert agrees(app)


def test_while_another_writes_a_commit_does_not_wait_and_nothing_is_lost(
    app: Flask, session: Session
) -> None:
    factories.article(session)
    held = keeper.store(app).writing(wait=False)
    assert held is not None
    with held:
        article = factories.article(session)
        number = number_of(session, article)
        assert number not in indexed(app)
    keeper.sweep(app)
    assert number in indexed(app)


def test_who_holds_the_index_looks_again_after_letting_go(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session)
    store = keeper.store(app)
    drain_batch = keeper._drain_batch
    late: list[int] = []

    def drain_and_be_overtaken(*args: object) -> int:
        done = drain_batch(app, None)
        if not done and not late:
            # Comes after the last look, while the lock is held still.
            late.append(number_of(session, factories.article(session)))
            assert late[0] not in store.hashes()
        return done

    monkeypatch.setattr(keeper, "_drain_batch", drain_and_be_overtaken)
    factories.article(session)
    assert late[0] in store.hashes()
    assert agrees(app)


def test_changes_during_a_rebuild_are_in_the_new_index(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = factories.articles(session, 2)
    ids = first.id, second.id
    everything = documents.everything

    def meanwhile(*args: Any) -> Iterator[Document]:
        found = list(everything(*args))
        publishing.withdraw(session, first, by="x", now=utc_now())
        publishing.revise(session, second, factories.draft("New words"), by="x", now=utc_now())
        session.commit()
        assert indexed(app) == {ids[1]}
        yield from found

    monkeypatch.setattr(documents, "everything", meanwhile)
    keeper.rebuild(app)
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
    everything = documents.everything
    found: list[tuple[int, ...]] = []

    def search() -> None:
        engine = VectorEngine(keeper.store(app))  # of a process that starts now
        found.append(engine.search(parse("lima"), SearchOptions(now=utc_now())).ids)

    def meanwhile(*args: Any) -> Iterator[Document]:
        search()
        yield from everything(*args)

    monkeypatch.setattr(documents, "everything", meanwhile)
    search()
    with pytest.raises(OtherSchema):
        keeper.store(app).verify()
    keeper.sweep(app)
    search()
    keeper.store(app).verify()
    assert found == [(old,)] * 3


def test_r6_a_worker_of_older_code_leaves_an_index_of_newer_code_alone(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "Lima")
    with monkeypatch.context() as newer:
        newer.setattr(checksums, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        keeper.rebuild(app)
    there = keeper.store(app).generation_token()
    factories.article(session, "Callao")  # few enough articles to build the index on the spot
    session.rollback()
    keeper.sweep(app)
    assert keeper.store(app).generation_token() == there
    assert queue_length(app) > 0


def test_r6_a_change_waits_for_the_index_of_the_new_schema(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, "Lima")
    monkeypatch.setattr(checksums, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(checksums, "STILL_READ", {SCHEMA_VERSION})
    monkeypatch.setattr(keeper, "SOON_BUILT", 0)
    later = factories.article(session, "Callao").id
    session.rollback()
    assert (later in indexed(app), queue_length(app) > 0) == (False, True)
    keeper.sweep(app)
    assert (later in indexed(app), queue_length(app) > 0) == (True, False)


def behind_the_orm(session: Session) -> tuple[int, int, int]:
    """Change articles past all events; return the ids missing, stale and superfluous then."""
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
    missing, stale, superfluous = behind_the_orm(session)
    drift = keeper.check(app)
    assert drift.missing == {missing}
    assert drift.stale == {stale}
    assert drift.superfluous == {superfluous}
    keeper.repair(app, drift)
    assert not keeper.check(app)


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
def test_r4_an_index_that_had_no_room_follows_once_there_is_some(
    app: Flask, session: Session, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    """What was published is committed; who published it hears so, and reads no traceback."""
    keeper.rebuild(app)
    before = set(keeper.store(app).folder.rglob("*"))
    with pytest.MonkeyPatch.context() as patched:
        full_disk.no_room_after(patched, room)
        number = number_of(session, factories.article(session, "Out of room"))
        with pytest.raises(OSError, match="No space"):
            keeper.sweep(app)
    assert indexed(app) <= {number}
    assert "no room left" in caplog.text
    assert "Traceback" not in caplog.text
    keeper.sweep(app)
    assert indexed(app) == {number}
    left = set(keeper.store(app).folder.rglob("*")) - before
    assert [file for file in left if file.name.startswith(".") or "tmp" in file.name] == []


def test_r4_a_rebuild_that_had_no_room_leaves_the_index_in_force_and_nothing_beside_it(
    app: Flask, session: Session
) -> None:
    number = number_of(session, factories.article(session, "Still found"))
    keeper.rebuild(app)
    with pytest.MonkeyPatch.context() as patched:
        full_disk.no_room_after(patched, 100)
        with pytest.raises(OSError, match="No space"):
            keeper.rebuild(app)
    assert indexed(app) == {number}
    assert len(list(keeper.store(app).folder.glob("g-*"))) == 1
