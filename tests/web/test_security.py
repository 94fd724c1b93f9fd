"""S7 and S18: the headers of every answer, the hosts we answer to, and where a cookie may be."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from psgflask import create_app
from psgflask.core.database import db
from psgflask.web import secrecy, security
from psgflask.web.security import MAX_PARAMETERS, MAX_PATH, MAX_QUERY, MAX_SEARCH_QUERY
from tests import addresses
from tests.browser import content
from tests.conftest import Visitor

PUBLIC = "https://psg.example"
FORGED = (
    *("evil.example", "psg.example.evil.example", "evil.example:443", "psg.example:80"),
    *("psg.example:443@evil.example", "psg.example:evil", "psg.example:", "psg.example:443:443"),
    *("127.0.0.1", "localhost:8000", "[::1]", "psg.example, evil.example", "PSG.example.", "a b"),
    *("psg.example/path", "psg.example#", "psg.example\t", "xpsg.example", "psg-example"),
)
# The one cookie there is, where there may be one at all.
OUR_COOKIE = re.compile(r"__Host-form=[\w.-]+; Secure; HttpOnly; Path=/; SameSite=Lax")


class Public(Visitor):
    """A visitor who comes by the public name, through a proxy that speaks http to us."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Ask under the public name."""
        # Buffered, so that files that are sent are closed.
        kwargs = {"base_url": "http://psg.example", "buffered": True, **kwargs}
        return super().open(*args, **kwargs)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The full site as it runs in production: behind a proxy, under its public address."""
    instance = tmp_path_factory.mktemp("production")
    with content.filled(instance, "full"):
        settings = {"BASE_URL": PUBLIC, "TRUSTED_PROXIES": 1, "WORKER": False}
        app = create_app({"SECRET_KEY": "only-in-tests" * 4, **settings})
        app.test_client_class = Public
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def visitor(production: Flask) -> FlaskClient:
    return production.test_client()


def faults_of(response: TestResponse) -> list[str]:
    """Return what is wrong with the headers of an answer."""
    headers = response.headers
    if response.status_code == 304:
        return [name for name, _v in headers if name.lower() not in security.HEADERS_OF_304]
    path = response.request.path
    of_all = dict(security.HEADERS)
    if secrecy.holds_secret(path):
        of_all |= security.SECRET_PAGE_HEADERS
    wrong = [name for name, value in of_all.items() if headers.get(name) != value]
    if headers.get("Strict-Transport-Security") != "max-age=63072000; includeSubDomains":
        wrong.append("Strict-Transport-Security")
    if "unsafe" in headers.get("Content-Security-Policy", "unsafe"):
        wrong.append("unsafe policy")
    if "default-src 'self'" not in headers.get("Content-Security-Policy", ""):
        wrong.append("no policy")
    never = ("Server", "X-Powered-By", "Refresh")
    wrong += [name for name in never if name in headers]
    if path.removeprefix("/es") not in addresses.MAY_SET_A_COOKIE:
        wrong += ["Set-Cookie"] if "Set-Cookie" in headers else []
    else:
        wrong += [c for c in headers.getlist("Set-Cookie") if not OUR_COOKIE.fullmatch(c)]
    if not headers.get("Cache-Control"):
        wrong.append("Cache-Control")
    return wrong


def test_s7_every_route_has_every_header_and_no_cookie(
    production: Flask, visitor: FlaskClient
) -> None:
    seen: set[str] = set()
    for path in addresses.of(production):
        for method in ("GET", "HEAD", "OPTIONS"):
            response = visitor.open(path, method=method)
            assert response.status_code in {200, 302, 404}, (method, path)
            assert faults_of(response) == [], (method, path)
        if response.status_code == 200:
            seen.add(path)
    assert len(seen) > 50


def test_s7_every_url_rule_is_visited(production: Flask, visitor: FlaskClient) -> None:
    asked: set[str] = set()
    adapter = production.url_map.bind("psg.example")
    for path in addresses.of(production):
        if path.startswith("/es/"):
            continue
        endpoint, _values = adapter.match(path.partition("?")[0])
        if visitor.get(path).status_code == 200:
            asked.add(endpoint)
    assert asked == {rule.endpoint for rule in production.url_map.iter_rules()}


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nothing", 404, {}),
        ("GET", "/es/nothing", 404, {}),
        ("GET", "/news/taken-back", 410, {}),
        ("POST", "/", 405, {}),
        ("DELETE", "/news/everything", 405, {}),
        ("TRACE", "/", 405, {}),
        ("BREW", "/", 405, {}),
        ("GET", "/news/?before=x", 400, {}),
        ("GET", "/search/?page=x", 400, {}),
        ("GET", "/%00", 400, {}),
        ("GET", "/?" + "x" * 70_000, 414, {}),
        ("GET", "/", 400, {"Host": "evil.example"}),
        ("GET", "/news", 308, {}),
        ("GET", "/old.php", 404, {}),
        ("GET", "/about.php", 301, {}),
        ("GET", "/static/x/nothing.css", 404, {}),
    ],
)
def test_s7_errors_and_redirects_have_every_header(
    visitor: FlaskClient, method: str, path: str, status: int, said: dict[str, str]
) -> None:
    response = visitor.open(path, method=method, headers=said)
    assert response.status_code == status
    assert faults_of(response) == []


def test_s7_a_304_has_few_headers(production: Flask, visitor: FlaskClient) -> None:
    unchanged = 0
    for path in addresses.of(production):
        etag = visitor.get(path).headers.get("ETag")
        if etag:
            response = visitor.get(path, headers={"If-None-Match": etag})
            assert response.status_code == 304, path
            assert faults_of(response) == [], path
            unchanged += 1
    assert unchanged > 40


@pytest.mark.parametrize(
    ("longest", "too_long"),
    [
        ("/" + "x" * (MAX_PATH - 1), "/" + "x" * MAX_PATH),
        ("/?" + "x" * MAX_QUERY, "/?" + "x" * (MAX_QUERY + 1)),
        ("/search/?q=" + "x" * (MAX_SEARCH_QUERY - 2), "/search/?q=" + "x" * MAX_SEARCH_QUERY),
        ("/?" + "&".join("a" * (MAX_PARAMETERS + 1)), "/?" + "&".join("a" * (MAX_PARAMETERS + 2))),
    ],
    ids=["path", "query", "search query", "parameters"],
)
def test_an_address_beyond_a_limit_is_refused(
    visitor: FlaskClient, longest: str, too_long: str
) -> None:
    assert visitor.get(longest).status_code in {200, 404}
    assert visitor.get(too_long).status_code == 414


def test_s7_a_body_that_is_too_large_is_refused(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(BASE_URL=PUBLIC, MAX_CONTENT_LENGTH=1000)
    app.add_url_rule("/form", methods=["POST"], view_func=read_form)
    app.test_client_class = Public
    client = app.test_client()
    assert client.post("/form", data={"a": "x" * 10}).status_code == 200
    for sent in (b"x" * 2000, b"a=" + b"x" * 2000):
        response = client.post("/form", data=sent, content_type="application/x-www-form-urlencoded")
        assert response.status_code == 413
        assert faults_of(response) == []


def read_form() -> str:
    return str(len(request.form))


def test_s7_a_500_has_every_header(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(BASE_URL=PUBLIC, TESTING=False)
    app.test_client_class = Public
    app.add_url_rule("/fault", view_func=lambda: str(1 / 0))
    response = app.test_client().get("/fault")
    assert response.status_code == 500
    assert faults_of(response) == []


def test_no_page_loads_anything_from_another_site(production: Flask, visitor: FlaskClient) -> None:
    """A link may lead away when the reader follows it; nothing may be fetched from elsewhere."""
    fetched = re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed|object|use|image|input)\b[^>]*?"
        r"\s(?:src|srcset|href|xlink:href|data|poster)=[\"']([^\"']+)|"
        r"<link\b(?=[^>]*rel=\"(?:stylesheet|icon|preload|preconnect|dns-prefetch|manifest|"
        r"apple-touch-icon|modulepreload)\")[^>]*\shref=\"([^\"]+)|url\(\"?([^\")]+)|"
        r"@import\s+[\"']([^\"']+)"
    )
    found = 0
    for path in addresses.of(production):
        response = visitor.get(path)
        if not response.content_type.startswith(("text/html", "text/css", "image/svg")):
            continue
        for names in fetched.findall(response.text):
            for place in "".join(names).split(", "):
                assert re.match(r"/(?!/)|#|data:image/svg", place), (path, place)
                found += 1
    assert found > 100


def test_no_page_contains_inline_style_or_script(production: Flask, visitor: FlaskClient) -> None:
    for path in addresses.of(production):
        response = visitor.get(path)
        if not response.content_type.startswith("text/html"):
            continue
        page = response.text
        assert "<style" not in page, path
        assert not re.search(r"<[^>]+\sstyle=", page), path
        assert not re.search(r"<[^>]+\son[a-z]+=", page), path
        for tag in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in tag or 'type="application/ld+json"' in tag, (path, tag)


@pytest.mark.parametrize("host", FORGED)
def test_s18_a_forged_host_is_refused(visitor: FlaskClient, host: str) -> None:
    for path in ("/", "/news", "/nothing", "/es/news/"):
        response = visitor.get(path, headers={"Host": host})
        assert response.status_code == 400
        assert "Location" not in response.headers
        assert "evil" not in response.text


@pytest.mark.parametrize(
    "host", ["[", "a" * 3000, "[::1", "psg.example:99999999", "\xff", "@", "/"]
)
def test_s18_an_invalid_host_is_refused_with_a_page(visitor: FlaskClient, host: str) -> None:
    response = visitor.get("/news", environ_overrides={"HTTP_HOST": host})
    assert response.status_code == 400
    assert "<h1" in response.text
    assert faults_of(response) == []


def test_s18_a_request_without_a_host_gets_our_host(visitor: FlaskClient) -> None:
    said = {"HTTP_HOST": "", "SERVER_NAME": "evil.example", "SERVER_PROTOCOL": "HTTP/1.0"}
    response = visitor.get("/news", environ_overrides=said)
    assert (response.status_code, response.headers["Location"]) == (308, "/news/")
    assert "evil" not in visitor.get("/", environ_overrides=said).text


@pytest.mark.parametrize("host", ["psg.example", "PSG.EXAMPLE", "psg.example:443"])
def test_s18_our_own_host_is_accepted(visitor: FlaskClient, host: str) -> None:
    assert visitor.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"]
)
def test_s18_forwarded_headers_change_no_link(visitor: FlaskClient, header: str) -> None:
    for path in ("/", "/news.atom", "/sitemap.xml", "/news"):
        plain = visitor.get(path)
        forged = visitor.get(path, headers={header: "evil.example"})
        assert (forged.status_code, forged.data) == (plain.status_code, plain.data)
        assert forged.headers.get("Location") == plain.headers.get("Location")


def test_s18_absolute_links_have_the_configured_address(
    production: Flask, visitor: FlaskClient
) -> None:
    for path in addresses.of(production):
        response = visitor.get(path)
        if "charset" not in response.content_type and "xml" not in response.content_type:
            continue
        for place in re.findall(r"https?://[^\s\"'<>&]+", response.text):
            assert "127.0.0.1" not in place, path
            host = place.partition("//")[2].partition("/")[0]
            assert "psg.example" not in host or place.startswith(PUBLIC), (path, place)


def test_redirects_are_relative_to_the_host(visitor: FlaskClient) -> None:
    for path in ("/news", "/es/topics", "/about.php", "/es/news/everything"):
        assert visitor.get(path).headers["Location"].startswith("/")


def test_any_port_is_accepted_in_development(client: FlaskClient) -> None:
    for host in ("127.0.0.1:8000", "localhost:9", "[::1]:8000", "LOCALHOST"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1:x", "localhost@evil.example"):
        assert client.get("/", headers={"Host": host}).status_code == 400


def test_no_hsts_header_in_development(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_no_address_serves_a_file_of_the_instance(visitor: FlaskClient) -> None:
    for path in ("/config.py", "/instance/config.py", "/media/config.py", "/static/x/config.py"):
        assert visitor.get(path).status_code == 404
    assert Path(os.environ["PSG_INSTANCE"], "config.py").is_file()
