"""Messages about what is written, in the transaction of the write."""

import sqlite3
from collections.abc import Sequence

from sagesse.core.error import ServiceError
from sagesse.core.outbox import SqliteOutbox
from sagesse.core.sqlite import Database
from sagesse.engines.objects.base import Change, Deleted, Deletion, ObjectInfo, Tell


class Teller:
    """The outbox of an index, and what goes into it; nothing where nobody is to be told.

    Args:
        database: the index.
    """

    def __init__(self, database: Database) -> None:
        self.outbox = SqliteOutbox(database)

    def stored(self, connection: sqlite3.Connection, tell: Tell | None, info: ObjectInfo) -> ObjectInfo:
        """An object was put under its name, or changed there."""
        if tell is not None:
            change = Change(info.key, self.outbox.next_number(connection), info)
            self.outbox.add(connection, tell(change))
        return info

    def deleted(
        self,
        connection: sqlite3.Connection,
        tell: Tell | None,
        deletions: Sequence[Deletion],
        outcomes: list[Deleted | ServiceError],
    ) -> list[Deleted | ServiceError]:
        """Objects or versions were deleted, as far as they were there."""
        if tell is not None:
            for deletion, outcome in zip(deletions, outcomes, strict=True):
                if isinstance(outcome, Deleted) and outcome.is_change:
                    is_new_marker = outcome.is_marker and deletion.version is None
                    number = self.outbox.next_number(connection)
                    change = Change(
                        deletion.key, number, version=outcome.version, is_new_marker=is_new_marker
                    )
                    self.outbox.add(connection, tell(change))
        return outcomes
