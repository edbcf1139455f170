"""DuckDB, closed up: in memory, one thread, no files but the one it is given, no extensions, no settings."""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from sagesse.core.error import ServiceError
from sagesse.engines.select._value import MARK
from sagesse.engines.select.error import detailed, refusal

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": "1",
    "memory_limit": "1GB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_BATCH = 10_000
_MARKED = re.compile(rf"{MARK}(\w+)\|(.*)", re.DOTALL)


class Database:
    """A connection for one selection; used by one thread, but for `stop`.

    Args:
        file: what may be read, which takes a database of its own; None: nothing, and the database is shared.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._connection = _shared().cursor() if file is None else _closed_up(file)
        self._is_parquet = file is not None

    def rows(self, sql: str, parameters: dict[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, in batches.

        Raises:
            ServiceError: what is wrong with the expression or the object.
        """
        try:
            found = self._connection.execute(sql, parameters)
            while batch := found.fetchmany(_BATCH):
                yield batch
        except duckdb.Error as error:
            if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
                _shared.cache_clear()  # this database may be lost; the next selections get another
            raise _refusal(error, is_parquet=self._is_parquet) from error
        except UnicodeEncodeError:
            raise refusal("InvalidTextEncoding") from None

    def run(self, sql: str, parameters: dict[str, Any]) -> None:
        """Run a query that yields nothing."""
        for _ in self.rows(sql, parameters):
            pass

    def stop(self) -> None:
        """Interrupt what is running; for other threads."""
        with suppress(duckdb.ConnectionException):  # it is closed already
            self._connection.interrupt()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    """The database of all who read text: a new one costs more than a small selection."""
    return _closed_up(None)


def _closed_up(file: Path | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CONFIG)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if file is not None:
        connection.execute("SET allowed_paths = [$path]", {"path": str(file)})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _refusal(error: duckdb.Error, *, is_parquet: bool) -> ServiceError:
    """What the client is told; the words of the engine are shown where they are about the object."""
    text = str(error).partition("\n")[0]
    if found := _MARKED.search(str(error)):
        return detailed(found[1], found[2].partition("\n")[0])
    if "Malformed JSON" in text:
        return detailed("JSONParsingError", text.partition("Malformed JSON")[2].strip())
    match error:
        case duckdb.ConversionException():
            return detailed("CastFailed", text.partition(": ")[2])
        case duckdb.OutOfRangeException():
            return refusal("IntegerOverflow")
        case duckdb.OutOfMemoryException():
            return detailed("ExternalEvalException", "it needs too much memory")
        case _ if is_parquet and not isinstance(error, (duckdb.BinderException, duckdb.ParserException)):
            return refusal("ParquetParsingError")
        case _:
            return detailed("ExternalEvalException", type(error).__name__)
