"""`flask pages`: list, show, set, publish and withdraw standing pages, and go back."""

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
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
from psgflask.pages import publishing, standing_pages
from psgflask.pages.cli.appeals import appeal
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
from psgflask.pages.models import Page
from psgflask.web import languages

pages = AppGroup("pages", help="The standing pages, such as the aims or the contact.")
pages.add_command(appeal)


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
                "state": page.status,
                "version": page.version,
                "title": page.title,
            }
            for page in found
        ]
    print_rows(rows, as_json)


@pages.command()
@click.argument("slug")
@language_option
@click.option("--revision", type=int, help="As this revision has it.")
def show(slug: str, language: str, revision: int | None) -> None:
    """Show the page SLUG as the file that `flask pages set` takes."""
    with read_session() as session:
        page = _find(session, slug, language)
        if revision is None:
            newest = publishing.newest_number(session, page)
            print_file(standing_pages.page_as_markdown(page, newest))
        else:
            former = Page(**publishing.find_revision(session, page, revision))
            print_file(standing_pages.page_as_markdown(former))


@pages.command("set")
@click.argument("file", type=FILE)
@draft_option
@other_language_option
@version_option
@by_option
def set_page(file: Path, draft: bool, anyway: bool, version: int | None, by: str) -> None:
    """Put the page that FILE holds in place of the one of its slug and language.

    A new page is public at once, unless it is a draft; one that is there keeps its state.
    """
    with transaction(file) as session:
        text = standing_pages.read_page(file, check_language=not anyway)
        page, is_new = standing_pages.set_page(
            session, text, by=by, now=utc_now(), draft=draft, version=version
        )
        newest = publishing.newest_number(session, page)
        lines = lines_of_save(
            f"{'Added' if is_new else 'Saved'}: {_address(page)}",
            page,
            name=_name(page),
            group="pages",
            newest=newest,
            revision=text.revision,
        )
        session.commit()
    echo("\n".join(lines))


@pages.command()
@click.argument("slug")
@language_option
@by_option
def publish(slug: str, language: str, by: str) -> None:
    """Make the page SLUG public: a draft, or one that was withdrawn."""
    with transaction() as session:
        page = _find(session, slug, language)
        publishing.publish(session, page, by=by, now=utc_now())
        address = _address(page)
        session.commit()
    echo(f"Published: {address}")


@pages.command()
@click.argument("slug")
@language_option
@yes_option
@by_option
def withdraw(slug: str, language: str, yes: bool, by: str) -> None:
    """Take the page SLUG from the public; its address says that it is gone."""
    with read_session() as session:
        page = _find(session, slug, language)
        title, page_id, name = page.title, page.id, _name(page)
    # Outside the transaction: nobody else must wait for the answer.
    if not yes:
        confirm(f"Withdraw ‘{title}’?")
    with transaction() as session:
        page = session.get_one(Page, page_id)
        standing_pages.withdraw(session, page, by=by, now=utc_now())
        session.commit()
    echo(f"Withdrawn. To bring it back: flask pages publish {name}")


@pages.command()
@click.argument("slug")
@language_option
@yes_option
def delete(slug: str, language: str, yes: bool) -> None:
    """Delete the page SLUG, which was never public, with its revisions: for good."""
    with read_session() as session:
        page = _find(session, slug, language)
        title, page_id = page.title, page.id
    if not yes:
        confirm(f"Delete ‘{title}’? Only a backup has it then")
    with transaction() as session:
        publishing.delete(session, session.get_one(Page, page_id))
        session.commit()
    echo(f"Deleted: {title}")


@pages.command()
@click.argument("slug")
@language_option
@json_option
def revisions(slug: str, language: str, as_json: bool) -> None:
    """List the revisions of the page SLUG: who saved what, and when."""
    with read_session() as session:
        page = _find(session, slug, language)
        saves, name = publishing.saves(session, page), _name(page)
    print_revisions(saves, as_json)
    if not as_json:
        echo(f"To go back to one: flask pages restore {name} --revision N")


@pages.command()
@click.argument("slug")
@language_option
@revision_option
@version_option
@by_option
def restore(slug: str, language: str, number: int, version: int | None, by: str) -> None:
    """Make the page SLUG say again what one of its revisions has; its state stays."""
    with transaction() as session:
        page = _find(session, slug, language)
        changed = publishing.restore(session, page, number, by=by, now=utc_now(), version=version)
        newest, name = publishing.newest_number(session, page), _name(page)
        session.commit()
    echo(f"Restored as in revision {number}: {', '.join(changed) or 'nothing differed'}")
    echo(f"To undo: flask pages restore {name} --revision {newest - 1}")


def _find(session: Session, slug: str, language: str) -> Page:
    page = standing_pages.find(session, slug, language)
    if page is None:
        raise click.ClickException(f"There is no page {slug!r} in {language!r}")
    return page


def _name(page: Page) -> str:
    """Return a page's name in commands: its slug, with the language where it is not English."""
    return page.slug if page.language == "en" else f"{page.slug} --language {page.language}"


def _address(page: Page) -> str:
    return languages.address("pages.page", language=page.language, external=True, slug=page.slug)
