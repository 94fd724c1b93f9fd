"""Fixtures of the browser tests: three sites on the real server, and readers who visit them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from tests.benchmarks.servers import serving
from tests.browser import chromium, content

Reader = Callable[..., Page]
NONE_TO_BE_HAD = "No Chromium could be had for the browser tests: install the package chromium"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium."""
    found = chromium.find(playwright)
    if not found:
        pytest.skip(NONE_TO_BE_HAD)
    running = playwright.chromium.launch(executable_path=found, args=chromium.arguments())
    yield running
    running.close()


class Sites:
    """Sites by what they hold ("full", "young", "empty"), each filled and served when asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.addresses: dict[str, str] = {}

    def address(self, kind: str) -> str:
        """Return the address of a running site."""
        if kind not in self.addresses:
            instance = self.folder / kind
            with content.filled(instance, kind):
                pass
            server = self.stack.enter_context(
                serving("wsgi:app", PSG_INSTANCE=str(instance), PSG_SECRET_KEY=content.SECRET)
            )
            self.addresses[kind] = f"http://127.0.0.1:{server.port}"
        return self.addresses[kind]


@pytest.fixture(scope="session")
def sites(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The sites of this run, on the server that `make serve` starts."""
    folder = tmp_path_factory.mktemp("sites")
    with ExitStack() as stack:
        yield Sites(folder, stack)
    shutil.rmtree(folder, ignore_errors=True)


class Windows:
    """One page for each kind of reader, used again: to open a window costs more than a page."""

    def __init__(self, browser: Browser, sites: Sites, stack: ExitStack) -> None:
        self.browser, self.sites, self.stack = browser, sites, stack
        self.kept: dict[str, Page] = {}

    def page(self, kind: str, habits: dict[str, Any]) -> Page:
        """Return the page of a kind of reader, as good as new."""
        key = f"{kind} {sorted(habits.items())}"
        if key not in self.kept:
            self.kept[key] = self.fresh(kind, habits, self.stack)
        return self.kept[key]

    def fresh(self, kind: str, habits: dict[str, Any], stack: ExitStack) -> Page:
        """Open a window that nobody used, with nothing in its cache."""
        context = self.browser.new_context(base_url=self.sites.address(kind), **habits)
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.set_default_navigation_timeout(30_000)
        return page


@pytest.fixture(scope="session")
def windows(browser: Browser, sites: Sites) -> Iterator[Windows]:
    """The open windows of this run."""
    with ExitStack() as stack:
        yield Windows(browser, sites, stack)


@pytest.fixture
def reader(windows: Windows, sites: Sites) -> Iterator[Reader]:
    """Open a page as one reader: `reader("full", java_script_enabled=False)`.

    When the test ends, no reader may have seen an error of the page or its policy, nor may the
    page have asked another host for anything. `fresh` opens a window with an empty cache.
    """
    with ExitStack() as stack:
        wrong: list[str] = []

        def open_as(kind: str = "full", *, fresh: bool = False, **habits: Any) -> Page:
            page = windows.fresh(kind, habits, stack) if fresh else windows.page(kind, habits)
            _watch(page, urlsplit(sites.address(kind)).netloc, wrong, stack)
            return page

        yield open_as
    assert wrong == []


def _watch(page: Page, home: str, wrong: list[str], stack: ExitStack) -> None:
    def note_request(request: Request) -> None:
        if urlsplit(request.url).netloc not in {home, ""}:
            wrong.append(f"asked another host: {request.url}")

    def note_error(error: object) -> None:
        wrong.append(f"error: {error}")

    def note_console(said: ConsoleMessage) -> None:
        _note(wrong, said.type, said.text)

    def leave() -> None:
        page.remove_listener("request", note_request)
        page.remove_listener("pageerror", note_error)
        page.remove_listener("console", note_console)
        page.unroute_all()
        page.emulate_media(media="null")
        page.context.clear_cookies()
        page.goto("about:blank")

    page.on("request", note_request)
    page.on("pageerror", note_error)
    page.on("console", note_console)
    stack.callback(leave)


def _note(wrong: list[str], kind: str, text: str) -> None:
    # Chromium reports the status of an error page that a test asks for as an error of its own.
    if kind == "error" and not text.startswith("Failed to load resource: the server responded"):
        wrong.append(text)


@pytest.fixture(params=[True, False], ids=["javascript-on", "javascript-off"])
def visitor(reader: Reader, request: pytest.FixtureRequest) -> Page:
    """A reader of the full site, once with JavaScript and once without: the same journeys."""
    return reader("full", java_script_enabled=request.param)
