"""Fixtures of every test: an app on an instance of its own, its client, its database session."""

import contextvars
import logging
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from psgflask import create_app
from psgflask.core import paths
from psgflask.core.database import Model, db
from psgflask.search.engine import array_engine
from psgflask.translations.compile import compile_all
from psgflask.web.site import Site

SETTINGS = {"TESTING": True, "SECRET_KEY": "only-in-tests", "WORKER": False}
KINDS = ("unit", "page", "journey", "axe", "house")
BROWSER_ROWS_OF_AXE = ("test_axe",)
HERE = Path(__file__).resolve().parent
# `make check` leaves out what is slow: a test that sets up an installation, and these folders and
# modules, each with its reason.
SLOW = {
    "browser": "a real Chromium on a real server",
    "ops": "servers, workers, backups and restores, in processes of their own",
    "mail/test_worker_task_killed.py": "a drill with kills",
    "mail/test_smtp_client.py": "a real mail server that is slow or falls silent",
    "news/test_publishing_killed.py": "a drill with kills",
    "search/index": "indexes built, killed at each step, damaged and read again",
    "search/engine": "rankings of made-up collections beside a plain engine",
    "search/sync/test_indexer_processes.py": "processes that publish and index at the same time",
    "search/test_judged.py": "the judged collections, indexed and ranked",
    "test_conftest.py": "runs of pytest, in processes of their own",
    "test_house_wheel.py": "a wheel built and installed",
    "test_crawl.py": "every page of a whole site",
    "web/test_cross_site.py": "every form of a whole site",
    "test_hostile_requests.py": "hostile requests to every address",
    "test_locked_commands.py": "every command beside a locked database",
    "test_locked_database.py": "every page beside a locked database",
    "test_migrations.py": "databases of every age, up and down",
    "test_unwritable_commands.py": "every command, in a process of its own",
    "test_memory.py": "memory traced over thousands of requests",
    "core/test_lru_cache.py": "memory traced over thousands of keys",
}

SLOW_PATHS = frozenset(HERE / name for name in SLOW)

# No deadline: nothing here asserts on a clock. No database: a failure prints what repeats it.
hypothesis.settings.register_profile(
    "house", deadline=None, database=None, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("house")

# An e-mail address, or the secret of a link (32 random bytes, as they are written in addresses).
PRIVATE = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+|(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])"
)

# Spanish pages need the compiled catalogue.
compile_all()

# Whether a skipped test is a failure.
NO_SKIPS = bool(os.environ.get("PSG_NO_SKIPS"))

# Settings of the environment must not leak into the tests.
for name in [name for name in os.environ if name.startswith("PSG_")]:
    del os.environ[name]


class CompiledTemplates(BytecodeCache):
    """The compiled templates of all apps of this process: each app would compile them anew."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if one of its name and source was compiled."""
        bucket.code = self.codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self.codes[bucket.key, bucket.checksum] = bucket.code


def compile_builder_when_called(
    rule: Rule, append_unknown: bool = True
) -> Callable[..., tuple[str, str]]:
    """Compile the function that builds a rule's addresses once one is built.

    Werkzeug compiles two for each rule, which is nine tenths of the time that an app takes to
    create, and a test builds the addresses of few.
    """
    compiled = cache(lambda: compile_builder(rule, append_unknown))
    return lambda bound, /, **values: compiled()(bound, **values)


compile_builder = Rule._compile_builder
Rule._compile_builder = compile_builder_when_called  # type: ignore[assignment]  # mypy counts `self` twice
Site.jinja_options = {"bytecode_cache": CompiledTemplates()}


