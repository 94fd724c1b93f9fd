"""Programs that read one file in a process with limits: what is in the file may be hostile.

As a module this starts such a program. Started itself, it sets the limits and becomes the program;
it imports nothing of the site.
"""

import contextlib
import resource
import runpy
import subprocess
import sys
from pathlib import Path

NO_READER = 3  # the exit code when that is not the file's fault: it may be tried again
LONGEST_SECONDS = 30.0


def run(program: Path, file: Path, *, megabytes: int, seconds: int) -> bytes | None:
    """Return what a program writes that reads a file from standard input.

    None when it was ended: after `seconds` of work, 30 of waiting, or for wanting more memory.
    Raises OSError where that is not the file's fault.
    """
    own = str(Path(__file__))
    with file.open("rb") as opened:
        try:
            # Isolated: neither our settings nor the folder that it is started in are its business.
            done = subprocess.run(  # noqa: S603  # our own program; the file is its input
                [sys.executable, "-I", own, str(program), str(megabytes), str(seconds)],
                stdin=opened,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode == NO_READER:
        raise OSError(f"What {program.stem} needs is not installed: no such file can be read")
    return done.stdout if done.returncode == 0 else None


def limit(megabytes: int, seconds: int) -> None:
    """Let this process neither eat the memory, nor work for long, nor write a file."""
    for what, most in (
        (resource.RLIMIT_AS, megabytes * 1_000_000),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system has each of them
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    limit(int(sys.argv[2]), int(sys.argv[3]))
    runpy.run_path(sys.argv[1], run_name="__main__")
