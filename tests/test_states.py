"""Every template is rendered in some state that the browser and axe check."""

from pathlib import Path

import pytest
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from jinja2 import Template

from tests import html_forms
from tests.browser import content
from tests.browser.states import STATES, State
from tests.conftest import Visitor

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
# The frame that pages extend; a piece of a page, which tests/browser/test_a14_search.py opens; what
# the page on privacy includes.
NOT_PAGES = {"base.html", "search/suggest.html", "pages/personal_data.html"}
NO_PAGES_OF = {"shared", "mail"}  # macros; mails, which tests/mail and test_a18_mails look at


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, set[str]]]:
    """The status of each state, and the templates that render it."""
    seen: dict[str, tuple[int, set[str]]] = {}
    for kind in {state.site for state in STATES}:
        with content.filled(tmp_path_factory.mktemp("states") / kind, kind) as app:
            app.test_client_class = Visitor
            for state in STATES:
                if state.site == kind:
                    seen[state.name] = _draw(app, app.test_client(), state)
    return seen


def _draw(app: Flask, client: FlaskClient, state: State) -> tuple[int, set[str]]:
    used: set[str] = set()

    def note(sender: Flask, template: Template, **extra: object) -> None:
        used.add(str(template.name))

    with template_rendered.connected_to(note, app):
        status = html_forms.walk(client, state.path, map(dict, state.steps)).status_code
    if status >= 400 and not used:  # the bare page is rendered without Flask's signals
        used.add("bare.html")
    return status, used


def test_each_state_has_the_expected_status(rendered: dict[str, tuple[int, set[str]]]) -> None:
    wrong = {s.name: rendered[s.name][0] for s in STATES if rendered[s.name][0] != s.status}
    assert wrong == {}


def test_a1_every_template_has_a_state(rendered: dict[str, tuple[int, set[str]]]) -> None:
    pages = {
        file.relative_to(TEMPLATES).as_posix()
        for file in TEMPLATES.rglob("*.html")
        if not NO_PAGES_OF & set(file.parts)
    }
    used = {name for _status, names in rendered.values() for name in names}
    assert pages - NOT_PAGES - used == set()
