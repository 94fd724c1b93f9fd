"""What belongs to no room: `flask init`, `flask db`, `flask backup` and `flask restore`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import FlaskGroup, with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from psgflask.core import config, failures
from psgflask.core.clock import utc_now
from psgflask.core.database import database_file, db
from psgflask.core.terminal import click_errors, report_write_failures
from psgflask.mail import outbox
from psgflask.ops import installing, migrating
from psgflask.pages import standing_pages
from psgflask.search.index import IndexBroken
from psgflask.search.sync import indexer


def init_app(app: Flask) -> None:
    """Add the commands; what only they need is imported when one of them runs."""
    for command in (init, migrating.COMMANDS, backup, restore):
        app.cli.add_command(command)
    report_write_failures(app.cli)  # the last room to be opened: every command is there


def main() -> None:
    """Run the `flask` command with this site; installed, it is called `psgflask`."""
    from psgflask import create_app

    FlaskGroup(create_app=create_app)(prog_name="psgflask")


@click.command("init")
@with_appcontext
@click_errors()
def init() -> None:
    """Make this installation ready: folder, config.py, tables, standing pages, glossary, index.

    Run it again after an update: what is there already stays as it is.
    """
    from psgflask.ops import restore
    from psgflask.search import glossary

    instance = Path(current_app.instance_path)
    restore.check_whole(instance)
    if installing.make_folders(instance):
        click.echo(f"Made the folder {instance}")
    for closed in installing.close(instance):
        click.echo(f"Closed {closed} to others on this machine")
    if written := installing.write_config(instance):
        click.echo(f"Wrote {written} with a fresh secret; the site's settings are in it")
    before = migrating.current()
    migrating.upgrade()
    installing.make_locks(instance, database_file())
    after = migrating.current()
    if before != after:
        click.echo("Made the tables" if before is None else f"Migrated from {before} to {after}")
    added = standing_pages.add_missing(db.session())
    concepts = glossary.add_missing(db.session())
    db.session.commit()
    if added:
        click.echo(f"Added {len(added)} standing pages")
    if concepts:
        click.echo(f"Added {concepts} concepts to the glossary of search")
    indexed = _index_if_missing()
    if not (written or added or concepts or indexed) and before == after:
        click.echo("Everything was there already")


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup(file: Path) -> None:
    """Save database, media and settings (no secrets) in FILE; the site may run meanwhile."""
    from psgflask.ops import archives, backups

    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    database = Path(current_app.instance_path, archives.DATABASE)
    if url.get_backend_name() != "sqlite" or Path(url.database or "") != database:
        raise click.ClickException(f"This saves {database}; back up DATABASE_URL with its own tool")
    settings = dict(current_app.config)
    saved = backups.make(Path(current_app.instance_path), file, settings, now=utc_now())
    size = file.stat().st_size / 1e6
    click.echo(
        f"Saved {_counted(saved.rows)} and {len(saved.files) - 2} media files in {file}"
        f" ({size:.1f} MB). The secret is not in it."
    )
    if backups.is_open_to_others(file):
        click.echo(f"Others may look into that folder: chmod 700 {file.parent}", err=True)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
@click_errors()
def restore(file: Path) -> None:
    """Bring FILE back into an empty instance; anything wrong with it changes nothing."""
    from psgflask.ops import restore

    instance = Path(current_app.instance_path)
    held: list[int] = []

    def prepare(database: Path, settings: Mapping[str, Any]) -> None:
        held.append(_prepared(database, settings))

    saved = restore.restore(instance, file, known=migrating.known, prepare=prepare)
    click.echo(f"Restored {_counted(saved.rows)}, saved at {saved.made_at}, into {instance}")
    click.echo(f"Wrote {instance / 'config.py'} with the saved settings and a fresh secret")
    if any(held):
        click.echo(
            f"{held[0]} mails waited when this was saved, and may have been sent since: they are"
            " held back until `flask mail retry` (see `flask mail list`)"
        )
    # The index is no part of a backup: it is made from the database.
    _index_if_missing()


def _prepared(database: Path, settings: Mapping[str, Any]) -> int:
    """Bring a database that is not in place yet to this code's schema, and hold its mails.

    Most of those that waited when it was saved were sent since. Return how many. Raises
    BackupRefused for one that is no database of this site, or for settings that stop the start.
    """
    from psgflask import create_app
    from psgflask.ops.archives import BackupRefused

    try:
        app = create_app({**config.DEFAULTS, **settings, "DATABASE_URL": f"sqlite:///{database}"})
    except config.ConfigurationRefused as refused:
        raise BackupRefused(f"In the settings of the backup, {refused.message}") from refused
    with app.app_context():
        try:
            migrating.upgrade()
            if migrating.differences():
                raise BackupRefused("The database in the backup is not made as this site's are")
            why = "Restored from a backup: it may have been sent since"
            held = outbox.hold_waiting(db.session(), error=why, now=utc_now())
            db.session.commit()
        except (SQLAlchemyError, RuntimeError) as error:
            if failures.cannot_write(error):
                raise BackupRefused(f"Nothing was restored: {failures.describe(error)}") from error
            raise BackupRefused("The database in the backup cannot be migrated") from error
        finally:
            db.session.remove()
            db.engine.dispose()
    return held


def _index_if_missing() -> bool:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    try:
        indexer.store(app).verify()
    except IndexBroken:
        click.echo(f"Built the index of {indexer.rebuild(app)} articles")
        return True
    return False


def _counted(rows: dict[str, int]) -> str:
    return f"{rows.get('articles', 0)} articles and {rows.get('pages', 0)} pages"
