"""Failures are classified, and described without personal data."""

import errno
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from psgflask.core import failures
from psgflask.members.erasure import ErasedListUnreadable


def of_sqlite(file: Path, *statements: str) -> sqlite3.Error:
    """Return the error of the last statement."""
    *first, last = statements
    with closing(sqlite3.connect(file)) as connection:
        for statement in first:
            connection.execute(statement)
        with pytest.raises(sqlite3.Error) as raised:
            connection.execute(last)
    return raised.value


@pytest.fixture
def full(tmp_path: Path) -> sqlite3.Error:
    """The error of a database that has reached its maximum size."""
    return of_sqlite(
        tmp_path / "full",
        *("CREATE TABLE t (x)", "PRAGMA max_page_count=2"),
        "INSERT INTO t VALUES (zeroblob(100000))",
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_r4_a_full_disk_and_an_exceeded_quota_are_recognised(number: int) -> None:
    error = OSError(number, os.strerror(number), "file")
    assert failures.is_disk_full(error)
    assert failures.describe(error) == failures.NO_SPACE
    assert "Make room" in failures.advice(error)


def test_r4_a_full_database_is_recognised_wrapped_or_not(full: sqlite3.Error) -> None:
    for error in (full, OperationalError("INSERT", {}, full)):
        assert failures.is_disk_full(error)
        assert failures.cannot_write(error)
        assert failures.describe(error) == failures.NO_SPACE


def test_a_read_only_file_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "one").close()
    readonly = of_sqlite(tmp_path / "one", "PRAGMA query_only=ON", "CREATE TABLE t (x)")
    for error in (readonly, PermissionError(errno.EACCES, "Permission denied", "x")):
        assert not failures.is_disk_full(error)
        assert failures.cannot_write(error)
        assert "rights" in failures.advice(error)


def test_other_errors_are_not_write_failures() -> None:
    for error in (ValueError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x")):
        assert not failures.cannot_write(error)
        assert "log" in failures.advice(error)


def test_s22_only_the_name_of_an_arbitrary_error_is_described() -> None:
    broken = sqlite3.IntegrityError("UNIQUE constraint failed: people.number")
    assert failures.describe(ValueError("maria@example.org")) == "ValueError"
    assert failures.describe(ErasedListUnreadable("erased.txt, line 2: not a moment")) == (
        "erased.txt, line 2: not a moment"
    )
    assert failures.describe(IntegrityError("INSERT", {"email": "maria"}, broken)) == str(broken)
    assert failures.describe(PermissionError(13, "Permission denied", "/x/maria@example.org")) == (
        "Permission denied: ..."
    )


def test_a_description_is_one_line_of_bounded_length() -> None:
    told = failures.describe(ErasedListUnreadable("a\n\x1b[31mb" + "c" * 1000))
    assert told.isprintable()
    assert len(told) == failures.MAX_LENGTH


@pytest.mark.parametrize(
    "code",
    [
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CANTOPEN_ISDIR, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_IOERR_NOMEM, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_LOCK),
        *(sqlite3.SQLITE_IOERR_ACCESS, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_FULL),
    ],
)
def test_an_unreachable_file_is_not_reported_as_damaged(code: int) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = code
    assert not failures.is_damaged(error)
    assert not failures.is_damaged(OperationalError("SELECT", {}, error))
    assert failures.is_unreachable(error) is (code != sqlite3.SQLITE_FULL)


@pytest.mark.parametrize(
    "code",
    [
        *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT_INDEX, sqlite3.SQLITE_NOTADB),
        *(sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ),
    ],
)
def test_unreadable_content_is_damage(code: int) -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = code
    assert failures.is_damaged(error)


def test_a_busy_database_is_logged_in_one_line_and_a_bug_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    busy = OperationalError("BEGIN", {}, sqlite3.OperationalError("database is locked"))
    for error in (busy, KeyError("x")):
        failures.log_failure(logging.getLogger("psgflask"), "A task failed", error)
    assert [record.exc_info is None for record in caplog.records] == [True, False]
    assert "locked" in caplog.records[0].message
