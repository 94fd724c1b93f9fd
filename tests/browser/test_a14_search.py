"""A14 and A12: the search page and its fields, as readers and assistive technology meet them."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Reader
from tests.browser.states import STATES, State
from tests.browser.test_axe import examine


def test_a14_the_count_stands_in_the_heading_and_in_the_title(reader: Reader) -> None:
    page = reader("full")
    page.goto("/search/?q=radio&page=2")
    heading = page.get_by_role("heading", level=1).inner_text()
    assert heading == "45 results for ‘radio’ (page 2 of 5)"
    assert page.title().startswith(heading)
    expect(page.get_by_role("search").get_by_role("combobox")).to_have_value("radio")
    expect(page.get_by_role("combobox", name="Search the news and the archive")).to_have_count(1)
    pages = page.get_by_role("navigation", name="Pages of results")
    expect(pages.get_by_role("link", name="Page 2", exact=True)).to_have_attribute(
        "aria-current", "page"
    )


def test_a14_hits_are_marked_by_more_than_colour_and_dated(reader: Reader) -> None:
    page = reader("full")
    page.goto("/search/?q=radio")
    mark = page.locator("main mark").first
    weight = mark.evaluate("e => [getComputedStyle(e).fontWeight, getComputedStyle(e).fontWeight]")
    around = mark.evaluate("e => getComputedStyle(e.parentElement).fontWeight")
    line = mark.evaluate("e => getComputedStyle(e).textDecorationLine")
    assert int(weight[0]) > int(around) or int(weight[0]) >= 700 or line == "underline"
    hits = page.locator("main .day")
    assert hits.count() == page.locator("main .day time[datetime]").count() > 5


def test_a14_filters_are_a_form_that_waits_for_its_button(reader: Reader) -> None:
    page = reader("full")
    page.goto("/search/?q=radio")
    form = page.get_by_role("form", name="Filters")
    assert (form.get_attribute("method") or "get").lower() == "get"
    address = page.url
    form.get_by_label("Politics").check()
    assert page.url == address, "a tick alone does not move the page"
    form.get_by_role("button", name="Apply filters").click()
    assert "topic=politics" in page.url
    assert "q=radio" in page.url


def test_a14_the_order_is_explained_and_can_be_changed(reader: Reader) -> None:
    page = reader("full")
    page.goto("/search/?q=radio")
    expect(page.get_by_text("First what fits your words best")).to_be_visible()
    order = page.get_by_role("navigation", name="Order")
    expect(order.locator("[aria-current]")).to_have_count(1)
    order.get_by_role("link").nth(1).click()
    assert "sort=" in page.url
    dates = page.locator("main .day time").evaluate_all("all => all.map(e => e.dateTime)")
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(
    "state",
    [s for s in STATES if s.name in {"home", "search-filtered", "search-none", "missing"}],
    ids=lambda state: state.name,
)
def test_a12_every_field_has_a_label_and_keeps_what_was_typed(reader: Reader, state: State) -> None:
    page = reader(state.site)
    page.goto(state.path)
    fields = page.locator("input:not([type=hidden]), select, textarea")
    for field in fields.all():
        name = field.evaluate("e => [...e.labels].map(l => l.innerText).join('').trim()")
        assert name, field.evaluate("e => e.outerHTML")
        described = field.get_attribute("aria-describedby")
        assert described is None or page.locator(f"#{described}").count() == 1
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


def typed(page: Page, words: str) -> Locator:
    """Type into the box of a page and return the options that open below it."""
    field = page.get_by_role("combobox", name="Search the news and the archive")
    field.click()
    field.press_sequentially(words)
    expect(field).to_have_attribute("aria-expanded", "true")
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def test_a14_suggestions_are_chosen_by_keyboard(reader: Reader) -> None:
    page = reader("full")
    page.goto("/topics/")
    field = page.get_by_role("combobox")
    options = typed(page, "rad")
    expect(page.get_by_role("search").get_by_role("status")).to_contain_text("suggestion")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    chosen = options.first.get_attribute("id") or ""
    expect(field).to_have_attribute("aria-activedescendant", chosen)
    expect(field).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(field).not_to_have_attribute("aria-activedescendant", chosen)
    page.keyboard.press("ArrowDown")
    title = options.first.locator("span").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_a14_escape_closes_the_suggestions_and_enter_searches(reader: Reader) -> None:
    page = reader("full")
    page.goto("/topics/")
    typed(page, "rad")
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("combobox")).to_have_value("rad")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=rad")


def test_a14_a_suggestion_is_chosen_by_pointer(reader: Reader) -> None:
    page = reader("full")
    page.goto("/es/topics/")
    field = page.get_by_role("combobox")
    field.click()
    field.press_sequentially("rad")
    page.get_by_role("listbox", name="Sugerencias").get_by_role("option").first.click()
    page.wait_for_url("**/news/*")
    assert page.get_by_role("heading", level=1).is_visible()


def test_a14_the_open_list_is_without_fault(reader: Reader) -> None:
    page = reader("full")
    page.goto("/topics/")
    typed(page, "rad")
    # Of what the list covers axe cannot say how it looks.
    assert examine(page, "[role=search]") == []
