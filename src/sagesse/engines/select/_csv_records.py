"""Records of delimited text: quotes are taken off here, so that the engine only has to split."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from sagesse.engines.select._block import LONGEST_RECORD, Block, lines
from sagesse.engines.select.base import CsvInput
from sagesse.engines.select.error import refusal

_SEPARATORS = "\x1e\x1f\x1d\x1c" + "".join(map(chr, range(0xE000, 0xE100)))


class CsvRecords:
    """Reads delimited text.

    Args:
        form: how it is written.
    """

    def __init__(self, form: CsvInput) -> None:
        self._form = form
        self._field = _field_pattern(form)
        self._escaped = re.compile(f"{re.escape(form.escape)}([{re.escape(form.quote + form.escape)}])")

    def blocks(self, pieces: Iterable[str]) -> Iterator[Block]:
        """The records; blank ones and comments are left out.

        Raises:
            ServiceError: CSVUnescapedQuote, OverMaxRecordSize.
        """
        form = self._form
        rest: list[str] = []
        for text in lines(pieces, form.record_delimiter):
            if not rest and (not form.quote or form.quote not in text):
                yield self._plain(text)
                continue
            records = [*rest, *text.split(form.record_delimiter)]
            rest = []
            if form.has_quoted_delimiters:
                records, rest = self._joined(records)
            yield self._quoted(records)
        if rest:
            yield self._quoted([form.record_delimiter.join(rest)])

    def header(self, pieces: Iterator[str]) -> tuple[list[str], Iterator[str]]:
        """The fields of the first record, and the text behind it.

        Raises:
            ServiceError: CSVUnescapedQuote, OverMaxRecordSize.
        """
        delimiter = self._form.record_delimiter
        parts: list[str] = []
        is_open = False
        rest = ""
        for piece in pieces:
            rest += piece
            start = 0
            while (end := rest.find(delimiter, start)) >= 0:
                parts.append(rest[start:end])
                start = end + len(delimiter)
                is_open ^= self._form.has_quoted_delimiters and self._closes(parts[-1])
                if is_open:
                    continue
                record = self._without_return(delimiter.join(parts))
                if self._counts(record):
                    return self.fields(record), chain((rest[start:],), pieces)
                parts.clear()
            rest = rest[start:]
            if len(rest) + sum(map(len, parts)) > LONGEST_RECORD:
                raise refusal("OverMaxRecordSize")
        return self.fields(self._without_return(delimiter.join((*parts, rest)))), iter(())

    def fields(self, record: str) -> list[str]:
        """The fields of one record.

        Raises:
            ServiceError: CSVUnescapedQuote.
        """
        form = self._form
        if not form.quote or form.quote not in record:
            return record.split(form.field_delimiter)
        fields: list[str] = []
        position = 0
        while True:
            found = self._field.match(record, position)
            if found is None:
                hint = "" if form.has_quoted_delimiters else " (or AllowQuotedRecordDelimiter is needed)"
                raise refusal(
                    "CSVUnescapedQuote",
                    f"Encountered an error parsing the CSV file: a quote is not closed or not escaped{hint}: "
                    f"{record[position : position + 80]!r}. Check the file and try again.",
                )
            quoted, plain, end = found.groups()
            fields.append(plain if quoted is None else self._escaped.sub(r"\1", quoted))
            position = found.end()
            if not end:
                return fields

    def _plain(self, text: str) -> Block:
        """Records without quotes, mostly as they are."""
        form = self._form
        delimiter = form.record_delimiter
        if delimiter == "\n" and "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        starts = (delimiter, form.comment) if form.comment else (delimiter,)
        if not text or any(text.startswith(start) or delimiter + start in text for start in starts):
            kept = [record for record in text.split(delimiter) if self._counts(record)]
            text = delimiter.join(kept)
        return Block(text or None, delimiter, form.field_delimiter)

    def _quoted(self, records: list[str]) -> Block:
        rows = self._rows([record for record in map(self._without_return, records) if self._counts(record)])
        if not rows:
            return Block(None)
        together = "".join(map("".join, rows))
        free = (separator for separator in _SEPARATORS if separator not in together)
        record, field = next(free, "\uffff\ufffe"), next(free, "\ufffe\uffff")
        return Block(record.join(map(field.join, rows)), record, field)

    def _rows(self, records: list[str]) -> list[list[str]]:
        """The fields of records: by Python's own reader where it can, which must find as many as there are."""
        form = self._form
        if form.escape == form.quote and len(form.field_delimiter) == 1:
            try:
                rows = list(
                    csv.reader(records, delimiter=form.field_delimiter, quotechar=form.quote, strict=True)
                )
            except (csv.Error, TypeError, ValueError):  # what it says is not what clients are told
                rows = []
            if len(rows) == len(records):
                return rows
        return [self.fields(record) for record in records]

    def _joined(self, records: list[str]) -> tuple[list[str], list[str]]:
        """Records whose quotes are closed, and the parts of the last one if they are not."""
        whole: list[str] = []
        open_parts: list[str] = []
        for record in records:
            if self._closes(record):
                if open_parts:
                    whole.append(self._form.record_delimiter.join((*open_parts, record)))
                    open_parts = []
                else:
                    open_parts.append(record)
            elif open_parts:
                open_parts.append(record)
            else:
                whole.append(record)
        if sum(map(len, open_parts)) > LONGEST_RECORD:
            raise refusal("OverMaxRecordSize")
        return whole, open_parts

    def _closes(self, record: str) -> bool:
        """Whether a quote is opened or closed here: their number is odd."""
        form = self._form
        count = record.count(form.quote) if form.quote else 0
        if count and form.escape != form.quote:
            count -= record.count(form.escape + form.quote)
        return count % 2 == 1

    def _without_return(self, record: str) -> str:
        """A carriage return before a line feed is no part of the record."""
        return record.removesuffix("\r") if self._form.record_delimiter == "\n" else record

    def _counts(self, record: str) -> bool:
        return bool(record) and not (self._form.comment and record.startswith(self._form.comment))


def _field_pattern(form: CsvInput) -> re.Pattern[str]:
    """A field and what ends it."""
    quote, escape, delimiter = map(re.escape, (form.quote, form.escape, form.field_delimiter))
    inner = f"(?:[^{quote}]|{quote}{quote})*+" if quote == escape else f"(?:[^{quote}{escape}]|{escape}.)*+"
    if not quote:
        inner = "(?!)"
    plain = f"(?!{quote})" if quote else ""
    return re.compile(
        f"(?:{quote}({inner}){quote}|({plain}(?:(?!{delimiter}).)*))({delimiter}|\\Z)", re.DOTALL
    )
