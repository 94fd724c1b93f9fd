"""S8: what changes something is taken from our own pages only, and from the visitor's own form."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from psgflask.core.database import Model, db
from tests import html_forms
from tests.browser import content
from tests.conftest import Visitor
from tests.test_access import first_addresses

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# Routes whose form carries no token of its own, and what stands in for it.
WITHOUT_A_TOKEN = {
    "/accounts/join/<token>": "the address is the secret, which no other site knows; no cookie is"
    " read, so there is nothing of the visitor's that another site could borrow",
}
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "http://localhost:9000"},
    {"Origin": "evil"},
    {"Origin": ""},
]
OURS = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # from a page that gives no referrer
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost"},
    {"Origin": "null"},
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("cross-site"), "full") as app:
        app.test_client_class = Visitor
        yield app


def unsafe_routes(app: Flask) -> list[tuple[str, str, str]]:
    """Return the route, the method and an address of all that may change something."""
    paths = first_addresses(app)
    return [
        (rule.rule, method, paths[rule.rule])
        for rule in app.url_map.iter_rules()
        for method in sorted(UNSAFE & (rule.methods or set()))
    ]


def rows(app: Flask) -> dict[str, int]:
    """Return how many rows each table has."""
    with app.app_context():
        return {
            name: db.session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Model.metadata.tables.items()
        }


def spent(app: Flask) -> int:
    """Return how many links have been used."""
    with app.app_context():
        proofs = Model.metadata.tables["proofs"]
        used = select(func.count()).select_from(proofs).where(proofs.c.used_at.is_not(None))
        return db.session.scalar(used) or 0


def test_s8_a_route_is_visited(site: Flask) -> None:
    assert {rule for rule, _method, _path in unsafe_routes(site)} >= set(WITHOUT_A_TOKEN)
    assert all(WITHOUT_A_TOKEN.values())


@pytest.mark.parametrize("said", FOREIGN, ids=str)
def test_s8_a_cross_site_request_is_refused(site: Flask, said: dict[str, str]) -> None:
    before = rows(site), spent(site)
    for _rule, method, path in unsafe_routes(site):
        for prefix in ("", "/es"):
            client = site.test_client()
            client.get(prefix + path)  # a lured visitor has our cookies
            response = client.open(prefix + path, method=method, headers=said)
            assert response.status_code == 403, (method, path)
            assert "Set-Cookie" not in response.headers
    assert (rows(site), spent(site)) == before


@pytest.mark.parametrize("said", OURS, ids=str)
def test_s8_a_same_origin_request_is_accepted(site: Flask, said: dict[str, str]) -> None:
    for _rule, method, path in unsafe_routes(site):
        if "accounts/join/open" not in path:  # that would be used up
            response = site.test_client().open(path, method=method, headers=said)
            assert response.status_code != 403, (method, path)


def _sent_with(client: FlaskClient, path: str, token: str | None) -> TestResponse:
    """Send the form of a page with another token than its own, None for none."""
    form = html_forms.form_of(client.get(path).text)
    fields = form.filled({})
    assert fields.pop("csrf_token"), path
    if token is not None:
        fields["csrf_token"] = [token]
    return client.post(form.action or path, data=fields)


def test_s8_every_form_carries_a_token_and_is_refused_without_or_with_anothers(site: Flask) -> None:
    before = rows(site)
    tried = 0
    for rule, _method, path in unsafe_routes(site):
        if rule in WITHOUT_A_TOKEN:
            continue
        page = site.test_client().get(path, follow_redirects=True)
        if "csrf_token" not in page.text:
            continue  # the walk of its form's pages meets it: tests/members
        path = page.request.path
        others = html_forms.form_of(site.test_client().get(path).text).fields["csrf_token"][0]
        mine = re.sub(r"^.", "x", others)
        for token in (None, "", others, mine, "x" * 100):
            client = site.test_client()
            response = _sent_with(client, path, token)
            assert response.status_code == 400, (path, token)
            assert "We could not tell that this page sent the form" in response.text
            # What was typed stays, and the form that comes back is good.
            assert html_forms.form_of(response.text).fields["csrf_token"][0]
            tried += 1
    assert tried >= 5
    assert rows(site) == before


def test_s8_a_form_is_refused_without_its_cookie(site: Flask) -> None:
    path = "/accounts/join/again"
    form = html_forms.form_of(site.test_client().get(path).text)
    response = site.test_client().post(path, data=form.filled({"email": "jane@example.org"}))
    assert response.status_code == 400
    assert html_forms.form_of(response.text).fields["email"] == ["jane@example.org"]
    assert "Error: " in response.text.split("</title>", maxsplit=1)[0]
