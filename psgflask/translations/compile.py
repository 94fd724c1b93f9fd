"""Compiles the message catalogues: by `make` in a checkout, by hatchling when it builds the wheel.

Loaded by path in both cases, so that it needs Babel alone and not the application.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent


def compile_all(folder: Path = HERE) -> list[Path]:
    """Write messages.mo beside each messages.po that is newer; return what was written."""
    written = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as lines:
            catalogue = read_po(lines, locale=source.parent.parent.name)
        # Under a name of this process, then moved: others may compile or read at the same time.
        unfinished = target.with_suffix(f".{os.getpid()}.mo")
        with unfinished.open("wb") as compiled:
            write_mo(compiled, catalogue)
        unfinished.replace(target)
        written.append(target)
    return written


def get_build_hook() -> "type[BuildHookInterface[Any]]":
    """Give hatchling the step that compiles before the wheel is packed."""
    # Not at the top: hatchling is there only while a wheel is built.
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class CompileTranslations(BuildHookInterface[Any]):
        """Compile the catalogues, so that the wheel carries them ready."""

        PLUGIN_NAME = "translations"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Run before the files are collected."""
            compile_all()

    return CompileTranslations


if __name__ == "__main__":
    compile_all()
