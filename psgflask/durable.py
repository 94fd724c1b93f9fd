"""Files that survive a power cut: written whole or not at all."""

import os
import threading
from pathlib import Path


def keep_on_disk(file: Path) -> None:
    """Wait until what is written of a file, or of a folder's list, would survive a power cut."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    with beside.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
    keep_on_disk(file.parent)
