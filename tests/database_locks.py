"""Another program's locks on the database of an app."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from psgflask.core import failures
from psgflask.core.database import db


@contextmanager
def held(app: Flask) -> Iterator[sqlite3.Connection]:
    """Hold all that a program can take of a WAL database that others have open: writing."""
    connection = sqlite3.connect(Path(app.instance_path, "psg.sqlite"), isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection
    finally:
        connection.close()


@contextmanager
def held_whole(app: Flask) -> Iterator[sqlite3.Connection]:
    """Hold the database against readers too, as a program can that found it closed."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    connection = sqlite3.connect(Path(app.instance_path, "psg.sqlite"), isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield connection
    finally:
        connection.close()


@contextmanager
def waits() -> Iterator[list[str]]:
    """Give the statements that waited for a lock in vain while the block runs."""
    seen: list[str] = []

    def note(context: ExceptionContext) -> None:
        if failures.is_busy(context.original_exception):
            seen.append(str(context.statement))

    event.listen(Engine, "handle_error", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "handle_error", note)
