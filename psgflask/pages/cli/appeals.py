"""`flask pages appeal`: list, show, set, publish, end and withdraw appeals, and go back."""

from decimal import Decimal
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import london_day, utc_now
from psgflask.core.language_names import ENGLISH_NAMES
from psgflask.core.terminal import (
    by_option,
    confirm,
    echo,
    json_option,
    print_file,
    print_revisions,
    read_session,
    version_option,
    yes_option,
)
from psgflask.pages import appeals, publishing
from psgflask.pages.cli.output import (
    FILE,
    draft_option,
    language_option,
    lines_of_save,
    other_language_option,
    print_rows,
    revision_option,
    transaction,
)
from psgflask.pages.models import Appeal

appeal = AppGroup("appeal", help="The appeal on the home page, in each language.")
number_option = click.option(
    "--number", "appeal_id", type=int, help="As `list` has it; without it the newest one."
)


@appeal.command("list")
@json_option
def list_appeals(as_json: bool) -> None:
    """List the appeals, the newest first."""
    today = london_day(utc_now())
    with read_session() as session:
        rows = [
            {
                "number": found.id,
                "language": found.language,
                "title": found.title,
                "target": _amount(found.target),
                "total": _amount(found.total),
                "ends on": found.ends_on.isoformat() if found.ends_on else "",
                "state": appeals.state(found, today),
                "version": found.version,
            }
            for found in session.scalars(select(Appeal).order_by(Appeal.id.desc()))
        ]
    print_rows(rows, as_json)


@appeal.command()
@language_option
@number_option
@click.option("--revision", type=int, help="As this revision has it.")
def show(language: str, appeal_id: int | None, revision: int | None) -> None:
    """Show the appeal of a language as the file that `flask pages appeal set` takes."""
    with read_session() as session:
        found = _find(session, language, appeal_id)
        if revision is None:
            newest = publishing.newest_number(session, found)
            print_file(appeals.appeal_as_markdown(session, found, newest))
        else:
            former = Appeal(**publishing.find_revision(session, found, revision))
            print_file(appeals.appeal_as_markdown(session, former))


@appeal.command("set")
@click.argument("file", type=FILE)
@draft_option
@other_language_option
@version_option
@by_option
def set_appeal(file: Path, draft: bool, anyway: bool, version: int | None, by: str) -> None:
    """Begin the appeal that FILE holds, or renew the running one of its language.

    What FILE leaves out stays as it is. Target and total are those of the appeal that runs in the
    other language, too.
    """
    now = utc_now()
    with transaction(file) as session:
        text = appeals.read_appeal(file, check_language=not anyway)
        found, is_new = appeals.set_appeal(
            session, text, by=by, now=now, draft=draft, version=version
        )
        newest = publishing.newest_number(session, found)
        other = appeals.counterpart(session, found, london_day(now))
        lines = lines_of_save(
            f"{'Begun' if is_new else 'Saved'}: {_label(found)}",
            found,
            name=_name(found),
            group="pages appeal",
            newest=newest,
            revision=text.revision,
        )
        if other is not None and appeals.state(found, london_day(now)) == "running":
            lines.append(f"It has one target and one total with {_label(other)}")
        session.commit()
    echo("\n".join(lines))


@appeal.command()
@language_option
@number_option
@by_option
def publish(language: str, appeal_id: int | None, by: str) -> None:
    """Make the appeal of a language public: a draft, or one that was withdrawn."""
    with transaction() as session:
        found = _find(session, language, appeal_id)
        appeals.publish(session, found, by=by, now=utc_now())
        label = _label(found)
        session.commit()
    echo(f"Published: {label}")


@appeal.command("end")
@language_option
@click.option("--outcome", default="", help="How it ended, for readers.")
@by_option
def end_appeal(language: str, outcome: str, by: str) -> None:
    """End the running appeal of a language."""
    now = utc_now()
    with transaction() as session:
        running = appeals.running_appeal(session, language, london_day(now))
        if running is None:
            raise click.ClickException(f"No appeal is running in {language!r}")
        appeals.end_appeal(session, running, outcome=outcome, by=by, now=now)
        label, name = _label(running), _name(running)
        newest = publishing.newest_number(session, running)
        other = appeals.counterpart(session, running, london_day(now))
        still = other.language if other is not None else ""
        session.commit()
    echo(f"Ended: {label}")
    echo(f"To undo: flask pages appeal restore {name} --revision {newest - 1}")
    if still:
        spoken = ENGLISH_NAMES[still]
        echo(f"Still running in {spoken}: flask pages appeal end --language {still}")


@appeal.command()
@language_option
@number_option
@yes_option
@by_option
def withdraw(language: str, appeal_id: int | None, yes: bool, by: str) -> None:
    """Take the appeal of a language from the home page, as if it had not begun."""
    with read_session() as session:
        found = _find(session, language, appeal_id)
        title, found_id, name = found.title, found.id, _name(found)
    # Outside the transaction: nobody else must wait for the answer.
    if not yes:
        confirm(f"Withdraw ‘{title}’?")
    with transaction() as session:
        found = session.get_one(Appeal, found_id)
        publishing.withdraw(session, found, by=by, now=utc_now())
        session.commit()
    echo(f"Withdrawn. To bring it back: flask pages appeal publish {name}")


@appeal.command()
@language_option
@number_option
@yes_option
def delete(language: str, appeal_id: int | None, yes: bool) -> None:
    """Delete the appeal of a language, which was never public, with its revisions: for good."""
    with read_session() as session:
        found = _find(session, language, appeal_id)
        title, found_id = found.title, found.id
    if not yes:
        confirm(f"Delete ‘{title}’? Only a backup has it then")
    with transaction() as session:
        publishing.delete(session, session.get_one(Appeal, found_id))
        session.commit()
    echo(f"Deleted: {title}")


@appeal.command()
@language_option
@number_option
@json_option
def revisions(language: str, appeal_id: int | None, as_json: bool) -> None:
    """List the revisions of the appeal of a language: who saved what, and when."""
    with read_session() as session:
        found = _find(session, language, appeal_id)
        saves, name = publishing.saves(session, found), _name(found)
    print_revisions(saves, as_json)
    if not as_json:
        echo(f"To go back to one: flask pages appeal restore {name} --revision N")


@appeal.command()
@language_option
@number_option
@revision_option
@version_option
@by_option
def restore(
    language: str, appeal_id: int | None, number: int, version: int | None, by: str
) -> None:
    """Make the appeal of a language say again what a revision has: its total and end, too."""
    with transaction() as session:
        found = _find(session, language, appeal_id)
        changed = appeals.restore(session, found, number, by=by, now=utc_now(), version=version)
        newest, name = publishing.newest_number(session, found), _name(found)
        session.commit()
    echo(f"Restored as in revision {number}: {', '.join(changed) or 'nothing differed'}")
    echo(f"To undo: flask pages appeal restore {name} --revision {newest - 1}")


def _find(session: Session, language: str, appeal_id: int | None) -> Appeal:
    if appeal_id is not None:
        found = session.get(Appeal, appeal_id)
        if found is None:
            raise click.ClickException(f"There is no appeal {appeal_id}")
        return found
    rows = select(Appeal).where(Appeal.language == language).order_by(Appeal.id.desc())
    found = session.scalar(rows.limit(1))
    if found is None:
        raise click.ClickException(f"There is no appeal in {language!r}")
    return found


def _label(found: Appeal) -> str:
    return f"{found.title} ({found.language})"


def _name(found: Appeal) -> str:
    return f"--number {found.id}"


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f}"
