"""The worker process that writes sorted runs, one after the other, until its standard input ends.

Started by `worker_pool`, by its path. It needs five modules of the site, and not the second that
it takes to import all of it: so their packages are made here, empty.
"""

import os
import pickle
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import IO

DONE = b"\n"
LENGTH = 8  # bytes
NICE = 10  # pages are served first


def framed(content: bytes) -> bytes:
    """Return content with its length before it, as the worker process reads it."""
    return len(content).to_bytes(LENGTH, "little") + content


def received(stream: IO[bytes]) -> bytes | None:
    """Return the next content; None when the input has ended, be it in the middle."""
    length = int.from_bytes(stream.read(LENGTH), "little")
    content = stream.read(length)
    return content if length and len(content) == length else None


def make_packages() -> None:
    """Make the packages of the modules that are needed, empty."""
    folder = Path(__file__).resolve().parent
    for name in ("psgflask.search.index", "psgflask.search", "psgflask"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(folder)]
        folder = folder.parent


def main() -> None:
    """Write the requested runs; reply once each is written whole."""
    # Ctrl-C is for the rebuild, which ends this process by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    make_packages()
    from psgflask.search.index import inverting, runs

    while (content := received(sys.stdin.buffer)) is not None:
        file, documents = pickle.loads(content)  # noqa: S301  # from the process that started this
        runs.write(file, inverting.inverted(documents))
        try:
            os.write(sys.stdout.fileno(), DONE)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
