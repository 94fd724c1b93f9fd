"""The database's schema and its revisions: where it stands, how it gets to the newest."""

from typing import TYPE_CHECKING

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext
from sqlalchemy import inspect, text

from psgflask.core import paths
from psgflask.core.database import db, read_only
from psgflask.core.terminal import click_errors

if TYPE_CHECKING:
    from alembic.config import Config


# Of Flask-Migrate's commands those that change nothing in the database.
LOOKING = frozenset({"branches", "check", "current", "heads", "history", "migrate", "show"})


class RevisionCommands(click.Group):
    """`flask db`, taken from Flask-Migrate only when asked: the server must not load Alembic."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name Flask-Migrate's commands."""
        return self._real().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of Flask-Migrate's commands."""
        return self._real().get_command(ctx, cmd_name)

    def _real(self) -> click.Group:
        from flask_migrate.cli import db as theirs  # type: ignore[import-not-found]  # no stub

        group: click.Group = theirs
        return group

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; one that only looks takes no lock, whatever it begins."""
        with click_errors():
            return super().invoke(ctx)


@click.pass_context
@with_appcontext
def _connect(context: click.Context) -> None:
    """Tell Flask-Migrate where the revisions are, as its own group would."""
    from flask_migrate import Migrate

    if context.invoked_subcommand in LOOKING:
        context.with_resource(read_only())

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    Migrate(app, db, directory=str(paths.migrations()), render_as_batch=True)
    app.cli.add_command(COMMANDS)  # it has put its own group in the place of ours
    g.directory, g.x_arg = None, ()


COMMANDS = RevisionCommands("db", help="Change the database's schema.", callback=_connect)


def upgrade(revision: str = "head") -> None:
    """Bring the schema up to a revision; a fault leaves it as it was."""
    from alembic import command

    command.upgrade(_configuration(), revision)


def current() -> str | None:
    """Return the revision that the database is at, None when it has no tables of ours."""
    with read_only(), db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def newest() -> str | None:
    """Return the newest revision that this code knows."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_configuration()).get_current_head()


def known(revision: str) -> bool:
    """Say whether this code knows a revision; one written by newer code it does not."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_configuration())
    return revision in {script.revision for script in scripts.walk_revisions()}


def differences() -> list[object]:
    """Return how the tables of the database differ from the models; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with read_only(), db.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(found, db.metadata))


def _configuration() -> "Config":
    from alembic.config import Config

    folder = paths.migrations()
    configuration = Config(str(folder / "alembic.ini"))
    # ConfigParser takes a % for the beginning of a substitution.
    configuration.set_main_option("script_location", str(folder).replace("%", "%%"))
    return configuration
