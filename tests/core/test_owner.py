"""Who is not the owner of the instance folder is refused, before anything is opened."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup, ScriptInfo

from psgflask import create_app
from psgflask.core import owner
from psgflask.core.findings import FAULT
from psgflask.ops import health

NOBODY = 65534


@pytest.fixture
def as_root(instance: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root acts on a folder of another user: really, where the tests run as root."""
    if os.geteuid() == 0:
        os.chown(instance, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    return instance


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "line",
    [
        *("init", "serve --port 8123", "serve --prepare", "worker", "backup FOLDER/b.tar"),
        *("restore FOLDER/b.tar", "news add FOLDER/a.md", "search rebuild", "doctor"),
        *("members export FOLDER/members.csv", "sample add", "db upgrade", "mail list"),
    ],
)
def test_a_command_of_root_writes_nothing_that_the_site_could_not_read(
    as_root: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: 2018-07-15\nteaser: B.\n---\n\nC.\n")
    before = listing(tmp_path)
    group = FlaskGroup(create_app=create_app, add_version_option=False)
    script = ScriptInfo(create_app=create_app)
    words = [word.replace("FOLDER", str(tmp_path)) for word in line.split()]
    done = CliRunner().invoke(group, words, obj=script)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "what root writes there the site could not read" in done.output
    assert f"sudo -u {typed_name(as_root)} PSG_INSTANCE={as_root} " in done.output
    assert listing(tmp_path) == before


def typed_name(folder: Path) -> str:
    name = owner.user_name(folder.stat().st_uid)
    return f"'#{name}'" if name.isdigit() else name


def test_a_checkout_of_another_user_holds_nobodys_site_until_there_is_one(
    as_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = as_root.rename(as_root.with_name("instance"))
    monkeypatch.setattr(owner, "CHECKOUT", checkout.parent)
    for name in ("config.py", "psg.sqlite"):
        (checkout / name).unlink(missing_ok=True)
    owner.check(checkout)
    (checkout / "config.py").touch()  # root's, who made the site
    if os.geteuid() == 0:
        owner.check(checkout)
        os.chown(checkout / "config.py", NOBODY, NOBODY)
    with pytest.raises(owner.NotTheOwner):
        owner.check(checkout)


def test_the_whole_command_is_there_to_be_typed(
    as_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/psgflask/bin/psgflask", "news", "add", "my file.md"])
    with pytest.raises(owner.NotTheOwner) as refused:
        owner.check(as_root)
    assert " /opt/psgflask/bin/psgflask news add 'my file.md' (or make it" in refused.value.message


@pytest.mark.parametrize("name", ["psg.sqlite", "config.py"])
def test_root_is_refused_where_only_a_file_is_another_users(
    instance: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (instance / name).touch()
    if os.geteuid() == 0:
        os.chown(instance / name, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(owner.NotTheOwner):
        owner.check(instance)


def test_another_user_who_may_not_open_the_folder_is_told_whose_it_is(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: instance.stat().st_uid + 1)
    monkeypatch.setattr(os, "access", lambda *given, **named: False)
    with pytest.raises(click.ClickException, match="only its owner may open it"):
        owner.check(instance)


def test_the_owner_and_a_new_folder_are_not_refused(instance: Path, tmp_path: Path) -> None:
    owner.check(instance)
    owner.check(tmp_path / "new")


def test_doctor_names_what_another_user_left_in_the_folder(
    app: Flask, instance: Path, monkeypatch: pytest.MonkeyPatch, make_app: Callable[..., Flask]
) -> None:
    assert list(health.check_owners(app)) == []
    (instance / "media").mkdir(exist_ok=True)
    (instance / "media/picture").touch()
    if os.geteuid() == 0:
        os.chown(instance / "media/picture", NOBODY, NOBODY)
    else:
        monkeypatch.setattr(
            health, "_owner", lambda path: NOBODY if path.name == "picture" else os.geteuid()
        )
    (found,) = health.check_owners(app)
    assert found.state == FAULT
    assert "1 files and folders are not" in found.text
    assert found.text.endswith("media/picture")
    assert "chown -R" in found.advice
