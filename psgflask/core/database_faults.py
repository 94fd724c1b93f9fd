"""Which fault keeps the database from being read or written, and what to do about it."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from psgflask.core import failures
from psgflask.core.database import database_file
from psgflask.core.owner import user_name
from psgflask.core.paths import BRING_BACK

MISSING, FULL, READ_ONLY = "missing", "full", "read-only"
LOCKED, DAMAGED, UNREACHABLE = "locked", "damaged", "unreachable"
# Less free space than this, in bytes, counts as none: SQLite needs some for its journal.
NO_SPACE_BELOW = 100_000


class Fault(NamedTuple):
    """A fault: its name, which holds no path; the same for operators; and what to do."""

    name: str
    text: str
    advice: str


def missing(file: Path) -> Fault:
    """Return the fault that there is no database file."""
    return Fault(MISSING, f"There is no database at {file}", BRING_BACK)


def diagnose(error: BaseException) -> Fault | None:
    """Return the fault that an error of the database comes from; None for any other error."""
    if failures.is_busy(error):
        return _locked(database_file())
    if failures.is_disk_full(error):
        return Fault(FULL, failures.NO_SPACE, failures.FREE_SPACE)
    if failures.is_damaged(error):
        return Fault(DAMAGED, failures.describe(error), "`flask doctor` says what to do")
    if failures.cannot_write(error) or failures.is_unreachable(error):
        return _of_file(database_file(), failures.describe(error))
    return None


def _locked(file: Path | None) -> Fault:
    text = "Another program holds the database's lock, so that nothing can be saved"
    names_it = f" (`lsof {file}` names it)" if file else ""
    return Fault(LOCKED, text, f"End that program, such as a sqlite3 shell left open{names_it}")


def _of_file(file: Path | None, reason: str) -> Fault:
    """Return why a database file cannot be opened or written: SQLite says the same of much."""
    if file is None:
        return Fault(READ_ONLY, reason, failures.CHECK_FILE)
    if not file.parent.is_dir() or not file.exists():
        return missing(file)
    folder = file.parent
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        text = f"The disk of {folder} is mounted read-only ({reason})"
        advice = "Look into the kernel's log (dmesg), then `mount -o remount,rw`"
        return Fault(READ_ONLY, text, advice)
    if shutil.disk_usage(folder).free < NO_SPACE_BELOW:
        return Fault(FULL, failures.NO_SPACE, failures.FREE_SPACE)
    for path in (folder, file):
        if not os.access(path, os.R_OK | os.W_OK):
            text = f"{user_name(os.geteuid())} may not read and write {path} ({reason})"
            advice = f"As root: chown -R {user_name(folder.stat().st_uid)}: {folder}"
            return Fault(READ_ONLY, text, f"{advice}; chmod -R u+rwX {folder}")
    if "readonly" in reason:
        return Fault(READ_ONLY, f"{file} may only be read ({reason})", failures.CHECK_FILE)
    return Fault(UNREACHABLE, f"Cannot be examined: {reason}", failures.CHECK_FILE)
