"""Where settings come from, what is refused, and what is never assumed."""

from pathlib import Path

import click
import pytest
from flask import Flask
from flask.cli import ScriptInfo

from psgflask import create_app
from psgflask.core import config
from psgflask.core.config import ConfigurationRefused

SECRET = "only-in-tests"


def load(instance: Path, given: dict[str, object] | None = None) -> Flask:
    app = Flask("test")
    config.load(app, instance, {"SECRET_KEY": SECRET} if given is None else given)
    return app


def test_each_source_overrides_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path).config["CONTACT_PHONE"] == ""
    (tmp_path / "config.py").write_text('CONTACT_PHONE = "file"')
    assert load(tmp_path).config["CONTACT_PHONE"] == "file"
    monkeypatch.setenv("PSG_CONTACT_PHONE", "environment")
    assert load(tmp_path).config["CONTACT_PHONE"] == "environment"
    given = load(tmp_path, {"SECRET_KEY": SECRET, "CONTACT_PHONE": "given"})
    assert given.config["CONTACT_PHONE"] == "given"


def test_no_server_starts_without_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSG_INSTANCE", str(tmp_path))
    with pytest.raises(ConfigurationRefused, match="flask init"):
        create_app()


@pytest.mark.parametrize(("command", "refused"), [("init", False), ("run", True)])
def test_commands_except_the_server_run_without_a_secret(
    tmp_path: Path, command: str, refused: bool
) -> None:
    with click.Context(click.Command(command), info_name=command, obj=ScriptInfo()):
        if refused:
            with pytest.raises(ConfigurationRefused):
                load(tmp_path, {})
        else:
            assert load(tmp_path, {}).config["SECRET_KEY"] == ""


@pytest.mark.parametrize(
    ("written", "value"), [("yes", True), ("0", False), ("Off", False), ("TRUE", True)]
)
def test_booleans_of_the_environment_are_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, value: bool
) -> None:
    monkeypatch.setenv("PSG_WORKER", written)
    assert load(tmp_path).config["WORKER"] is value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("PSG_PAGE_CACHE_MB", "much", "whole number"),
        ("PSG_WORKER", "maybe", "yes or no"),
        ("PSG_BASE_URL", "example.org", "BASE_URL"),
        ("PSG_BASE_URL", "https://example.org/site", "BASE_URL"),
        ("PSG_BASE_URL", "https://example.org:x", "BASE_URL"),
        ("PSG_BASE_URL", "https://user@example.org", "BASE_URL"),
        ("PSG_BASE_URL", "ftp://example.org", "BASE_URL"),
    ],
)
def test_an_unreadable_value_is_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationRefused, match=words):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A = 1\nB = (", "line 2"),
        ("A = 1\nBASE_URL = unknown", "line 2"),
        ("import nowhere", "line 1"),
        ("\n\nA = 1 / 0", "line 3"),
        ('PAGE_CACHE_MB = "16"', "PAGE_CACHE_MB must be a whole number"),
        ("WORKER = 1", "WORKER must be True or False"),
        ("BASE_URL = 5", "BASE_URL must be a text"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "config.py").write_text(text)
    with pytest.raises(ConfigurationRefused, match=words):
        load(tmp_path)


def test_cookies_are_locked_to_the_host_once_the_site_is_https(tmp_path: Path) -> None:
    plain = load(tmp_path).config
    secure = load(tmp_path, {"SECRET_KEY": SECRET, "BASE_URL": "https://example.org"}).config
    assert (plain["SESSION_COOKIE_NAME"], plain["SESSION_COOKIE_SECURE"]) == ("form", False)
    assert secure["SESSION_COOKIE_NAME"] == "__Host-form"
    assert secure["SESSION_COOKIE_SECURE"] is True
    assert (secure["SESSION_COOKIE_HTTPONLY"], secure["SESSION_COOKIE_SAMESITE"]) == (True, "Lax")


def test_facts_of_the_psg_are_unconfirmed_until_they_are_set(tmp_path: Path) -> None:
    awaited = {setting.name for setting in config.unconfirmed(load(tmp_path).config)}
    assert {"CONTACT_POST", "CONTACT_PHONE", "CONTACT_CORRECTIONS"} <= awaited
    set_ = load(tmp_path, {"SECRET_KEY": SECRET, "CONTACT_POST": "London"}).config
    assert "CONTACT_POST" not in {setting.name for setting in config.unconfirmed(set_)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PAGE_CACHE_MB", -1), ("PAGE_CACHE_MB", 10**9), ("MAX_CONTENT_LENGTH", 0)),
        *(("MAX_FORM_PARTS", 1), ("TRUSTED_PROXIES", 11), ("TRUSTED_PROXIES", True)),
        *(("CONTACT_POST", "a\x1b[2J"), ("CONTACT_POST", "x" * 3000), ("CONTACT_POST", "a\u2028b")),
        *(
            ("CONTENT_LICENCE_URL", "javascript:alert(1)"),
            ("CONTENT_LICENCE_URL", "//evil.example"),
        ),
        *(("WORKER", 1), ("PAGE_CACHE_MB", 1.5), ("BASE_URL", "x"), ("CONTACT_POST", None)),
    ],
)
def test_a_setting_of_another_type_or_out_of_its_range_stops_the_start(
    tmp_path: Path, name: str, value: object
) -> None:
    with pytest.raises(ConfigurationRefused, match=name):
        load(tmp_path, {"SECRET_KEY": SECRET, name: value})
