"""The database's schema: its revision, upgrades, and `flask db`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import g
from flask.cli import with_appcontext
from sqlalchemy import inspect, text

from psgflask.core import paths
from psgflask.core.database import db, may_create, read_only
from psgflask.core.terminal import click_errors
from psgflask.web.site import current_site

if TYPE_CHECKING:
    from alembic.config import Config


# Of Flask-Migrate's commands those that change nothing in the database.
READ_ONLY_COMMANDS = frozenset(
    {"branches", "check", "current", "heads", "history", "migrate", "show"}
)


class MigrationCommands(click.Group):
    """`flask db`, which imports Flask-Migrate only on use: the server must not load Alembic."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List Flask-Migrate's commands."""
        return self._flask_migrate_group().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of Flask-Migrate's commands."""
        return self._flask_migrate_group().get_command(ctx, cmd_name)

    def _flask_migrate_group(self) -> click.Group:
        from flask_migrate.cli import db as group_  # type: ignore[import-not-found]  # no stub

        group: click.Group = group_
        return group

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; errors of the database are click errors."""
        with click_errors():
            return super().invoke(ctx)


@click.pass_context
@with_appcontext
def _configure_migrate(context: click.Context) -> None:
    """Configure Flask-Migrate, as its own group would."""
    from flask_migrate import Migrate

    if context.invoked_subcommand in READ_ONLY_COMMANDS:
        context.with_resource(read_only())

    app = current_site()
    Migrate(app, db, directory=str(paths.migrations()), render_as_batch=True)
    app.cli.add_command(db_commands)  # Migrate has replaced it by its own group
    g.directory, g.x_arg = None, ()


db_commands = MigrationCommands(
    "db", help="Change the database's schema.", callback=_configure_migrate
)


def upgrade(revision: str = "head") -> None:
    """Upgrade the schema to a revision; an error leaves it as it was."""
    from alembic import command

    with may_create():
        command.upgrade(_alembic_config(), revision)


def current_revision() -> str | None:
    """Return the revision of the database, None when it has no tables."""
    with read_only(), db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def head_revision() -> str | None:
    """Return the newest revision of this code."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_alembic_config()).get_current_head()


def mismatch() -> tuple[str, str] | None:
    """Return how the schema differs from what this code needs and what to do, None if it is right.

    Without Alembic, which a server must not load: revisions are named by their files. Raises
    sqlalchemy's DatabaseError.
    """
    current = current_revision()
    known = sorted(file.name.partition("_")[0] for file in _revision_files())
    if current == known[-1]:
        return None
    if current is None:
        return "The database has no tables", "psgflask init"
    if current not in known:
        text = f"The database's revision {current} was made by newer code than this"
        return text, "Install the newer version of the site"
    return f"The database is at revision {current}; this code needs {known[-1]}", "psgflask init"


def _revision_files() -> Iterator[Path]:
    return (paths.migrations() / "versions").glob("[0-9]*_*.py")


def is_known(revision: str) -> bool:
    """Say whether this code has a revision; newer code may have written another."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_alembic_config())
    return revision in {script.revision for script in scripts.walk_revisions()}


def differences() -> list[object]:
    """Return the differences between the database's tables and the models."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with read_only(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, db.metadata))


def _alembic_config() -> "Config":
    from alembic.config import Config

    folder = paths.migrations()
    config = Config(str(folder / "alembic.ini"))
    # A % begins an interpolation of ConfigParser.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
