"""Make `.venv` and install one lock into it, only when the lock changed: `make` calls this.

Runs before anything is installed, and under a Python that may be too old: plain library only.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv"
PYTHON = VENV / "bin" / "python"
CONTAINS = {"run": ("run",), "test": ("test", "run"), "bench": ("bench", "test", "run")}


def stop(sentence: str) -> None:
    """Say in one line what to do, and end."""
    sys.exit(sentence)


def check_python() -> None:
    """Stop when this Python cannot carry the site."""
    if sys.version_info < OLDEST:
        stop(
            f"Python 3.11 or newer is needed, and this one is {sys.version.split()[0]}: install it,"
            " then name it, for example: make run PYTHON=python3.12"
        )
    try:
        import ensurepip  # noqa: F401  # Debian ships it in a package of its own
        import venv  # noqa: F401  # the same
    except ImportError:
        stop(
            "Python's venv module is missing: apt-get install python3-venv (or your system's name"
            " for it), then try again"
        )


def works(python: Path) -> bool:
    """Say whether the environment's Python still starts (it breaks when the system's moves)."""
    try:
        found = subprocess.run([python, "-c", "import pip"], capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0


def stamp_of(name: str) -> Path:
    """Return the file that remembers which lock was installed last."""
    return VENV / f".installed-{name}"


def install(name: str) -> None:
    """Bring `.venv` to what requirements/NAME.txt says."""
    lock = HERE / f"{name}.txt"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp_of(name).is_file() and stamp_of(name).read_text() == wanted and PYTHON.exists():
        return
    check_python()
    if not works(PYTHON):
        print("Making .venv ...", flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
        if made.returncode:
            stop("Could not make .venv: remove that folder, check python3-venv, then try again")
    print(f"Installing requirements/{name}.txt ...", flush=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    rules = ["--require-hashes", "--only-binary", ":all:", "--requirement", lock]
    if subprocess.run([*pip, *rules], check=False).returncode:
        stop("The packages could not be installed: read pip's last lines above, then try again")
    for contained in CONTAINS[name]:
        digest = hashlib.sha256((HERE / f"{contained}.txt").read_bytes()).hexdigest()
        stamp_of(contained).write_text(digest)


if __name__ == "__main__":
    install(sys.argv[1])
