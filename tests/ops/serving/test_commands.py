"""The server's command line, and what it says when it cannot start."""

import gc
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup, ScriptInfo

from psgflask import create_app
from psgflask.core.database import db
from psgflask.ops.serving import commands, process, startup
from psgflask.search.search_log import SearchCounter
from psgflask.web import slots

Became = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def empty_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance folder in which nothing is yet."""
    monkeypatch.setenv("PSG_INSTANCE", str(tmp_path / "new"))
    return tmp_path / "new"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_answered_with_one_line_that_says_what_to_do(
    app: Flask, taken: int
) -> None:
    result = app.test_cli_runner().invoke(args=["serve", "--port", str(taken)])
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert f"make run PORT={taken + 1}" in result.output


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Became:
    """What the process would have become: command lines and their environments."""
    known: Became = []
    monkeypatch.setattr(commands, "check_port", lambda host, port: None)
    monkeypatch.setattr("os.execve", lambda path, line, given: known.append((line, given)))
    return known


def test_the_process_says_where_the_site_is_and_becomes_the_server(
    app: Flask, became: Became
) -> None:
    result = app.test_cli_runner().invoke(args=["serve", "--port", "8123"])
    assert "http://127.0.0.1:8123 " in result.output
    assert [line for line, _environment in became] == [commands.server_command("127.0.0.1", 8123)]


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "8123"],
        ["--host", "0.0.0.0", "--port", "8123"],  # noqa: S104  # what is tried
        ["--host", "192.0.2.7"],
        ["--host", "::1"],
        ["--host", "localhost", "--port", "80"],
    ],
    ids=" ".join,
)
def test_the_site_answers_and_links_at_the_address_that_it_says(
    app: Flask,
    make_app: Callable[..., Flask],
    became: Became,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
) -> None:
    said = app.test_cli_runner().invoke(args=["serve", *options]).output
    address = said.removeprefix("The site is at ").split(" ")[0]
    assert "0.0.0.0" not in address  # noqa: S104  # no address that a browser could open
    for name, value in became[0][1].items():
        monkeypatch.setenv(name, value)
    page = make_app().test_client().get("/news/", base_url=address)
    assert page.status_code == 200
    assert f'<link rel="canonical" href="{address}/news/">' in page.text


def test_a_site_that_has_an_address_keeps_it(
    make_app: Callable[..., Flask], became: Became
) -> None:
    public = make_app(BASE_URL="https://psg.example")
    said = public.test_cli_runner().invoke(args=["serve", "--port", "8123"]).output
    assert "https://psg.example" in said
    assert "http://127.0.0.1:8123" in said
    # From where it has it, so that a reload finds another there.
    assert "PSG_BASE_URL" not in became[0][1]


def test_preparing_makes_an_empty_folder_a_site_with_the_sample_content(
    empty_instance: Path, became: Became
) -> None:
    first, second = (_serve("--prepare"), _serve("--prepare"))
    assert "Added the sample content" in first.output
    assert (empty_instance / "config.py").is_file()
    assert "Added" not in second.output
    assert len(became) == 2


def test_nothing_is_served_without_a_secret(empty_instance: Path) -> None:
    refused = _serve()
    assert refused.exit_code == 1
    assert "flask init" in refused.output
    assert not (empty_instance / "psg.sqlite").exists()


def _serve(*options: str) -> Result:
    """Run the command as `flask` does, with a free port."""
    script = ScriptInfo(create_app=create_app)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    group = FlaskGroup(create_app=create_app, add_version_option=False)
    result = CliRunner().invoke(group, ["serve", "--port", port, *options], obj=script)
    with script.load_app().app_context():
        db.engine.dispose()
    return result


@pytest.fixture
def garbage() -> Iterator[None]:
    """Python's ways with garbage and with threads, as they were again afterwards."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.unfreeze()  # other tests may have made a server too
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("garbage")
def test_a_server_collects_garbage_rarely_and_never_among_the_objects_it_started_with(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    monkeypatch.setattr(SearchCounter, "start", lambda self: None)
    assert gc.get_freeze_count() == 0
    startup.create_serving_app()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] == startup.GC_THRESHOLD


def test_the_access_log_holds_neither_address_nor_agent_nor_query() -> None:
    for private in ("addr", "query_string", "header"):
        assert private not in process.ACCESS_LOG


def test_one_process_serves_with_more_threads_than_there_are_slots() -> None:
    assert sum(map(sum, slots.CAPACITY.values())) < slots.THREADS


def test_memory_that_a_flood_took_is_given_back(app: Flask, became: Became) -> None:
    app.test_cli_runner().invoke(args=["serve", "--port", "8123"])
    assert became[0][1]["MALLOC_ARENA_MAX"] == "2"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])  # noqa: S104  # what is tried
def test_a_site_that_others_can_reach_prints_that_it_needs_a_proxy(
    app: Flask, became: Became, host: str
) -> None:
    said = app.test_cli_runner().invoke(args=["serve", "--host", host]).output
    assert "proxy" in said
    assert "docs/operating.md" in said


def test_a_site_for_this_machine_alone_needs_no_proxy(app: Flask, became: Became) -> None:
    assert "proxy" not in app.test_cli_runner().invoke(args=["serve"]).output
