"""Finds a Chromium for the browser tests; run as a command, it also tries to get one.

The first way that works is taken: one already there, Debian's package (as root), Playwright's own
download. Without any, the browser tests are skipped and `make test` says so in its last line.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser under test calls nobody: no updates, no accounts, no safe-browsing lists.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)


def arguments() -> list[str]:
    """Return Chromium's switches; as root it cannot build its sandbox."""
    return [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def find(playwright: Playwright) -> str | None:
    """Return the path of a browser that is there, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        if path := shutil.which(name):
            return path
    own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


def _get() -> None:
    """Install a browser by the first way that works."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        if subprocess.run(install, env=quiet, check=False).returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Say which browser the tests will use, after trying to get one."""
    with sync_playwright() as playwright:
        found = find(playwright)
        if not found:
            print("No Chromium here; trying to get one ...", flush=True)
            _get()
            found = find(playwright)
    print(f"Browser tests use {found}" if found else "No Chromium could be had: browser tests skip")


if __name__ == "__main__":
    main()
