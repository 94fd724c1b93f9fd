"""A damaged database: found, reported with what to do, and survived by cached pages."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from psgflask.core import database, integrity
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.ops import doctor, worker
from tests import database_locks, factories
from tests.browser import content

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with some articles and an index of them."""
    folder = tmp_path_factory.mktemp("filled") / "instance"
    with content.filled(folder, "young") as app, app.app_context():
        for number in range(3):
            factories.article(db.session(), f"Article {number}", slug=f"article-{number}")
        db.session.remove()
        db.engine.dispose()
    return folder


@pytest.fixture
def site(filled: Path, instance: Path, make_app: Callable[..., Flask]) -> Flask:
    """A copy of the site to be damaged, as production runs it."""
    shutil.rmtree(instance)
    shutil.copytree(filled, instance)
    return make_app(TESTING=False)


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    return site.test_client()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def at(when: datetime) -> None:
        monkeypatch.setattr(integrity, "utc_now", lambda: when)

    at(NOW)
    return at


def file_of(app: Flask) -> Path:
    return Path(app.instance_path, "psg.sqlite")


def close(app: Flask) -> None:
    """Close the file, and drop what is in memory of it."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def pages_of(app: Flask, name: str) -> list[int]:
    """Return the first page of a table or index."""
    with closing(sqlite3.connect(file_of(app))) as connection:
        rows = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name])
        return [int(page) for (page,) in rows]


def garble(app: Flask, *names: str) -> None:
    """Overwrite the first page of each of these tables or indexes with noise."""
    places = [page for name in names for page in pages_of(app, name)]
    assert len(places) == len(names)
    close(app)
    with file_of(app).open("r+b") as file:
        for page in places:
            file.seek((page - 1) * 4096)
            file.write(os.urandom(4096))


def truncate(app: Flask) -> None:
    close(app)
    os.truncate(file_of(app), file_of(app).stat().st_size // 2 + 1)


def not_a_database(app: Flask) -> None:
    close(app)
    file_of(app).write_bytes(b"something else altogether " * 500)


def an_index_of(app: Flask, table: str) -> str:
    with closing(sqlite3.connect(file_of(app))) as connection:
        chosen = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
        return str(connection.execute(chosen, [table]).fetchone()[0])


DAMAGES: dict[str, Callable[[Flask], None]] = {
    "a table": lambda app: garble(app, "articles"),
    "the content stamp": lambda app: garble(app, "content_stamp"),
    "an index": lambda app: garble(app, an_index_of(app, "articles")),
    "the schema": lambda app: garble(app, "articles", "topics", "pages"),
    "a truncated file": truncate,
    "not a database": not_a_database,
}


@pytest.fixture(params=DAMAGES)
def inflict(request: pytest.FixtureRequest) -> Callable[[Flask], None]:
    return DAMAGES[request.param]


def damage(app: Flask) -> str:
    with app.app_context():
        return integrity.damage()


def readiness(visitor: FlaskClient) -> tuple[int, str]:
    response = visitor.get("/readyz")
    return response.status_code, response.text


def test_the_worker_checks_the_database() -> None:
    assert integrity.run in [task.run for task in worker.TASKS]


def test_an_intact_database_is_ready(site: Flask, visitor: FlaskClient) -> None:
    integrity.run(site)
    assert damage(site) == ""
    assert "database" not in readiness(visitor)[1]


def test_every_kind_of_damage_is_found_by_the_worker_and_reported_to_monitors(
    site: Flask,
    visitor: FlaskClient,
    inflict: Callable[[Flask], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    integrity.run(site)
    inflict(site)
    Path(site.instance_path, integrity.RESULT_FILE).unlink()  # as the next night
    integrity.run(site)
    status, told = readiness(visitor)
    assert status == 503
    assert "database" in told
    assert "psgflask restore" in caplog.text


def test_the_doctor_prints_the_commands_that_repair_it(
    site: Flask, inflict: Callable[[Flask], None]
) -> None:
    inflict(site)
    done = site.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    for said in ("systemctl stop psgflask", f"mv {site.instance_path} ", "psgflask restore FILE"):
        assert said in done.output.replace("\n", " ")


def test_cached_pages_are_served_and_others_are_error_pages(
    site: Flask, visitor: FlaskClient, inflict: Callable[[Flask], None]
) -> None:
    kept = {path: visitor.get(path).data for path in ("/", "/news/", "/es/news/")}
    inflict(site)
    for path, page in kept.items():
        response = visitor.get(path)
        assert (response.status_code, response.data) == (200, page), path
    for path in ("/news/article-2", "/topics/", "/search/?q=article", "/updates/", "/nothing"):
        response = visitor.get(path)
        assert response.status_code in {200, 404, 503}, path
        assert "<h1" in response.text
    assert visitor.get("/healthz").status_code == 200


def test_a_cached_page_outlives_its_day_where_it_cannot_be_rendered_again(
    site: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from psgflask.web import caching

    page = visitor.get("/").data
    garble(site, "articles")
    tomorrow = utc_now() + timedelta(days=1)
    monkeypatch.setattr(caching, "utc_now", lambda: tomorrow)
    response = visitor.get("/")
    assert (response.status_code, response.data) == (200, page)
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers


def test_damage_found_by_a_request_is_reported_at_once_and_checked(
    site: Flask, visitor: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    integrity.run(site)
    garble(site, "articles")
    response = visitor.get("/news/article-2")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "300"
    assert "database" in readiness(visitor)[1]
    caplog.clear()
    integrity.run(site)
    assert "psgflask restore" in caplog.text


def test_a_passing_read_error_is_cleared_by_the_next_check(
    site: Flask, visitor: FlaskClient
) -> None:
    with site.app_context():
        integrity.report_damage("disk I/O error")
    assert "database" in readiness(visitor)[1]
    integrity.run(site)
    assert "database" not in readiness(visitor)[1]


def test_a_form_keeps_its_values_when_the_database_is_damaged(
    site: Flask, visitor: FlaskClient
) -> None:
    from tests import html_forms

    page = visitor.get("/accounts/join/again").text
    not_a_database(site)
    form = html_forms.form_of(page).filled({"email": "rosa@example.org"})
    response = visitor.post("/accounts/join/again", data=form)
    assert response.status_code == 503
    assert "rosa@example.org" in response.text


def test_the_result_does_not_hold_for_another_file(
    site: Flask, visitor: FlaskClient, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    close(site)
    whole.write_bytes(file_of(site).read_bytes())
    garble(site, "articles")
    integrity.run(site)
    assert "database" in readiness(visitor)[1]
    close(site)
    whole.replace(file_of(site))
    assert "database" not in readiness(visitor)[1]
    integrity.run(site)
    assert "database" not in readiness(visitor)[1]


def test_the_file_is_checked_at_night_and_again_soon_when_damaged(
    site: Flask, clock: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []
    found = ""

    def examined(file: Path) -> str:
        checked.append(file)
        return found

    monkeypatch.setattr(integrity, "_check", examined)

    def after(**time: float) -> int:
        clock(NOW + timedelta(**time))
        integrity.run(site)
        return len(checked)

    assert after() == 1  # the first time
    assert after(hours=12) == 1  # at midnight no day has passed
    assert after(hours=22) == 1  # and it is not night
    assert after(hours=38) == 2  # two o'clock in the next night
    found = "Page 7 is never used"
    assert after(hours=62) == 3
    assert after(hours=62, minutes=5) == 3
    assert after(hours=62, minutes=11) == 4


def test_a_worker_that_was_off_at_night_checks_by_day(
    site: Flask, clock: Callable[[datetime], None]
) -> None:
    result = Path(site.instance_path, integrity.RESULT_FILE)
    integrity.run(site)
    clock(NOW + timedelta(hours=45))
    integrity.run(site)
    assert (NOW + timedelta(hours=45)).isoformat() in result.read_text()


def test_a_locked_database_is_not_reported_as_damaged(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "BUSY_TIMEOUT_MS", 1)
    with database_locks.held_whole(site), pytest.raises(sqlite3.OperationalError, match="locked"):
        integrity.run(site)
    assert damage(site) == ""


def test_an_index_that_disagrees_with_its_table_is_found(site: Flask) -> None:
    close(site)
    with closing(sqlite3.connect(file_of(site), isolation_level=None)) as connection:
        connection.execute("CREATE TABLE seen (words TEXT)")
        connection.execute("CREATE INDEX ix_seen ON seen (words)")
        connection.execute("INSERT INTO seen VALUES ('marmoset')")
    [root] = pages_of(site, "ix_seen")
    held = bytearray(file_of(site).read_bytes())
    at = held.index(b"marmoset", (root - 1) * 4096)
    held[at : at + 1] = b"n"
    file_of(site).write_bytes(held)
    integrity.run(site)
    assert "ix_seen" in damage(site)


@contextmanager
def descriptors(left: int) -> Iterator[None]:
    """Let this process open only so many more files, as under many open connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY) for _number in range(8)]
    try:
        highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        with suppress(OSError):  # what is free in between
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _number in range(left):
            os.close(held.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in held:
            os.close(descriptor)


def test_too_many_open_files_are_not_reported_as_damage(site: Flask, visitor: FlaskClient) -> None:
    visitor.post("/news/article-1")  # an error page is rendered: its template is loaded
    for left in (2, 1, 0):
        close(site)
        with descriptors(left):
            response = visitor.get("/news/article-2")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5"), left
        assert "busy for a moment" in response.text
        close(site)
        with descriptors(left):
            assert visitor.get("/readyz").status_code == 503
        assert damage(site) == ""
        assert "database" not in readiness(visitor)[1]
    assert visitor.get("/news/article-2").status_code == 200


def test_a_file_that_cannot_be_opened_has_no_result(
    site: Flask,
) -> None:
    close(site)
    with descriptors(1), pytest.raises(sqlite3.OperationalError, match="unable to open"):
        integrity.run(site)
    close(site)
    with descriptors(1), site.app_context():
        found = [found for found in doctor.examine(site) if found.subject == "database"]
    assert found
    assert not [one for one in found if "restore" in one.advice]
    assert not Path(site.instance_path, integrity.RESULT_FILE).exists()


@pytest.fixture
def elsewhere(site: Flask, make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    """The same site with its database in another place, and none in the instance folder."""
    close(site)
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "site.db"
    file_of(site).rename(file)
    return make_app(TESTING=False, DATABASE_URL=f"sqlite:///{file}")


def test_a_database_outside_the_instance_is_checked(
    elsewhere: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, visitor = tmp_path / "elsewhere" / "site.db", elsewhere.test_client()
    assert "The file is whole" in elsewhere.test_cli_runner().invoke(args=["doctor"]).output
    assert "database" not in readiness(visitor)[1]
    close(elsewhere)
    whole = file.read_bytes()
    file.write_bytes(b"something else altogether " * 500)
    told = elsewhere.test_cli_runner().invoke(args=["doctor"]).output
    assert str(file) in told
    assert "psgflask restore" not in told
    assert "database" in readiness(visitor)[1]
    close(elsewhere)
    file.write_bytes(whole)
    assert damage(elsewhere)  # the same file: until it is looked through
    with elsewhere.app_context():
        integrity.check_database()
    assert "database" not in readiness(visitor)[1]


def test_damage_reported_of_a_database_outside_the_instance_is_checked_and_cleared(
    elsewhere: Flask,
) -> None:
    visitor = elsewhere.test_client()
    with elsewhere.app_context():
        integrity.report_damage("database disk image is malformed")
    assert "database" in readiness(visitor)[1]
    integrity.run(elsewhere)
    assert "database" not in readiness(visitor)[1]


def test_a_result_without_a_file_is_ignored(site: Flask) -> None:
    """As an older version wrote it, and as where the file is gone."""
    result = Path(site.instance_path, integrity.RESULT_FILE)
    result.write_text('{"at": "", "fault": "unable to open database file", "file": []}')
    assert damage(site) == ""
    close(site)
    file_of(site).unlink()
    assert damage(site) == ""
    result.unlink()
    with site.app_context():
        integrity.report_damage("disk I/O error")
    assert not result.exists()


def test_a_database_that_is_no_file_has_no_result(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.app_context():
        integrity.report_damage("disk I/O error")
    assert damage(site)
    monkeypatch.setattr(database, "is_sqlite", lambda bind: False)
    with site.app_context():
        integrity.report_damage("disk I/O error")
        assert integrity.check_database() == ""
    integrity.run(site)
    assert damage(site) == ""
