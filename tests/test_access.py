"""S9: who may request what, for every route and method; an unlisted route fails."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import addresses
from tests.browser import content
from tests.conftest import Visitor

LISTED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "access-list.json").read_text("utf-8")
)
# Every kind of visitor, and what each may request. A secret link is open to its holder.
ROLES = {"a visitor": {"everybody", "whoever has the link"}}
WORDS = {word for words in ROLES.values() for word in words}
CLOSED = {401, 403, 404}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("access"), "full") as app:
        app.test_client_class = Visitor
        yield app


@pytest.fixture(params=ROLES)
def visitor(site: Flask, request: pytest.FixtureRequest) -> tuple[str, FlaskClient]:
    """Somebody in each role, with what they hold."""
    return request.param, site.test_client()


def first_addresses(app: Flask) -> dict[str, str]:
    """Return an address that answers for each route: the first one that is known of it."""
    adapter = app.url_map.bind("127.0.0.1")
    found: dict[str, str] = {}
    for path in addresses.of(app):
        if not path.startswith("/es/"):
            rule, _values = adapter.match(path.partition("?")[0], return_rule=True)
            found.setdefault(rule.rule, path)
    return found


def test_s9_every_route_and_method_is_listed_with_its_access(site: Flask) -> None:
    routes: dict[str, set[str]] = {}
    for rule in site.url_map.iter_rules():
        routes.setdefault(rule.rule, set()).update((rule.methods or set()) - {"HEAD", "OPTIONS"})
    assert routes == {rule: set(who) for rule, who in LISTED.items()}
    assert {word for who in LISTED.values() for word in who.values()} <= WORDS


def test_s9_access_is_what_the_list_says(site: Flask, visitor: tuple[str, FlaskClient]) -> None:
    role, client = visitor
    wrong = []
    paths = first_addresses(site)
    for rule, who in LISTED.items():
        for method in METHODS:
            status = client.open(paths[rule], method=method, buffered=True).status_code
            if method not in who:
                right = status in {404, 405}  # at the place of a link it is none
            elif who[method] in ROLES[role]:
                right = status not in CLOSED | {405} and status < 500
            else:
                right = status in CLOSED
            if not right:
                wrong.append(f"{role}: {method} {paths[rule]} answers {status}")
    assert wrong == []


def test_s9_a_link_opens_nothing_else(site: Flask) -> None:
    adapter = site.url_map.bind("127.0.0.1")
    linked = {rule: who for rule, who in LISTED.items() if "whoever has the link" in who.values()}
    assert linked
    for rule, who in linked.items():
        endpoint = next(r.endpoint for r in site.url_map.iter_rules() if r.rule == rule)
        [name] = next(r.arguments for r in site.url_map.iter_rules() if r.rule == rule)
        for other in ("x", "A" * 43, content.LINKS["open"].upper(), content.LINKS["open"][:-1]):
            path = adapter.build(endpoint, {name: other})
            for method in who:
                response = site.test_client().open(path, method=method)
                assert response.status_code == 404, (method, path)
