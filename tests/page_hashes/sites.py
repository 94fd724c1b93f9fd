"""Installations whose pages are hashed: made by the site's own commands, asked as from outside."""

import contextvars
import html
import os
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from psgflask import create_app
from tests.page_hashes.clock import NOON, clock, modules
from tests.page_hashes.record import Record

BASE = "http://127.0.0.1:8000"
SECRET = "only-in-tests"  # of every site of the tests, so that tests can sign what the site signs
# All that is asked of the inside, under every name that it has had, since what is compared are two
# states of the code: what does the background work once, what loads the synthetic archive, and what
# reads the form of a page.
WORK_ONCE = ("run_once", "round")
LOADERS = ("tests.sample_archive.loading", "psgflask.sample.loading")
FORMS = ("tests.html_forms", "tests.filling")

Typed = Mapping[str, str | Sequence[str]]
OF_THE_MOMENT = frozenset({"date", "expires", "server", "server-timing"})
LINKS = re.compile(r'(?:href|src|action)="([^"]*)"|url\("([^")]*)"\)')
MAX_QUERIES = 15


class Site:
    """An installation: what it answers and prints is noted in a record under its name."""

    def __init__(self, app: Flask, name: str, record: Record, base: str = BASE) -> None:
        self.app, self.name, self.record, self.base = app, name, record, base
        self.stranger = app.test_client(use_cookies=False)
        self._worker: Any = None

    def visitor(self) -> FlaskClient:
        """Return somebody whose browser keeps cookies."""
        return self.app.test_client()

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        by: FlaskClient | None = None,
        told: str = "",
        **given: Any,
    ) -> TestResponse:
        """Ask for an address and note the answer; `told` says what is special, `given` werkzeug."""
        client = by or self.stranger
        answer: TestResponse = contextvars.Context().run(
            client.open, path, method=method, base_url=self.base, **given
        )
        head = sorted(f"{name}: {_value(name, value)}" for name, value in answer.headers)
        seen = "\n".join([answer.status, *head, "", ""]).encode() + answer.get_data()
        answer.close()
        name = f"{method} {path}" + (f" ({told})" if told else "")
        self.record.note("page", f"{self.name}: {name}", seen)
        return answer

    def send(
        self, answer: TestResponse, typed: Typed, *, by: FlaskClient, told: str = ""
    ) -> TestResponse:
        """Fill in the form of an answer and press its button, as a browser does."""
        form = form_of(answer)
        # Browsers say at https where a form comes from, and Flask-WTF asks.
        headers = {"Referer": f"{self.base}{answer.request.path}"}
        path, data = form.action or answer.request.path, form.filled(typed)
        sent = self.ask(path, "POST", by=by, told=told, data=data, headers=headers)
        if "Location" in sent.headers:
            return self.ask(sent.headers["Location"], by=by, told=told)
        return sent

    def walk(
        self, path: str, steps: Iterable[Iterable[tuple[str, str]]], *, told: str
    ) -> TestResponse:
        """Open a page, then fill in one form after the other; return the last answer."""
        visitor = self.visitor()
        answer = self.ask(path, by=visitor, told=told)
        for step in steps:
            answer = self.send(answer, dict(step), by=visitor, told=told)
        return answer

    def commands(self) -> FlaskGroup:
        """Return what `flask` runs for this installation."""
        return FlaskGroup(create_app=lambda: self.app, load_dotenv=False)

    def run(self, *arguments: str) -> str:
        """Run a command as `flask` does, note what it prints, and return its output."""
        done = CliRunner().invoke(self.commands(), arguments, prog_name="flask")
        os.environ.pop("FLASK_RUN_FROM_CLI", None)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        seen = f"exit {done.exit_code}\n{done.stdout}\n-- errors --\n{done.stderr}"
        self.record.note("command", f"{self.name}: flask {' '.join(arguments)}", seen.encode())
        return done.stdout

    def work(self) -> None:
        """Do the background work once, as the worker of a server does every few seconds."""
        if self._worker is None:
            found = (getattr(module, "Worker", None) for module in modules())
            self._worker = next(kind for kind in found if isinstance(kind, type))(self.app)
        getattr(self._worker, next(name for name in WORK_ONCE if hasattr(self._worker, name)))()

    def mails(self) -> list[Path]:
        """Return the mails that have left, the oldest first."""
        return sorted(Path(self.app.instance_path, "outbox").glob("*.eml"))


@contextmanager
def installation(
    record: Record, name: str, instance: Path, base: str = BASE, **settings: object
) -> Iterator[Site]:
    """Build the site over an instance folder, at noon; what the folder holds stays."""
    os.environ["PSG_INSTANCE"] = str(instance)
    record.paths[str(instance)] = "[instance]"
    clock.now = NOON
    app = create_app({"SECRET_KEY": SECRET, "WORKER": False, "BASE_URL": base, **settings})
    yield Site(app, name, record, base)
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def _value(name: str, value: str) -> str:
    """Return what a header says, less what tells of the moment or of the order of a set."""
    if name.lower() in OF_THE_MOMENT:
        return "[moment]"
    return ", ".join(sorted(value.split(", "))) if name == "Allow" else value


def load_archive(site: Site, count: int) -> None:
    """Add the synthetic archive, and index it."""
    load = _one_of(LOADERS).load_archive
    with site.app.app_context():
        session = site.app.extensions["sqlalchemy"].session
        load(session(), count, seed=1, now=clock.now)
        session.commit()
    site.run("search", "rebuild")


def form_of(answer: TestResponse) -> Any:
    """Return the form of a page that is sent by POST."""
    return _one_of(FORMS).form_of(answer.text)


def _one_of(names: Iterable[str]) -> Any:
    """Import the first of these modules that there is. Raises LookupError."""
    for name in names:
        with suppress(ModuleNotFoundError):
            return import_module(name)
    raise LookupError(f"None of {', '.join(names)} is there")


def crawl(site: Site, first: Iterable[str]) -> None:
    """Ask for every address that links lead to, of each path with so many queries at most.

    A list may begin behind any of its articles, and a search be narrowed by every filter.
    """
    waiting, seen, queries = deque(first), set[str](), Counter[str]()
    while waiting:
        path = waiting.popleft()
        plain, _mark, query = path.partition("?")
        if path in seen or (query and queries[plain] >= MAX_QUERIES):
            continue
        seen.add(path)
        queries[plain] += bool(query)
        waiting.extend(_links(site.base, path, site.ask(path)))


def _links(base: str, path: str, answer: TestResponse) -> list[str]:
    """Return where an answer leads to on the same site, in its order."""
    kind = answer.mimetype or ""
    if "Location" in answer.headers:
        written = [answer.headers["Location"]]
    elif kind.startswith("text/"):
        written = [html.unescape(a or b) for a, b in LINKS.findall(answer.text)]
    elif kind.endswith(("xml", "json")):
        written = re.findall(rf'{re.escape(base)}[^\s<"]*', html.unescape(answer.text))
    else:
        return []
    places = [urldefrag(urljoin(base + path, link)).url for link in written]
    return [place.removeprefix(base) for place in places if _is_here(base, place)]


def _is_here(base: str, place: str) -> bool:
    return place.startswith(base + "/") and urlsplit(place).netloc == urlsplit(base).netloc
