"""After an update of the code alone, or without the database's disk, a sentence says what to do."""

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from psgflask.core import requirements
from psgflask.core.database import db
from psgflask.ops import migrations, readiness
from psgflask.ops.serving import startup

BEHIND = "0011"
BEFORE_ANY_IMPORT = """
import importlib.metadata, sys
real = importlib.metadata.version
def version(name):
    if name == "nh3":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version, sys.modules["nh3"] = version, None
"""


def run(app: Flask, *words: str) -> Result:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    return app.test_cli_runner().invoke(args=list(words))


@pytest.fixture
def behind(instance: Path, make_app: Callable[..., Flask]) -> Flask:
    """A site whose database is older than its code."""
    (instance / "psg.sqlite").unlink()
    app = make_app()
    with app.app_context():
        migrations.upgrade(BEHIND)
    return app


def refused(app: Flask) -> str:
    with app.app_context(), pytest.raises(readiness.NotReady) as caught:
        readiness.check_ready()
    return caught.value.message


def test_the_newest_revision_is_that_of_the_newest_file(app: Flask) -> None:
    newest = max(file.name for file in migrations._revision_files())
    assert newest.partition("_")[0] == migrations.head_revision()
    assert all(
        migrations.is_known(file.name.partition("_")[0]) for file in migrations._revision_files()
    )


@pytest.mark.parametrize("command", ["members list", "members export FILE", "serve", "worker"])
def test_a_command_of_newer_code_says_what_to_run(
    behind: Flask, command: str, tmp_path: Path
) -> None:
    done = run(behind, *command.replace("FILE", str(tmp_path / "x.csv")).split())
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert len(done.output.splitlines()) == 1
    assert "init" in done.output


def test_a_backup_before_the_update_of_the_database_is_possible(
    behind: Flask, tmp_path: Path
) -> None:
    done = run(behind, "backup", str(tmp_path / "before-update.tar"))
    assert done.exit_code == 0, done.output


def test_after_init_the_site_is_ready(behind: Flask) -> None:
    assert f"at revision {BEHIND}" in refused(behind)
    assert "psgflask init" in refused(behind)
    assert run(behind, "init").exit_code == 0
    with behind.app_context():
        readiness.check_ready()


def test_a_database_of_newer_code_is_not_served(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
    assert "made by newer code" in refused(app)


def test_a_server_does_not_start_on_an_older_database(
    behind: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    with pytest.raises(readiness.NotReady, match="psgflask init"):
        startup.create_serving_app()


# Packages


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich is not installed, and Flask is an old one."""
    real = metadata.version

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        return "3.0.9" if name == "Flask" else real(name)

    monkeypatch.setattr(metadata, "version", version)


def test_all_packages_are_installed_here() -> None:
    assert requirements.sentence() is None


@pytest.mark.usefixtures("lacking")
def test_packages_that_are_missing_or_too_old_are_named_with_what_to_run() -> None:
    sentence = requirements.sentence()
    assert sentence is not None
    assert "(Flask is 3.0.9, and 3.1.3 is needed; rich is missing)" in sentence
    assert sentence.endswith("run python3 requirements/install.py run && .venv/bin/flask init")


@pytest.mark.usefixtures("lacking")
def test_doctor_and_serve_name_packages_that_are_missing(app: Flask) -> None:
    assert "rich is missing" in run(app, "doctor").output
    served = run(app, "serve")
    assert served.exit_code == 1
    assert "rich is missing" in served.output


@pytest.mark.usefixtures("lacking")
def test_a_command_that_needs_a_missing_package_ends_in_a_sentence(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    done = run(app, "news", "list")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "rich is missing" in done.output


def test_an_installed_package_needs_what_its_metadata_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = ["Flask<3.2,>=3.1.3", "rich<16,>=99", "pytest<10,>=9; extra == 'test'"]
    monkeypatch.setattr(requirements, "_in_checkout", lambda: False)
    monkeypatch.setattr(metadata, "requires", lambda name: listed)
    sentence = requirements.sentence()
    assert sentence is not None
    assert "and 99 is needed" in sentence
    assert "pip install --require-hashes" in sentence
    assert "Flask" not in sentence
    assert "pytest" not in sentence


@pytest.mark.parametrize("start", ["from flask.cli import main; main()", "import wsgi"])
def test_where_nothing_can_be_imported_one_line_says_what_to_run(
    instance: Path, start: str
) -> None:
    script = f"{BEFORE_ANY_IMPORT}\nsys.argv = ['flask', '--app', 'psgflask', 'doctor']\n{start}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: This code needs packages that are not installed")
    assert "nh3 is missing" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# No database


def lose(instance: Path) -> None:
    for file in instance.glob("psg.sqlite*"):
        file.unlink()


def test_nothing_is_served_and_nothing_created_where_the_database_is_missing(
    app: Flask, instance: Path
) -> None:
    lose(instance)
    for words in (("serve",), ("worker",)):
        done = run(app, *words)
        assert done.exit_code == 1
        assert "There is no database at" in done.output
        assert "mount its disk" in done.output
        assert not list(instance.glob("psg.sqlite*"))


def test_a_serving_process_ends_in_a_sentence(instance: Path) -> None:
    lose(instance)
    (instance / "config.py").write_text("SECRET_KEY = 'only-in-tests'\n")
    line = [sys.executable, "-m", "psgflask.ops.serving.process", "0", "0"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no database at")
    assert len(done.stderr.splitlines()) == 1
    assert not list(instance.glob("psg.sqlite*"))


@pytest.mark.parametrize("words", ["init", "serve --prepare"])
def test_an_installation_that_was_used_gets_no_new_database(
    app: Flask, instance: Path, words: str
) -> None:
    assert run(app, "init").exit_code == 0
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    lose(instance)
    done = run(app, *words.split())
    assert done.exit_code == 1
    assert "has been used: mount its disk, or restore a backup" in done.output
    assert not list(instance.glob("psg.sqlite*"))


def test_an_empty_folder_and_one_with_only_a_config_become_a_new_site(
    instance: Path, make_app: Callable[..., Flask]
) -> None:
    lose(instance)
    (instance / "config.py").write_text("SECRET_KEY = 'only-in-tests'\n")
    done = run(make_app(), "init")
    assert done.exit_code == 0, done.output
    assert (instance / "psg.sqlite").is_file()
