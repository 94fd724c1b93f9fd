"""What commands print: tables for people, JSON for machines; and who runs them."""

import getpass
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

WIDTH_OF_A_FILE = 160  # characters, where output goes to no terminal


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns, as wide as the terminal is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        # Text, or a title such as "[Draft] Budget" would be read as a style.
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE).print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, accents as they are."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def user_name() -> str:
    """Return who runs this command, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"user {os.getuid()}"
