"""A6: the page as a text browser reads it: in order, and nothing twice."""

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Reader
from tests.browser.states import LAYOUTS, State, visit

# What a text browser meets, line by line: landmarks, headings, dates, fields and buttons.
OUTLINE = """() => [...document.querySelectorAll(
  'a.skip, header.masthead, main, main .dateline, h1, h2, h3, main .item, form, nav, footer'
)].filter(e => e.checkVisibility()).map(e => {
  const kind = e.matches('.skip') ? 'skip' : e.matches('.dateline') ? 'date'
    : e.matches('.item') ? 'item' : e.matches('form[role=search]') ? 'search'
    : e.tagName.toLowerCase();
  const inside = e.closest('main') ? 'main' : e.closest('header.masthead') ? 'masthead'
    : e.closest('footer') ? 'footer' : '';
  return [kind, inside];
})"""
CONTROLS = """() => [...document.querySelectorAll('input, button, select, textarea')]
  .filter(e => e.type !== 'hidden' && e.checkVisibility())
  .map(e => [e.form && e.form.getAttribute('aria-label') || 'search', e.name, e.value,
             e.innerText].join('|'))"""


def without_styles(reader: Reader, state: State) -> Page:
    """Open a page whose style sheet never comes."""
    page = reader(state.site)
    page.route("**/*.css", lambda route: _refuse(route))
    page.route("**/*.woff2", lambda route: _refuse(route))
    visit(page, state)
    return page


def _refuse(route: Route) -> None:
    route.fulfill(status=200, content_type="text/css", body="")


@pytest.mark.parametrize("state", LAYOUTS, ids=lambda state: state.name)
def test_a6_the_reading_order_holds_without_styles(reader: Reader, state: State) -> None:
    page = without_styles(reader, state)
    outline = [tuple(line) for line in page.evaluate(OUTLINE)]
    kinds = [kind for kind, _inside in outline]
    assert kinds[0] == "skip"
    assert kinds[1] == "header"
    assert kinds[-1] == "footer"
    masthead = [kind for kind, inside in outline if inside == "masthead" and kind != "header"]
    bare = state.name == "bad-request"
    assert [kind for kind in masthead if kind != "h1"] == (
        ["search"] if bare else ["search", "nav"]
    )
    inside_main = [kind for kind, inside in outline if inside == "main" and kind != "main"]
    if "item" in inside_main:
        assert "date" in inside_main[: inside_main.index("item")], "a date stands before its items"
    if state.name.startswith("search-") and "form" in inside_main:
        assert inside_main.index("h1") < inside_main.index("item") < inside_main.index("form")


@pytest.mark.parametrize("state", LAYOUTS, ids=lambda state: state.name)
def test_a6_no_control_stands_there_twice(reader: Reader, state: State) -> None:
    page = without_styles(reader, state)
    controls: list[str] = page.evaluate(CONTROLS)
    assert [c for c in set(controls) if controls.count(c) > 1] == []


def test_a6_the_drawn_cords_say_nothing_that_words_do_not(reader: Reader) -> None:
    page = without_styles(reader, State("home", "/"))
    assert page.locator("svg:not([aria-hidden=true])").count() == 0
    assert page.get_by_role("navigation", name="The archive by year").get_by_role("link").count()
