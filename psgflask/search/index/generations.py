"""Generations of the index: `index/g-<n>` is one, `index/current` names the one in force."""

import shutil
import time
from pathlib import Path

from psgflask.core.durable import atomic_write
from psgflask.search.index.protocol import IndexBroken

POINTER = "current"
PREFIX = "g-"


def current(folder: Path) -> Path:
    """Return the folder of the generation in force. Raises IndexBroken."""
    try:
        name = (folder / POINTER).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise IndexBroken(f"No generation is in force: {error}") from error
    if not name.startswith(PREFIX) or not name[len(PREFIX) :].isdigit():
        raise IndexBroken(f"{POINTER} names no generation: {name[:40]!r}")
    return folder / name


def begin(folder: Path) -> Path:
    """Make an empty folder for the next generation, and clear away what is not needed.

    The one in force stays, and so do older ones' files that readers have open (POSIX).
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = _named(folder)
    there = [int(path.name[len(PREFIX) :]) for path in (*_generations(folder), named) if path]
    # The clock has a say, so that a folder that was emptied gives no name a second time.
    new = folder / f"{PREFIX}{max(max(there, default=0) + 1, time.time_ns() // 1_000_000)}"
    remove_others(folder, named)
    new.mkdir()
    return new


def put_in_force(generation: Path) -> None:
    """Let everybody who opens the index from now on see this generation."""
    atomic_write(generation.parent / POINTER, f"{generation.name}\n".encode("ascii"))


def remove_others(folder: Path, *keep: Path | None) -> None:
    """Remove all generations but these."""
    for path in _generations(folder):
        if path not in keep:
            shutil.rmtree(path, ignore_errors=True)


def _named(folder: Path) -> Path | None:
    try:
        return current(folder)
    except IndexBroken:
        return None


def _generations(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"{PREFIX}*") if path.name[len(PREFIX) :].isdigit()]
