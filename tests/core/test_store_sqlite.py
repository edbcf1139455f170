from pathlib import Path

from sagesse.core.record import Store
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import StoreSuite


class TestSqliteStore(StoreSuite):
    def open(self, folder: Path) -> Store:
        return SqliteStore(folder / "records.db")
