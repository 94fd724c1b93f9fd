"""How Alembic reaches the site's database; `flask db` and `flask init` run this file."""

from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from psgflask.core.database import UTCDateTime, db, is_sqlite


def run() -> None:
    """Migrate the schema to the requested revision: completely or, after an error, not at all."""
    with db.engine.connect() as connection:
        sqlite = is_sqlite(connection)
        if sqlite:
            # A table changed "in batch" is copied and dropped; with foreign keys on, the drop
            # would delete the rows that refer to it. Said below SQLAlchemy, before any BEGIN.
            _say(connection, "PRAGMA foreign_keys=OFF")
        try:
            context.configure(
                connection=connection,
                target_metadata=db.metadata,
                render_as_batch=True,
                compare_type=True,
                render_item=_render,
                process_revision_directives=_leave_out_empty,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                context.run_migrations()
                if sqlite:
                    _check_references(connection)
        finally:
            connection.rollback()
            if sqlite:
                _say(connection, "PRAGMA foreign_keys=ON")


def _say(connection: Connection, statement: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(statement)
    cursor.close()


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"Rows would refer to what is not there; nothing was changed: {broken}")


def _render(kind: str, item: object, autogen_context: AutogenContext) -> str | bool:
    """Render our datetime type as a plain DateTime: revisions must outlive today's code."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UTCDateTime) else False


def _leave_out_empty(
    migration: MigrationContext, revision: Any, directives: list[MigrationScript]
) -> None:
    options = migration.config.cmd_opts if migration.config else None
    operations = directives[0].upgrade_ops
    if getattr(options, "autogenerate", False) and operations and operations.is_empty():
        directives.clear()


run()