class Visitor(FlaskClient):
    """A test client whose requests see nothing of the test: no app context, no session."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request as from outside."""
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and no rows, made once and copied for each test."""
    file = tmp_path_factory.mktemp("schema") / "psg.sqlite"
    engine = create_engine(f"sqlite:///{file}")
    Model.metadata.create_all(engine)
    newest = max(each.name for each in paths.migrations().glob("versions/[0-9]*_*.py"))
    with engine.begin() as connection:  # as migrations would leave it
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        revision = {"revision": newest.partition("_")[0]}
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), revision)
    engine.dispose()
    return file


@pytest.fixture
def instance(tmp_path: Path, schema: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The instance folder of this test alone, with an empty database."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    shutil.copyfile(schema, folder / "psg.sqlite")
    (folder / "psg.sqlite").chmod(0o600)
    monkeypatch.setenv("PSG_INSTANCE", str(folder))
    return folder


@pytest.fixture
def make_app(instance: Path) -> Iterator[Callable[..., Flask]]:
    """Build an app with settings of the test's own: `make_app(BASE_URL="https://example.org")`."""
    built: list[Flask] = []

    def make(**settings: object) -> Flask:
        app = create_app({**SETTINGS, **settings})
        app.test_client_class = Visitor
        built.append(app)
        return app

    yield make
    for app in built:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The site on an empty database."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor without cookies."""
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The session of a command: the test commits what pages are to show."""
    with app.app_context():
        yield db.session()
        db.session.rollback()


class Privacy(logging.Handler):
    """Reads all that is logged while a test runs, and records private data in it (S22)."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Search one record, its traceback included."""
        with suppress(Exception):  # a malformed record is the concern of its own test
            text = self.format(record)
            self.leaks += [f"{found} in: {text[:300]}" for found in PRIVATE.findall(text)]


@pytest.fixture(autouse=True)
def searches_wait_for_what_was_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests search at once for what they changed, and a busy machine is slow."""
    monkeypatch.setattr(array_engine, "REFRESH_TIMEOUT", 60.0)
    monkeypatch.setattr(array_engine, "REFRESH_INTERVAL", 0.0)


@pytest.fixture(autouse=True)
def nothing_private_is_logged() -> Iterator[None]:
    """S22: whatever a test makes the site do, no log contains an e-mail address or a secret."""
    listening = Privacy()
    root = logging.getLogger()
    root.addHandler(listening)
    yield
    root.removeHandler(listening)
    assert listening.leaks == []


def kind_of(item: pytest.Item) -> str:
    """Return the kind of a test: by its folder, and by whether it requests pages."""
    path = item.path
    if path.parent.name == "browser":
        return "axe" if path.stem.startswith(BROWSER_ROWS_OF_AXE) else "journey"
    if path.stem.startswith("test_house"):
        return "house"
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return "page" if {"client", "visitor", "pages"} & set(fixtures) else "unit"


@cache
def is_listed_as_slow(path: Path) -> bool:
    """Say whether `make check` leaves out a file, or a folder that it is in."""
    return not SLOW_PATHS.isdisjoint([path, *path.parents])


def is_slow(item: pytest.Item) -> bool:
    """Say whether `make check` leaves a test out."""
    return is_listed_as_slow(item.path) or "instance" in getattr(item, "fixturenames", [])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module of which `make check` runs nothing."""
    return (config.option.markexpr == "not slow" and is_listed_as_slow(collection_path)) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its kind and whether it is slow, and run browser tests last."""
    for item in items:
        item.add_marker(kind_of(item))
        if is_slow(item):
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.parent.name == "browser")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests of each kind ran."""
    ran: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call":
                ran.update(kind for kind in KINDS if kind in report.keywords)
    counts = ", ".join(f"{kind} {ran[kind]}" for kind in KINDS)
    terminalreporter.write_line(f"Tests that ran: {counts}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where skips are not allowed (PSG_NO_SKIPS), a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.getreports("skipped") if reporter else []
    if skipped and NO_SKIPS and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """End with what was skipped, so that a partial run is not taken for a full one."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = reporter.getreports("skipped")
    if skipped:
        reasons = sorted({str(report.longrepr[2]) for report in skipped})
        reporter.write_line(f"Left out: {len(skipped)} tests. {'; '.join(reasons)}")
