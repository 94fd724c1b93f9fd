"""`flask init`, `flask db`, `flask backup`, `flask restore` and `flask restore-media`."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from flask import Flask, current_app
from flask.cli import FlaskGroup, with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from psgflask.core import config, failures, paths
from psgflask.core.clock import format_time, utc_now
from psgflask.core.database import database_file, db, vacuum
from psgflask.core.terminal import click_errors, echo, read_session, report_write_failures
from psgflask.mail import outbox
from psgflask.members import erasure
from psgflask.members import health as members
from psgflask.members.erasure import Erased, ErasedEntry
from psgflask.news import redaction
from psgflask.news.media import broken_files
from psgflask.news.media.storage import media_folder
from psgflask.news.redaction import Redaction
from psgflask.news.slugs import article_name
from psgflask.ops import installation, migrations
from psgflask.pages import standing_pages
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.sync import indexer
from psgflask.web.site import current_site


def init_app(app: Flask) -> None:
    """Add the commands; modules that only they need are imported when they run."""
    for command in (init, migrations.db_commands, backup, restore, restore_media):
        app.cli.add_command(command)
    report_write_failures(app.cli)  # this package is registered last: all commands exist


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
    restore.check_not_interrupted(instance)
    file = database_file()
    installation.check_not_lost(instance, file)
    if installation.create_folders(instance):
        echo(f"Made the folder {instance}")
    for path in installation.restrict_permissions(instance):
        echo(f"Closed {path} to others on this machine")
    if written := installation.write_config(instance):
        echo(f"Wrote {written} with a fresh secret; the site's settings are in it")
    is_new = file is not None and not file.exists()
    old = None if is_new else migrations.current_revision()
    migrations.upgrade()
    installation.create_lock_files(instance, file)
    new = migrations.current_revision()
    if old != new:
        echo("Made the tables" if old is None else f"Migrated from {old} to {new}")
    pages = standing_pages.add_missing(db.session())
    concepts = glossary.add_missing(db.session())
    db.session.commit()
    if pages:
        echo(f"Added {len(pages)} standing pages")
    if concepts:
        echo(f"Added {concepts} concepts to the glossary of search")
    indexed = _index_if_missing()
    if not (written or pages or concepts or indexed) and old == new:
        echo("Everything was there already")


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def backup(file: Path) -> None:
    """Save database, media and settings (no secrets) in FILE; the site may run meanwhile.

    The exit code is 1 where something is lost, damaged or unreadable; all else is saved then.
    """
    from psgflask.ops import backups

    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    database = Path(current_app.instance_path, paths.DATABASE)
    if url.get_backend_name() != "sqlite" or Path(url.database or "") != database:
        raise click.ClickException(f"This saves {database}; back up DATABASE_URL with its own tool")
    settings = dict(current_app.config)
    manifest = backups.create(Path(current_app.instance_path), file, settings, now=utc_now())
    size = file.stat().st_size / 1e6
    media = sum(name.startswith(f"{paths.MEDIA}/") for name in manifest.files)
    echo(
        f"Saved {_counts(manifest.rows)} and {media} media files in {file}"
        f" ({size:.1f} MB). The secret is not in it."
    )
    for line in manifest.missing:
        echo(f"Incomplete: {line}", err=True)
    if not manifest.is_complete:
        echo(
            "All else is saved. Keep the newest backup that was complete; `flask doctor` says what"
            " to do",
            err=True,
        )
    if backups.is_folder_readable_by_others(file):
        echo(f"Others may look into that folder: chmod 700 {file.parent}", err=True)
    raise SystemExit(0 if manifest.is_complete else 1)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--erased",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Erase again whom this lists: a newer backup, an erased.txt, or the folder of the site"
    " that was there before.",
)
@click.option(
    "--without-lost-media",
    is_flag=True,
    help="Restore although files in media/ beside FILE are lost or damaged: without those.",
)
@with_appcontext
@click_errors()
def restore(file: Path, erased: tuple[Path, ...], without_lost_media: bool) -> None:
    """Bring FILE back into an empty instance; anything wrong with it changes nothing."""
    from psgflask.ops import restore

    instance = Path(current_app.instance_path)
    prepared: list[Prepared] = []

    def prepare(
        database: Path,
        settings: Mapping[str, Any],
        entries: Collection[ErasedEntry],
        redactions: Collection[Redaction],
    ) -> None:
        prepared.append(_prepare_database(database, settings, entries, redactions))

    restored = restore.restore(
        instance,
        file,
        is_known=migrations.is_known,
        prepare=prepare,
        erased=erased,
        without_lost_media=without_lost_media,
    )
    manifest = restored.manifest
    saved = format_time(datetime.fromisoformat(manifest.made_at))
    echo(f"Restored {_counts(manifest.rows)}, saved at {saved}, into {instance}")
    echo(f"Wrote {instance / 'config.py'} with the saved settings and a fresh secret")
    for line in manifest.missing:
        echo(f"Was incomplete when it was saved: {line}", err=True)
    for name in restored.lost_media:
        echo(f"Lost since: {name}", err=True)
    for one in prepared[0].erased:
        echo(f"Erased {one.number} again")
    for name in prepared[0].withdrawn:
        echo(
            f"Withdrew {name}: something was removed from it after this was saved, and is there"
            f" again. psgflask news redact {name} WORDS; psgflask news publish {name}",
            err=True,
        )
    if prepared[0].held_mails:
        echo(
            f"{prepared[0].held_mails} mails waited when this was saved, and may have been sent"
            " since: they are held back until `flask mail retry` (see `flask mail list`)"
        )
    # A backup does not contain the index, which is built from the database.
    _index_if_missing()
    if restored.unconfirmed_since is not None:
        text, advice = members.unconfirmed_texts(restored.unconfirmed_since)
        echo(f"{text}. {advice}. Until then `flask doctor` finds fault", err=True)


@click.command("restore-media")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def restore_media(file: Path | None) -> None:
    """Put lost and damaged files of articles back from the backup FILE; the site may run.

    Without FILE from the hourly backups, the newest first. All else stays as it is. The exit code
    is 1 where a file is still lost or damaged.
    """
    from psgflask.ops import hourly_backups, restore
    from psgflask.ops.backup_archive import BackupRefused

    instance = Path(current_app.instance_path)
    with read_session() as session:
        left = broken_files.find(session, media_folder(instance))
    if not left:
        echo("Every file of an article is whole")
        return
    for backup in [file] if file else hourly_backups.files(current_site()):
        try:
            found = restore.restore_media(instance, backup, {one.file_hash for one in left})
        except BackupRefused as refused:
            if file:
                raise
            echo(f"{backup}: {refused.message}", err=True)
            continue
        if found or file:
            echo(f"Put back {len(found)} of {len(left)} files from {backup}")
        if not (left := [one for one in left if one.file_hash not in found]):
            return
    for one in left:
        echo(f"In no backup that was read, or damaged there too: {one}", err=True)
    raise SystemExit(1)


class Prepared(NamedTuple):
    """What was done to the database of a backup."""

    held_mails: int
    erased: list[Erased]
    withdrawn: list[str]  # articles that were redacted after it was made


def _prepare_database(
    database: Path,
    settings: Mapping[str, Any],
    entries: Collection[ErasedEntry],
    redactions: Collection[Redaction],
) -> Prepared:
    """Migrate the database of a backup, hold its waiting mails, and erase people again.

    Most of the mails were sent since it was saved. Raises BackupRefused for a database that is not
    this site's, or for invalid settings.
    """
    from psgflask import create_app
    from psgflask.ops.backup_archive import BackupRefused

    try:
        app = create_app({**config.DEFAULTS, **settings, "DATABASE_URL": f"sqlite:///{database}"})
    except config.ConfigurationRefused as error:
        raise BackupRefused(f"In the settings of the backup, {error.message}") from error
    with app.app_context():
        try:
            migrations.upgrade()
            if migrations.differences():
                raise BackupRefused("The database in the backup is not made as this site's are")
            reason = "Restored from a backup: it may have been sent since"
            held = outbox.hold_waiting(db.session(), error=reason, now=utc_now())
            erased = erasure.erase_again(db.session(), entries, by="restore", now=utc_now())
            undone = redaction.withdraw_unredacted(db.session(), redactions, now=utc_now())
            withdrawn = [article_name(one.slug, one.language) for one in undone]
            db.session.commit()
            if erased:
                # The worker repeats it, where there is no space for it now.
                vacuum(db.engine)
        except (SQLAlchemyError, RuntimeError) as error:
            if failures.cannot_write(error):
                raise BackupRefused(f"Nothing was restored: {failures.describe(error)}") from error
            raise BackupRefused("The database in the backup cannot be migrated") from error
        finally:
            db.session.remove()
            db.engine.dispose()
    return Prepared(held, erased, withdrawn)


def _index_if_missing() -> bool:
    app = current_site()
    try:
        indexer.store(app).verify()
    except IndexBroken:
        echo(f"Built the index of {indexer.rebuild(app)} articles")
        return True
    return False


def _counts(rows: dict[str, int]) -> str:
    return f"{rows.get('articles', 0)} articles and {rows.get('pages', 0)} pages"
