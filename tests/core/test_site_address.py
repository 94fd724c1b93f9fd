"""Links of commands have the address at which the running site was started."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from psgflask.core import site_address as module
from psgflask.core.paths import SERVED_AT
from psgflask.core.site_address import remember, site_address
from psgflask.mail import composing
from psgflask.ops.serving.startup import create_serving_app, shut_down
from psgflask.web import languages

PUBLIC = "https://www.example.org"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment of a command say nothing about the address."""
    monkeypatch.delenv(module.VARIABLE, raising=False)


def serve_at(app: Flask, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write down what a server with this address in its environment writes."""
    with monkeypatch.context() as server:
        server.setenv(module.VARIABLE, address)
        before, app.config["BASE_URL"] = app.config["BASE_URL"], address
        remember(app)
        app.config["BASE_URL"] = before


def test_a_command_links_to_where_the_site_was_last_served(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site_address(app)
    for address in (PUBLIC, "http://192.0.2.7:8123", "http://127.0.0.1:8123"):
        serve_at(app, address, monkeypatch)
        with app.app_context():
            assert languages.absolute_url("/news/") == f"{address}/news/"
    remember(app)  # now BASE_URL is in config.py
    assert site_address(app) == before
    assert not Path(app.instance_path, SERVED_AT).exists()


def test_an_address_in_the_command_s_own_environment_is_used(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_at(app, PUBLIC, monkeypatch)
    monkeypatch.setenv(module.VARIABLE, "https://new.example.org")
    assert site_address(app) == str(app.config["BASE_URL"]).rstrip("/")


def test_a_page_uses_the_server_s_own_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_at(app, PUBLIC, monkeypatch)
    with app.test_request_context("/"):
        assert site_address(app) == str(app.config["BASE_URL"]).rstrip("/")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\n"])
def test_a_file_that_cannot_be_read_is_ignored(app: Flask, content: bytes) -> None:
    Path(app.instance_path, SERVED_AT).write_bytes(content)
    assert site_address(app) == str(app.config["BASE_URL"]).rstrip("/")


def test_a_mail_that_another_process_sends_has_the_address(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_at(app, PUBLIC, monkeypatch)
    _subject, text, _html = composing.render(app, "test", "en", {})
    assert PUBLIC in text
    assert "127.0.0.1" not in text
    assert composing.local_hostname(app) == "www.example.org"


def test_a_link_mailed_before_the_site_was_ever_served_has_the_address_when_it_is_sent(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"link": "/es/accounts/join/secret", "name": "", "reference": "", "hours": 72}
    serve_at(app, PUBLIC, monkeypatch)
    for text in composing.render(app, "verify", "es", values)[1:]:
        assert f"{PUBLIC}/es/accounts/join/secret" in text


def test_every_server_writes_its_address_down_for_commands(
    app: Flask, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.VARIABLE, PUBLIC)
    monkeypatch.setattr("psgflask.create_app", lambda: make_app(BASE_URL=PUBLIC, WORKER=False))
    server = create_serving_app()
    shut_down(server)
    monkeypatch.delenv(module.VARIABLE)
    assert site_address(server) == PUBLIC
    assert Path(server.instance_path, SERVED_AT).read_text() == f"{PUBLIC}\n"
