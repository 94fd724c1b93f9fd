"""A18: mails in a real browser, as a mail program on a phone or a desk shows them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from psgflask.mail import composing
from tests.browser.test_axe import examine
from tests.mail.mails import KINDS, VALUES

WIDTHS = (320, 360, 700)
LETTER = 600
LEAST_TARGET = 44
Show = Callable[..., Page]
every_mail = pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in KINDS for language in ("en", "es")]
)


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[dict[str, Page]]:
    """A window for each colour scheme; the test sets its width."""
    contexts = {
        scheme: browser.new_context(color_scheme=scheme, java_script_enabled=True)
        for scheme in ("light", "dark")
    }
    yield {scheme: context.new_page() for scheme, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def show(app: Flask, pages: dict[str, Page]) -> Iterator[Show]:
    """Open a mail: `show("verify", "es", "dark", 360)`. It may ask nobody for anything."""
    asked: list[str] = []

    def note(request: Any) -> None:
        asked.append(request.url)

    def open_(kind: str, language: str, scheme: str = "light", width: int = 700) -> Page:
        page = pages[scheme]
        page.on("request", note)
        page.set_viewport_size({"width": width, "height": 800})
        page.set_content(composing.render(app, kind, language, VALUES)[2])
        return page

    yield open_
    for page in pages.values():
        page.remove_listener("request", note)
    assert asked == []


@every_mail
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a18_axe_finds_nothing_in_a_mail(show: Show, kind: str, language: str, scheme: str) -> None:
    assert examine(show(kind, language, scheme)) == []


@every_mail
@pytest.mark.parametrize("width", WIDTHS)
def test_a18_a_mail_is_600_pixels_wide_or_as_wide_as_the_phone(
    show: Show, kind: str, language: str, width: int
) -> None:
    page = show(kind, language, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    box = page.locator(".letter").bounding_box()
    assert box is not None
    assert box["width"] == min(width, LETTER)


def test_a18_a_mail_is_dark_in_the_dark(show: Show) -> None:
    def brightness(scheme: str) -> int:
        colour = show("verify", "en", scheme).evaluate(
            "getComputedStyle(document.querySelector('.body')).backgroundColor"
        )
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert brightness("light") > 700
    assert brightness("dark") < 100


@pytest.mark.parametrize("width", WIDTHS)
def test_a11_what_is_to_be_pressed_in_a_mail_is_large_enough(show: Show, width: int) -> None:
    box = show("verify", "en", width=width).locator(".button a").bounding_box()
    assert box is not None
    assert box["height"] >= LEAST_TARGET
    assert box["width"] >= LEAST_TARGET


@every_mail
def test_a18_a_mail_reads_in_order_where_its_style_is_stripped(
    show: Show, kind: str, language: str
) -> None:
    page = show(kind, language, width=360)
    page.evaluate("document.querySelectorAll('style').forEach(each => each.remove())")
    assert page.locator("h1").count() == 1
    assert page.locator("main p").first.inner_text().startswith(("Hello", "Hola"))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
