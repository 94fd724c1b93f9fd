"""Static files: immutable hashed addresses, one bundle, and nothing else is served."""

import gzip
import re
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from psgflask.core import paths
from psgflask.web import assets


def css(client: FlaskClient) -> str:
    found = re.search(r'<link rel="stylesheet" href="([^"]+)"', client.get("/").text)
    assert found is not None
    return found[1]


def test_the_page_links_to_one_immutable_bundle(client: FlaskClient) -> None:
    response = client.get(css(client))
    assert response.content_type == "text/css; charset=utf-8"
    assert "immutable" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers


def test_the_bundle_contains_every_stylesheet_tokens_first(client: FlaskClient) -> None:
    text = client.get(css(client), headers={"Accept-Encoding": ""}).text
    for file in (paths.static() / "css").glob("*.css"):
        rules = re.sub(r"/\*.*?\*/", "", file.read_text("utf-8"), flags=re.DOTALL)
        first = next(line.strip() for line in rules.splitlines() if line.strip())
        assert first.split("url(")[0] in text, file.name
    assert "/*" not in text


def test_fonts_in_the_bundle_have_working_hashed_addresses(client: FlaskClient) -> None:
    text = client.get(css(client), headers={"Accept-Encoding": ""}).text
    fonts = re.findall(r'url\("?([^")]+)"?\)', text)
    assert fonts
    for address in fonts:
        assert address.startswith("/static/")
        response = client.get(address)
        assert response.status_code == 200
        assert response.content_type == "font/woff2"
        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize("coding", ["br", "gzip", ""])
def test_styles_are_the_same_in_each_coding(client: FlaskClient, coding: str) -> None:
    address = css(client)
    plain = client.get(address, headers={"Accept-Encoding": ""}).data
    response = client.get(address, headers={"Accept-Encoding": coding})
    read = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[coding]
    assert read(response.data) == plain
    assert response.headers["Vary"] == "Accept-Encoding"


def test_an_old_hash_gets_the_present_file_for_an_hour(client: FlaskClient) -> None:
    address = re.sub(r"/static/[^/]+/", "/static/0123456789ab/", css(client))
    response = client.get(address)
    assert response.status_code == 200
    assert "immutable" not in response.headers["Cache-Control"]


def test_an_unchanged_file_is_not_sent_again(client: FlaskClient) -> None:
    address = css(client)
    etag = client.get(address).headers["ETag"]
    response = client.get(address, headers={"If-None-Match": etag})
    assert (response.status_code, response.data) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "../pyproject.toml",
        "..%2fpyproject.toml",
        "css/../../pyproject.toml",
        "css/%2e%2e/%2e%2e/pyproject.toml",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..\\pyproject.toml",
        "css/tokens.css",
        "fonts/subset.py",
        "fonts",
        "css",
        "",
        "a" * 300,
        "a/" * 2000,
        "é" * 200,
        "images/favicon.svg/x",
        "%00",
        "images/favicon.ico%00.png",
        "%ff%fe",
    ],
)
def test_only_static_files_are_served(client: FlaskClient, name: str) -> None:
    response = client.get(f"/static/0123456789ab/{name}", follow_redirects=True)
    assert response.status_code in {400, 404, 414}


def test_a_symlink_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert assets.AssetCache(static).get("link.txt") is None


def test_unknown_names_are_not_cached(app: Flask, client: FlaskClient) -> None:
    shelf: assets.AssetCache = app.extensions["psg_assets"]
    client.get("/static/x/nothing.png")  # the page that says so has files of its own
    before = len(shelf.assets)
    for number in range(50):
        client.get(f"/static/x/nothing-{number}.png")
    assert len(shelf.assets) == before


@pytest.mark.parametrize("name", ["images/./og.png", "css/../images/og.png", "images//og.png"])
def test_a_file_is_cached_under_one_spelling_of_its_name(app: Flask, name: str) -> None:
    shelf: assets.AssetCache = app.extensions["psg_assets"]
    assert shelf.get("images/og.png") is not None
    assert shelf.get(name) is None


def test_a_template_that_names_a_missing_file_fails_loudly(app: Flask) -> None:
    with pytest.raises(FileNotFoundError):
        app.extensions["psg_assets"].address("images/nothing.svg")


def test_the_icon_is_where_browsers_look_by_themselves(client: FlaskClient) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 200
    assert response.content_type.startswith("image/")
