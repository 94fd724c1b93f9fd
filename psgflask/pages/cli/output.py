"""What the commands for pages and appeals share: the transaction, and the commands of each kind."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import echo, print_json, print_table, write_session
from psgflask.pages.models import DRAFT, PUBLISHED
from psgflask.pages.publishing import PageRefused, Published

FILE = click.Path(path_type=Path)
language_option = click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True
)
revision_option = click.option(
    "--revision", "number", type=int, required=True, help="As `revisions` lists it."
)
draft_option = click.option("--draft", is_flag=True, help="Readers see it once it is published.")
other_language_option = click.option(
    "--anyway", is_flag=True, help="Although the text reads as another language."
)


@contextmanager
def transaction(file: Path | None = None) -> Iterator[Session]:
    """Give the session of one command; a refusal changes nothing and becomes a click error."""
    try:
        with write_session(file) as session:
            yield session
    except PageRefused as error:
        raise click.ClickException(f"{error}\nNothing was changed.") from error


def print_rows(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    """Print rows, by their keys, as a table or as JSON."""
    if as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        echo("There is none yet")


def lines_of_save(
    words: str, row: Published, *, name: str, group: str, newest: int, revision: int | None
) -> list[str]:
    """Return what to print of a save: how to undo it, or to publish what is not public."""
    lines = [words]
    if row.status == DRAFT:
        lines.append(f"It is a draft. To publish it: flask {group} publish {name}")
    elif row.status != PUBLISHED:
        lines.append(f"It stays withdrawn. To bring it back: flask {group} publish {name}")
    if newest > 1:
        lines.append(f"To undo: flask {group} restore {name} --revision {newest - 1}")
    if revision is not None:
        lines.append(f"Before you set this file again, write in it `revision: {newest}`")
    return lines
