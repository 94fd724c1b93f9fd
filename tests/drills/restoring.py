"""Restores by the written page: the commands that docs/operating.md has under "Restore"."""

import hashlib
import os
import shlex
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from flask.cli import FlaskGroup

from psgflask import create_app
from tests.benchmarks.servers import ROOT

PAGE = ROOT / "docs/operating.md"
# What the page writes in their place.
INSTANCE, BACKUP, NEWER = "/var/lib/psgflask", "/somewhere/2026-12-01T034510Z.tar.gz", "NEWER.tar"


@dataclass(frozen=True)
class Done:
    """How a command ended, and all that it said."""

    returncode: int
    stdout: str


def lines_of_page(containing: str) -> list[str]:
    """Return the commands of the section "Restore" that contain some words, in order."""
    section = PAGE.read_text("utf-8").split("\n## Restore\n")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    return [line for line in lines if containing in line]


def run_line(line: str, instance: Path, **places: Path) -> Done:
    """Run a command of the page on an instance; `places` are what its capitals stand for."""
    words = shlex.split(line, comments=True)
    user = words.index("-u") + 2 if "-u" in words else 0
    before = words[: words.index("psgflask", user)]  # and sudo, with whom it runs as
    environment = dict(word.split("=", 1) for word in before if "=" in word)
    names = {INSTANCE: str(instance), **{name: str(path) for name, path in places.items()}}
    names[BACKUP] = names.get("FILE", BACKUP)
    arguments = [names.get(word, word) for word in words[len(before) + 1 :]]
    if environment.get("PSG_INSTANCE", INSTANCE) != INSTANCE:
        raise ValueError(f"the page has another instance: {line}")
    return psgflask(instance, *arguments)


def restore(backup: Path, instance: Path) -> Done:
    """Restore a backup as the page's first command does."""
    return run_line(lines_of_page("psgflask restore")[0], instance, FILE=backup)


def psgflask(instance: Path, *words: str) -> Done:
    """Run a command of the site in a process of its own, which need not import it anew."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.environ["PSG_INSTANCE"] = str(instance)
            os._exit(_exit_code(words))
        _pid, status = os.waitpid(child, 0)
        output.seek(0)
        return Done(os.waitstatus_to_exitcode(status), output.read().decode())


def _exit_code(words: Sequence[str]) -> int:
    code = 1
    try:
        FlaskGroup(create_app=create_app).main(args=list(words), prog_name="psgflask")
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file beneath a folder, by its name."""
    found: dict[str, str] = {}
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            found[file.relative_to(folder).as_posix()] = digest
    return found


def table_hashes(database: Path) -> dict[str, tuple[int, int]]:
    """Return of each table the number of its rows, and a sum of their hashes."""
    found: dict[str, tuple[int, int]] = {}
    with closing(sqlite3.connect(database)) as opened:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        for (name,) in opened.execute(tables).fetchall():
            rows = opened.execute(f'SELECT * FROM "{name}"')
            each = [int.from_bytes(hashlib.sha256(repr(row).encode()).digest()) for row in rows]
            found[name] = (len(each), sum(each))
    return found
