"""A1: axe-core over every template and state, in the light and in the dark."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Reader
from tests.browser.states import STATES, State, visit

AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
RULES = json.dumps(
    {
        "runOnly": [
            *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"),
            "best-practice",
        ],
        "resultTypes": ["violations", "incomplete"],
    }
)
# What axe cannot decide by itself, and why it is right all the same. Nothing else may be undecided.
EXPLAINED: dict[str, str] = {}


def examine(page: Page, within: str = "html") -> list[str]:
    """Return what axe finds wrong or cannot decide within a selector, a line for each place."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(f"axe.run('{within}', {RULES})")
    wrong = found["violations"] + [r for r in found["incomplete"] if r["id"] not in EXPLAINED]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} -- {node.get('failureSummary')}"
        for rule in wrong
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a1_axe_finds_nothing(reader: Reader, state: State, scheme: str) -> None:
    page = reader(state.site, color_scheme=scheme)
    assert visit(page, state).status == state.status
    assert examine(page) == []
