"""Every setting, its default and one line of meaning."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any
from urllib.parse import urlsplit

import click
from flask import Config, Flask
from flask.cli import ScriptInfo

from psgflask.core import paths


@dataclass(frozen=True)
class Setting:
    """One setting; `confirm` marks a fact that only the PSG can supply.

    Without `backup` it belongs to this installation alone: no backup contains it, and a restore
    ignores it. One for `mail` is in backups, but only a person puts it into force after a restore.
    """

    name: str
    default: str | int | bool
    meaning: str
    confirm: bool = False
    backup: bool = True
    mail: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SECRET_KEY",
        "",
        "Signs cookies and forms; written by `flask init`, never shared.",
        backup=False,
    ),
    Setting("BASE_URL", "http://127.0.0.1:8000", "The site's public address, used in every link."),
    Setting(
        "DATABASE_URL",
        "",
        "Where the database is; empty means instance/psg.sqlite.",
        backup=False,
    ),
    Setting(
        "TRUSTED_PROXIES",
        0,
        "How many proxies in front of the server may be believed.",
        backup=False,
    ),
    Setting(
        "BACKUP_FOLDER",
        "",
        "Folder of the hourly backups; empty means one beside the instance; 'off': none are made.",
        backup=False,
    ),
    Setting("WORKER", True, "Run the worker as a thread of the server."),
    Setting("PAGE_CACHE_MB", 16, "Memory for finished pages, in megabytes; 0 turns it off."),
    Setting("MAX_CONTENT_LENGTH", 1_000_000, "Largest request body taken, in bytes."),
    Setting("MAX_FORM_MEMORY_SIZE", 200_000, "Largest form field taken, in bytes."),
    Setting("MAX_FORM_PARTS", 200, "Most fields taken in one form."),
    Setting(
        "CONTENT_LICENCE_NAME", "CC BY-NC-SA 4.0", "Licence of the texts, shown in the footer."
    ),
    Setting(
        "CONTENT_LICENCE_URL",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "Address of that licence.",
    ),
    Setting("CONTACT_POST", "", "Postal address of the PSG.", confirm=True),
    Setting("CONTACT_PHONE", "", "Telephone number of the PSG.", confirm=True),
    Setting("CONTACT_EMAIL", "", "E-mail address for general questions.", confirm=True),
    Setting("CONTACT_PRESS", "", "E-mail address for journalists.", confirm=True),
    Setting("CONTACT_CORRECTIONS", "", "E-mail address for corrections.", confirm=True),
    Setting("CHARITY_NUMBER", "", "Registered charity number.", confirm=True),
    Setting("MAIL_FROM", "", "Address that the site's mails come from.", confirm=True),
    Setting("SECRETARY_EMAIL", "", "Address of the membership secretary.", confirm=True),
    Setting("SMTP_HOST", "", "Mail server; empty means files in instance/outbox.", mail=True),
    Setting("SMTP_PORT", 587, "Port of the mail server.", mail=True),
    Setting("SMTP_SECURITY", "starttls", "How it is reached: starttls, tls or none.", mail=True),
    Setting(
        "SMTP_USER",
        "",
        "Name at the mail server; empty means that it asks for none.",
        mail=True,
    ),
    Setting("SMTP_PASSWORD", "", "Password at the mail server.", backup=False),
    Setting("SMTP_TIMEOUT", 60, "Seconds that an answer of the mail server may take."),
    Setting("BANK_NAME", "", "Bank of the PSG, for standing orders.", confirm=True),
    Setting("BANK_ACCOUNT_NAME", "", "Name on the PSG's bank account.", confirm=True),
    Setting("BANK_SORT_CODE", "", "Sort code of that account.", confirm=True),
    Setting("BANK_ACCOUNT_NUMBER", "", "Number of that account.", confirm=True),
    Setting("CHEQUES_PAYABLE_TO", "", "To whom cheques are made payable.", confirm=True),
)
# Numbers beyond these are slips, or would overload the machine; all others are at least 0.
RANGES = {
    "TRUSTED_PROXIES": (0, 10),
    "PAGE_CACHE_MB": (0, 10_000),
    "MAX_CONTENT_LENGTH": (1_000, 1_000_000_000),
    "MAX_FORM_MEMORY_SIZE": (1_000, 1_000_000_000),
    "MAX_FORM_PARTS": (20, 10_000),
    "SMTP_TIMEOUT": (1, 3_600),
}
MAX_TEXT, MAX_QUOTED = 2_000, 100
WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
TYPE_NAMES = {str: "a text in quotes", int: "a whole number", bool: "True or False"}
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
NAMES = frozenset(DEFAULTS)


class ConfigurationRefused(click.ClickException):
    """The configuration cannot be used; the message says what to change and where.

    A command shows the message alone.
    """


def load(app: Flask, instance: Path, overrides: Mapping[str, object] | None) -> None:
    """Fill `app.config`: defaults, instance/config.py, PSG_* variables, then `overrides`.

    Raises ConfigurationRefused when a value is unreadable or the secret is missing.
    """
    app.config.from_mapping(DEFAULTS)
    _from_file(app, instance / paths.CONFIG)
    for setting in SETTINGS:
        text = os.environ.get(f"PSG_{setting.name}")
        if text is not None:
            app.config[setting.name] = _typed(setting, text)
    app.config.from_mapping(overrides or {})
    _check(app, instance)
    https = str(app.config["BASE_URL"]).startswith("https:")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=app.config["DATABASE_URL"] or f"sqlite:///{instance}/psg.sqlite",
        # A form may stay open for as long as the browser does (WCAG 2.2.1).
        WTF_CSRF_TIME_LIMIT=None,
        SESSION_COOKIE_NAME="__Host-form" if https else "form",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )


def in_command() -> bool:
    """Say whether a `flask` command other than `flask run`, which serves, creates the app."""
    context = click.get_current_context(silent=True)
    if context is None or context.find_object(ScriptInfo) is None:
        return False
    return context.info_name != "run"


def unconfirmed(values: Config) -> list[Setting]:
    """Return the facts that the PSG has yet to supply."""
    return [setting for setting in SETTINGS if setting.confirm and not values[setting.name]]


def _from_file(app: Flask, file: Path) -> None:
    if not file.is_file():
        return
    try:
        app.config.from_pyfile(str(file))
    except Exception as error:  # the file is code, so anything may happen in it
        lines = [
            frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(file)
        ]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        where = f"line {line} of {file}" if line else str(file)
        raise ConfigurationRefused(f"Cannot read {where}: {error}") from error


def _typed(setting: Setting, text: str) -> str | int | bool:
    if isinstance(setting.default, bool):
        word = text.strip().casefold()
        if word not in YES | NO:
            raise ConfigurationRefused(f"PSG_{setting.name} must be yes or no, not {text!r}")
        return word in YES
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError as error:
            raise ConfigurationRefused(
                f"PSG_{setting.name} must be a whole number, not {text!r}"
            ) from error
    return text


def _check(app: Flask, instance: Path) -> None:
    values: Mapping[str, Any] = app.config
    for setting in SETTINGS:
        _check_value(setting, values[setting.name])
    if paths.is_half_restored(instance) and not in_command():
        raise paths.HalfRestored
    # Commands run without a secret, since one of them writes it; serving needs one.
    if not values["SECRET_KEY"] and not in_command():
        if not (instance / paths.DATABASE).exists():
            raise ConfigurationRefused(f"There is no site in {instance}. {paths.BRING_BACK}")
        raise ConfigurationRefused(
            f"SECRET_KEY is missing: run `flask init`, which writes {instance}/config.py"
        )
    if not _is_address(str(values["BASE_URL"])):
        raise ConfigurationRefused(
            "BASE_URL must be an address such as https://example.org, without a path"
        )
    folder = paths.backup_folder(instance, values["BACKUP_FOLDER"])
    if folder is not None and (not folder.is_absolute() or folder.is_relative_to(instance)):
        raise ConfigurationRefused(
            "BACKUP_FOLDER must be a path from the root, such as /mnt/disk/psgflask, outside of the"
            f" instance folder {instance}; or '{paths.NO_BACKUPS}'"
        )
    if not WEB_ADDRESS.fullmatch(values["CONTENT_LICENCE_URL"]):
        raise ConfigurationRefused("CONTENT_LICENCE_URL must begin with https:// or http://")


def _check_value(setting: Setting, value: object) -> None:
    type_ = type(setting.default)
    if type(value) is not type_:  # a bool is an int in Python
        raise ConfigurationRefused(
            f"{setting.name} must be {TYPE_NAMES[type_]}, not {repr(value)[:MAX_QUOTED]}"
        )
    minimum, maximum = RANGES.get(setting.name, (0, 2**31))
    if type_ is int and not minimum <= int(str(value)) <= maximum:
        raise ConfigurationRefused(f"{setting.name} must be between {minimum} and {maximum}")
    if type_ is str and (len(str(value)) > MAX_TEXT or CONTROL.search(str(value))):
        raise ConfigurationRefused(
            f"{setting.name} must be a text of at most {MAX_TEXT} characters, all printable"
        )


def _is_address(text: str) -> bool:
    try:
        base = urlsplit(text)
        has_host = bool(base.hostname) and base.port != 0  # an invalid port raises
    except ValueError:
        return False
    is_root = base.path in {"", "/"} and not (base.query or base.fragment or base.username)
    return has_host and is_root and base.scheme in {"http", "https"}
