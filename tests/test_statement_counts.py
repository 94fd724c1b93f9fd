"""The number of SQL statements of commands and worker tasks does not grow with the rows."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.mail import outbox
from psgflask.ops import worker
from psgflask.ops.worker import Task
from psgflask.search.sync import indexer
from tests import factories
from tests.statements import statements

COMMANDS = ("doctor --json", "mail list", "mail list --addresses --json", "mail retry --all")


def add_rows(app: Flask, session: Session, count: int) -> None:
    """Add articles that are indexed, and mails that are dead."""
    for number in range(count):
        factories.article(session, f"Article {number} of {count}", slug=f"article-{number}-{count}")
        mail = outbox.enqueue(
            session, kind="test", to="a@example.org", language="en", values={}, now=utc_now()
        )
        outbox.mark_dead(session, mail.id, error="550 no", now=utc_now())
    session.commit()
    indexer.rebuild(app)
    session.rollback()


def number_of_statements(action: Callable[[], object]) -> int:
    with statements() as sent:
        action()
    assert sent
    return len(sent)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs_as_many_statements_for_ten_times_the_rows(
    app: Flask, session: Session, command: str
) -> None:
    runner: FlaskCliRunner = app.test_cli_runner()

    def run() -> None:
        result = runner.invoke(args=command.split())
        assert result.exit_code == 0 or command.startswith("doctor"), result.output
        session.rollback()  # the test's own context goes on with a new transaction

    add_rows(app, session, 2)
    run()  # fills caches
    few = number_of_statements(run)
    add_rows(app, session, 20)
    assert number_of_statements(run) == few


@pytest.mark.parametrize("task", worker.TASKS, ids=lambda task: task.name)
def test_an_idle_worker_task_runs_as_many_statements_for_ten_times_the_rows(
    app: Flask, session: Session, task: Task
) -> None:
    def run() -> None:
        background = worker.Worker(app, (task,))
        background.run_once()
        assert background.runners[0].failures == 0

    add_rows(app, session, 2)
    run()
    with statements() as few:
        run()
    add_rows(app, session, 20)
    run()
    with statements() as many:
        run()
    assert len(many) == len(few)
