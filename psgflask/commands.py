"""What belongs to no room: `flask init`, `flask db`, `flask backup` and `flask restore`."""

from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import FlaskGroup, with_appcontext

from psgflask import installing, migrating
from psgflask.database import db
from psgflask.pages import standing


def init_app(app: Flask) -> None:
    """Add the commands; what only they need is imported when one of them runs."""
    app.cli.add_command(init)
    app.cli.add_command(migrating.COMMANDS)


def main() -> None:
    """Run the `flask` command with this site; installed, it is called `psgflask`."""
    from psgflask import create_app

    FlaskGroup(create_app=create_app)(prog_name="psgflask")


@click.command("init")
@with_appcontext
def init() -> None:
    """Make this installation ready: folder, config.py, tables, standing pages.

    Run it again after an update: what is there already stays as it is.
    """
    instance = Path(current_app.instance_path)
    if installing.make_folders(instance):
        click.echo(f"Made the folder {instance}")
    if written := installing.write_config(instance):
        click.echo(f"Wrote {written} with a fresh secret; the site's settings are in it")
    before = migrating.current()
    migrating.upgrade()
    after = migrating.current()
    if before != after:
        click.echo("Made the tables" if before is None else f"Migrated from {before} to {after}")
    added = standing.add_missing(db.session())
    db.session.commit()
    if added:
        click.echo(f"Added {len(added)} standing pages")
    if not (written or added) and before == after:
        click.echo("Everything was there already")
