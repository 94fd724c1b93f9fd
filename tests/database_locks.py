"""Locks of another process on the database of an app."""

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
    """Hold the write lock: all that can be locked of a WAL database that others have open."""
    connection = sqlite3.connect(Path(app.instance_path, "psg.sqlite"), isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection
    finally:
        connection.close()


@contextmanager
def held_whole(app: Flask) -> Iterator[sqlite3.Connection]:
    """Hold an exclusive lock, which keeps readers out too: all others must have closed it."""
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
    """Yield a list of the statements that timed out on a lock in this block."""
    seen: list[str] = []

    def note(context: ExceptionContext) -> None:
        if failures.is_busy(context.original_exception):
            seen.append(str(context.statement))

    event.listen(Engine, "handle_error", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "handle_error", note)
