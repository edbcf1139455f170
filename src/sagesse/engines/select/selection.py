"""Runs a selection over an object, block by block. Needs the extra ``sql``."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeAlias

from sagesse.engines.select._block import LONGEST_RECORD, Block, in_range, texts
from sagesse.engines.select._csv_records import CsvRecords
from sagesse.engines.select._csv_source import CsvSource
from sagesse.engines.select._database import Database
from sagesse.engines.select._decompress import decompressed
from sagesse.engines.select._json_records import document_blocks, line_blocks
from sagesse.engines.select._json_source import JsonSource
from sagesse.engines.select._parquet_source import EVERY_ROW, GROUPS, ParquetSource, rows_in_range
from sagesse.engines.select._parse import parse_statement
from sagesse.engines.select._plan import plan
from sagesse.engines.select.base import CsvInput, JsonInput, ParquetInput, Progress, Query, Readable
from sagesse.engines.select.error import refusal

_TextSource: TypeAlias = CsvSource | JsonSource


class Selection:
    """One selection. All but `stop` is for one thread at a time.

    Args:
        query: what is asked; its expression is read at once.
        source: the object.

    Raises:
        ServiceError: the expression is refused.
    """

    def __init__(self, query: Query, source: Readable) -> None:
        self.progress = Progress()
        self._query = query
        self._statement = parse_statement(query.expression)
        self._object = source
        self._left = self._statement.limit
        self._database: Database | None = None

    def records(self) -> Iterator[bytes]:
        """The records as they are to be sent, whole ones at a time; empty where a block had none.

        Raises:
            ServiceError: what is wrong with the expression or the object.
        """
        with ExitStack() as held:
            is_text = not isinstance(self._query.input, ParquetInput)
            for text in self._blocks(held) if is_text else self._parquet(held):
                data = text.encode("utf-8", "replace")
                self.progress.returned += len(data)
                yield data

    def stop(self) -> None:
        """End soon what is running now; for other threads."""
        if self._database is not None:
            self._database.stop()

    def _blocks(self, held: ExitStack) -> Iterator[str]:
        source, blocks = self._text()
        asked = plan(self._statement, source, self._query.output)
        self._database = database = held.enter_context(closing(Database()))
        if asked.total:
            database.run(f"CREATE TEMP TABLE partial AS {asked.block}", source.parameters(Block(None)))
        for block in blocks if self._left != 0 else ():
            yield ""
            if block.text is None:
                continue
            parameters = source.parameters(block)
            if asked.total:
                database.run(f"INSERT INTO partial {asked.block}", parameters)
                continue
            yield from self._rows(database.rows(asked.block, parameters))
            if self._left == 0:
                return
        if asked.total:
            yield from self._rows(database.rows(asked.total, {}))

    def _parquet(self, held: ExitStack) -> Iterator[str]:
        path = held.enter_context(self._object.file())
        self._database = database = held.enter_context(closing(Database(path)))
        file = {"path": str(path)}
        described = database.rows("DESCRIBE SELECT * FROM read_parquet($path)", file)
        columns = [(str(column[0]), str(column[1])) for batch in described for column in batch]
        relation, size_bytes = EVERY_ROW, self._object.size_bytes
        if self._query.scan is not None:
            groups = [group for batch in database.rows(GROUPS, file) for group in batch]
            relation, size_bytes = rows_in_range(groups, columns, self._query.scan)
        asked = plan(self._statement, ParquetSource(self._statement, columns, relation), self._query.output)
        self.progress.scanned = self.progress.processed = size_bytes
        if not asked.total:
            yield from self._rows(database.rows(asked.block, file))
            return
        database.run(f"CREATE TEMP TABLE partial AS {asked.block}", file)
        yield from self._rows(database.rows(asked.total, {}))

    def _rows(self, batches: Iterator[list[tuple[Any, ...]]]) -> Iterator[str]:
        """The records of a query, no more than the limit."""
        for batch in batches:
            records: list[str] = [record for (record,) in batch[: self._left]]
            if max(map(len, records), default=0) > LONGEST_RECORD:
                raise refusal("OverMaxRecordSize")
            if self._left is not None:
                self._left -= len(records)
            yield "".join(records)
            if self._left == 0:
                return

    def _text(self) -> tuple[_TextSource, Iterator[Block]]:
        match self._query.input:
            case CsvInput() as form:
                return self._csv(form)
            case JsonInput(is_document=True):
                return JsonSource(self._statement), document_blocks(self._pieces())
            case _:
                return JsonSource(self._statement), line_blocks(self._pieces("\n"))

    def _csv(self, form: CsvInput) -> tuple[_TextSource, Iterator[Block]]:
        reader = CsvRecords(form)
        pieces = self._pieces(form.record_delimiter)
        is_whole = self._query.scan is None or self._query.scan.start == 0
        if form.header == "NONE" or (form.header == "IGNORE" and not is_whole):
            return CsvSource(self._statement, None), reader.blocks(pieces)
        if is_whole:
            header, pieces = reader.header(pieces)
        else:
            header, _ = reader.header(texts(self._object.chunks(0)))
        return CsvSource(self._statement, header if form.header == "USE" else None), reader.blocks(pieces)

    def _pieces(self, delimiter: str = "") -> Iterator[str]:
        """The object's text, or that of the records in range."""
        scan = self._query.scan
        if scan is None:
            return texts(decompressed(self._object.chunks(0), self._query.compression, self.progress))
        end = delimiter.encode()
        offset = max(0, scan.start - len(end))
        chunks = in_range(self._object.chunks(offset), scan, offset=offset, delimiter=end)
        return texts(decompressed(chunks, "NONE", self.progress))
