"""What commands share: those that only read wait for nobody."""

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.pages import standing
from tests import factories


@pytest.mark.parametrize(
    "command",
    [
        *("news list", "news show seen", "news show seen --markdown", "news topic list"),
        *("pages list", "pages show contact", "pages appeal list"),
    ],
)
def test_a_command_that_reads_goes_on_while_somebody_writes(
    app: Flask, session: Session, command: str
) -> None:
    factories.article(session, "Seen by readers", slug="seen")
    standing.add_missing(session)
    session.commit()
    writer = sqlite3.connect(Path(app.instance_path, "psg.sqlite"))
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE articles SET title = 'Half done'")
    told = app.test_cli_runner().invoke(args=command.split())
    writer.close()
    assert told.exit_code == 0, told.output
    assert "Half done" not in told.output
