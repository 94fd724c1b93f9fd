"""A10: motion, colour scheme, contrast, forced colours and paper."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Reader

PAGES = ["/", "/news/everything", "/search/?q=radio"]
MOVING = """() => [...document.querySelectorAll('*')].filter(e => {
  const style = getComputedStyle(e);
  return style.animationName !== 'none'
    || style.transitionDuration.split(',').some(t => parseFloat(t) > 0);
}).map(e => e.outerHTML.slice(0, 100)).concat(document.getAnimations().map(a => String(a)))"""


def luminance(colour: str) -> float:
    """Return the relative luminance of an opaque rgb() colour (WCAG 2.2)."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ground(page: Page) -> float:
    """Return the luminance of the page's ground."""
    colour = page.evaluate(
        "() => { const of = e => getComputedStyle(e).backgroundColor;"
        " return of(document.body) === 'rgba(0, 0, 0, 0)' ? of(document.documentElement)"
        " : of(document.body); }"
    )
    return luminance(colour)


@pytest.mark.parametrize("path", PAGES)
def test_a10_nothing_moves_for_readers_who_ask_for_calm(reader: Reader, path: str) -> None:
    page = reader("full", reduced_motion="reduce")
    page.goto(path)
    assert page.evaluate(MOVING) == []


@pytest.mark.parametrize("path", PAGES)
def test_a10_the_dark_scheme_is_there_from_the_first_paint(reader: Reader, path: str) -> None:
    dark = reader("full", color_scheme="dark", java_script_enabled=True)
    dark.goto(path)
    assert ground(dark) < 0.05
    # A module waits until the page is drawn, so it cannot be what sets the theme.
    early = dark.locator("head script[src]:not([type=module]), body script")
    assert early.count() == 0, "no script sets the theme"
    assert dark.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light dark"
    light = reader("full", color_scheme="light")
    light.goto(path)
    assert ground(light) > 0.8


def test_a10_more_contrast_is_given_when_asked_for(reader: Reader) -> None:
    usual = reader("full")
    more = reader("full", contrast="more")
    for page in (usual, more):
        page.goto("/news/everything")

    def ratio(page: Page) -> float:
        text = page.evaluate("getComputedStyle(document.querySelector('main h1')).color")
        lighter, darker = sorted((ground(page), luminance(text)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)

    assert ratio(more) > ratio(usual)
    assert ratio(more) > 20


def test_a10_forced_colours_keep_the_cords_visible(reader: Reader) -> None:
    page = reader("full", forced_colors="active")
    page.goto("/")
    strokes = page.evaluate(
        "() => [...document.querySelectorAll('svg.years .wrap')]"
        ".map(e => getComputedStyle(e).stroke)"
    )
    assert strokes
    assert all(stroke not in {"none", "rgb(255, 255, 255)"} for stroke in strokes)


def test_a10_on_paper_links_show_their_address_and_navigation_is_gone(reader: Reader) -> None:
    page = reader("full")
    page.goto("/news/everything")
    page.emulate_media(media="print")
    after = page.locator(".prose a[href^='http']").first.evaluate(
        "e => getComputedStyle(e, '::after').content"
    )
    assert "https://example.org/report" in after
    for gone in ("header nav", "form[role=search]", "nav.turn", "a.skip"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator("main h1").is_visible()
    table = page.locator(".prose table").first
    wide = "e => [e.scrollWidth, e.parentElement.clientWidth]"
    width, room = table.evaluate(wide)
    assert width <= room + 1
    assert page.pdf(format="A4").startswith(b"%PDF-")
