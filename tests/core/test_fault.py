import errno
import os
import sqlite3

import pytest

from sagesse.core import fault


def system_error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


def database_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("database says so")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("failure", "kind", "status"),
    [
        (system_error(errno.ENOSPC), "full", 503),
        (system_error(errno.EDQUOT), "full", 503),
        (system_error(errno.EFBIG), "full", 503),
        (system_error(errno.EROFS), "read-only", 503),
        (system_error(errno.EMFILE), "busy", 503),
        (system_error(errno.EIO), "failing", 500),
        (database_error(sqlite3.SQLITE_FULL), "full", 503),
        (database_error(sqlite3.SQLITE_READONLY_DBMOVED), "read-only", 503),
        (database_error(sqlite3.SQLITE_BUSY_SNAPSHOT), "busy", 503),
        (database_error(sqlite3.SQLITE_IOERR_WRITE), "failing", 500),
        (database_error(sqlite3.SQLITE_CORRUPT_INDEX), "damaged", 500),
        (database_error(sqlite3.SQLITE_NOTADB), "damaged", 500),
    ],
    ids=str,
)
def test_a_fault_of_the_disk_is_known(failure: Exception, kind: str, status: int) -> None:
    found = fault.fault_of(failure)
    assert found is not None
    assert (found.kind, found.error().status) == (kind, status)
    assert "sagesse doctor" in found.text or "ry again" in found.text


@pytest.mark.parametrize(
    "failure",
    [
        system_error(errno.ENOENT),
        OSError("no number"),
        database_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        sqlite3.ProgrammingError("no code"),
        ValueError("x"),
    ],
    ids=str,
)
def test_what_the_disk_is_not_to_blame_for_is_no_fault(failure: Exception) -> None:
    assert fault.fault_of(failure) is None


def test_each_protocol_gets_its_own_code() -> None:
    found = fault.Fault("failing")
    assert [found.error(service).code for service in ("s3", "iam")] == ["InternalError", "InternalFailure"]
    assert {fault.Fault("full").error(service).code for service in ("s3", "iam")} == {"ServiceUnavailable"}


def test_the_message_says_where_and_why() -> None:
    failure = system_error(errno.ENOSPC)
    fault.at(failure, "/data/objects")
    fault.at(failure, "/elsewhere")
    found = fault.fault_of(failure)
    assert found is not None
    assert "(/data/objects, No space left on device)" in found.text


def test_a_file_that_the_system_names_is_told() -> None:
    found = fault.fault_of(system_error(errno.EROFS, "/data/records.db"))
    assert found is not None
    assert found.where == "/data/records.db"
