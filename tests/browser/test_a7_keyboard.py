"""A7: every page by the keyboard alone: order, a visible ring, no trap, nothing hidden."""

import pytest
from playwright.sync_api import FloatRect, Page

from tests.browser.conftest import Reader
from tests.browser.states import LAYOUTS, State, visit

# What the focus is on: its place in the document, what shows that it has the focus, and whether
# something lies over it.
FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 12), 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1);
  const over = document.elementFromPoint(x, y);
  return {
    place: [...document.querySelectorAll('*')].indexOf(at),
    what: at.outerHTML.slice(0, 120),
    href: at.getAttribute('href'),
    ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    ringColour: style.outlineColor,
    box: [box.left, box.top, box.width, box.height],
    covered: !(over && (over === at || at.contains(over) || over.contains(at))),
    seen: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight,
  };
}"""
# The buttons of a radio group are one stop, between which the arrows lead.
TABBABLE = """() => new Set([...document.querySelectorAll(
  'a[href], button, input, select, textarea, summary, [tabindex]'
)].filter(e => e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && e.checkVisibility())
  .map(e => e.type === 'radio' ? e.name : e)).size"""
# A page with a slip gives the focus to its summary; the walk begins before the first control.
TO_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
}"""


def walk(page: Page) -> list[dict[str, object]]:
    """Press Tab until the page is left; return what had the focus, in order."""
    steps: list[dict[str, object]] = []
    page.evaluate(TO_THE_TOP)
    for _press in range(400):
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUSED)
        if step is None or (steps and step["place"] == steps[0]["place"]):
            return steps
        steps.append(step)
    pytest.fail(f"the page was not left after 400 steps; last on {steps[-1]['what']}")


@pytest.mark.parametrize("state", LAYOUTS, ids=lambda state: state.name)
def test_a7_the_keyboard_reaches_everything_and_shows_where_it_is(
    reader: Reader, state: State
) -> None:
    page = reader(state.site)
    visit(page, state)
    steps = walk(page)
    assert steps[0]["href"] == "#main", "the skip link comes first"
    places = [int(str(step["place"])) for step in steps]
    assert places == sorted(places), "the focus follows the text"
    assert len(steps) == page.evaluate(TABBABLE), "nothing is left out and nothing traps"
    assert [s["what"] for s in steps if not s["seen"]] == []
    assert [s["what"] for s in steps if s["covered"]] == []
    assert [s["what"] for s in steps if float(str(s["ring"])) < 2] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a7_the_ring_changes_what_is_seen(reader: Reader, scheme: str) -> None:
    page = reader("full", color_scheme=scheme)
    page.goto("/news/")
    for place in ("nav a >> nth=0", "main h2 a >> nth=0", "input[type=search]", "header button"):
        element = page.locator(place).first
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        assert box is not None
        around: FloatRect = {
            "x": max(box["x"] - 6, 0),
            "y": max(box["y"] - 6, 0),
            "width": box["width"] + 12,
            "height": box["height"] + 12,
        }
        page.evaluate("document.activeElement.blur()")
        before = page.screenshot(clip=around)
        element.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert page.screenshot(clip=around) != before, place


def test_a7_the_skip_link_leads_past_the_masthead(reader: Reader) -> None:
    page = reader("full")
    page.goto("/news/everything")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
