"""`flask pages`: list, show and set standing pages and appeals."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from psgflask.core.clock import london_day, utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import (
    echo,
    json_option,
    print_file,
    print_json,
    print_table,
    read_session,
    write_session,
)
from psgflask.pages import appeals, standing_pages
from psgflask.pages.models import Appeal, Page
from psgflask.web import languages

pages = AppGroup("pages", help="The standing pages, such as the aims or the contact.")
appeal = AppGroup("appeal", help="The appeal on the home page, in each language.")
pages.add_command(appeal)

FILE = click.Path(path_type=Path)
language_option = click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True
)


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(pages)


@pages.command("list")
@json_option
def list_pages(as_json: bool) -> None:
    """List the pages of every section."""
    with read_session() as session:
        found = session.scalars(
            select(Page).order_by(Page.section, Page.position, Page.slug, Page.language)
        )
        rows = [
            {
                "section": page.section,
                "position": page.position,
                "slug": page.slug,
                "language": page.language,
                "title": page.title,
            }
            for page in found
        ]
    _print(rows, as_json)


@pages.command()
@click.argument("slug")
@language_option
def show(slug: str, language: str) -> None:
    """Show the page SLUG as the file that `flask pages set` takes."""
    with read_session() as session:
        page = session.scalar(select(Page).where(Page.slug == slug, Page.language == language))
        if page is None:
            raise click.ClickException(f"There is no page {slug!r} in {language!r}")
        print_file(standing_pages.page_as_markdown(page))


@pages.command("set")
@click.argument("file", type=FILE)
def set_page(file: Path) -> None:
    """Put the page that FILE holds in place of the one of its slug and language."""
    with write_session(file) as session:
        text = standing_pages.read_page(file)
        _page, is_new = standing_pages.set_page(session, text)
        session.commit()
    address = languages.address("pages.page", language=text.language, external=True, slug=text.slug)
    echo(f"{'Added' if is_new else 'Saved'}: {address}")


@appeal.command("list")
@json_option
def list_appeals(as_json: bool) -> None:
    """List the appeals, the newest first."""
    today = _today()
    with read_session() as session:
        rows = [
            {
                "language": found.language,
                "title": found.title,
                "target": _amount(found.target),
                "total": _amount(found.total),
                "ends on": found.ends_on.isoformat() if found.ends_on else "",
                "state": "ended" if appeals.has_ended(found, today) else "running",
            }
            for found in session.scalars(select(Appeal).order_by(Appeal.id.desc()))
        ]
    _print(rows, as_json)


@appeal.command("set")
@click.argument("file", type=FILE)
def set_appeal(file: Path) -> None:
    """Begin the appeal that FILE holds, or renew the running one of its language."""
    with write_session(file) as session:
        text = appeals.read_appeal(file)
        _appeal, is_new = appeals.set_appeal(session, text, today=_today())
        session.commit()
    echo(f"{'Begun' if is_new else 'Saved'}: {text.title} ({text.language})")


@appeal.command("end")
@language_option
@click.option("--outcome", default="", help="How it ended, for readers.")
def end_appeal(language: str, outcome: str) -> None:
    """End the running appeal of a language."""
    with write_session() as session:
        running = appeals.running_appeal(session, language, _today())
        if running is None:
            raise click.ClickException(f"No appeal is running in {language!r}")
        appeals.end_appeal(session, running, outcome=outcome, today=_today())
        title = running.title
        session.commit()
    echo(f"Ended: {title} ({language})")


def _print(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        echo("There is none yet")


def _amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _today() -> date:
    return london_day(utc_now())
