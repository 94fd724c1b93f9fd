"""A sandbox for programs that read one untrusted file: a subprocess with limits.

Imported, this module starts the subprocess. Run by its path, it is the subprocess: it sets the
limits and becomes the program; it imports nothing of the site.
"""

import contextlib
import importlib
import resource
import runpy
import subprocess
import sys
from pathlib import Path

NO_LIBRARY = 3  # exit code: the file is not to blame and may be tried again
TIMEOUT_SECONDS = 30.0


def run(
    program: Path, file: Path, *, kind: str, library: str, megabytes: int, seconds: int
) -> bytes | None:
    """Return the output of a program that reads a file from standard input.

    None when it was killed: after `seconds` of CPU time, 30 of waiting, or for too much memory.
    Raises OSError where the file is not to blame: `library`, without which the program reads no
    file of this `kind`, is not installed.
    """
    limits = (library, str(megabytes), str(seconds))
    with file.open("rb") as opened:
        try:
            # Isolated: it sees neither our environment nor the current folder.
            done = subprocess.run(  # noqa: S603  # our own program; the file is its input
                [sys.executable, "-I", str(Path(__file__)), str(program), *limits],
                stdin=opened,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode == NO_LIBRARY:
        raise OSError(f"No {kind} can be read: what reads it is not installed")
    return done.stdout if done.returncode == 0 else None


def limit(megabytes: int, seconds: int) -> None:
    """Limit this process's memory and CPU time, and forbid it to write files or core dumps."""
    for what, most in (
        (resource.RLIMIT_AS, megabytes * 1_000_000),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system has each of them
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    limit(int(sys.argv[3]), int(sys.argv[4]))
    try:
        importlib.import_module(sys.argv[2])
    except ImportError:
        sys.exit(NO_LIBRARY)
    runpy.run_path(sys.argv[1], run_name="__main__")
