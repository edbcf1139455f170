"""What a SelectObjectContent request asks, checked member by member."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from sagesse.core.error import ServiceError
from sagesse.core.service import Params
from sagesse.engines.select.base import (
    Compression,
    CsvInput,
    CsvOutput,
    Header,
    Input,
    JsonInput,
    JsonOutput,
    Output,
    ParquetInput,
    Query,
    ScanRange,
)

T = TypeVar("T")
_HEADERS, _COMPRESSIONS = get_args(Header), get_args(Compression)
_JSON_TYPES = ("DOCUMENT", "LINES")
_QUOTES = ("ASNEEDED", "ALWAYS")
_LONGEST_DELIMITER = 2


def query_of(req: Params, size_bytes: int) -> Query:
    """The selection a request asks of an object of this size.

    Raises:
        ServiceError: InvalidExpressionType, MissingRequiredParameter, ObjectSerializationConflict, Invalid...,
            UnsupportedScanRangeInput.
    """
    if req["ExpressionType"] != "SQL":
        raise _refusal(
            "InvalidExpressionType", "The ExpressionType is not valid. Only SQL expressions are supported."
        )
    form: Mapping[str, Any] = req["InputSerialization"]
    source = _input(form)
    compression = _one_of(
        form,
        "CompressionType",
        _COMPRESSIONS,
        "InvalidCompressionFormat",
        "The file is not in a supported compression format. Only NONE, GZIP, and BZIP2 are supported.",
    )
    if isinstance(source, ParquetInput) and compression != "NONE":
        raise _refusal(
            "InvalidCompressionFormat", "Parquet is compressed inside the file: CompressionType must be NONE."
        )
    return Query(
        expression=str(req["Expression"]),
        input=source,
        output=_output(req["OutputSerialization"]),
        compression=compression,
        scan=_scan(req.get("ScanRange"), source, compression, size_bytes),
    )


def _input(form: Mapping[str, Any]) -> Input:
    match _only(form, "InputSerialization", ("CSV", "JSON", "Parquet")):
        case "CSV":
            return _csv_input(form["CSV"])
        case "JSON":
            message = "The JsonType is not valid. Only DOCUMENT and LINES are supported."
            if "Type" not in form["JSON"]:
                raise _refusal("InvalidJsonType", message)
            kind = _one_of(form["JSON"], "Type", _JSON_TYPES, "InvalidJsonType", message)
            return JsonInput(is_document=kind == "DOCUMENT")
        case _:
            return ParquetInput()


def _csv_input(form: Mapping[str, Any]) -> CsvInput:
    message = "The FileHeaderInfo is not valid. Only NONE, USE, and IGNORE are supported."
    csv = CsvInput(
        header=_one_of(form, "FileHeaderInfo", _HEADERS, "InvalidFileHeaderInfo", message),
        comment=_character(form, "Comments", "#", may_be_empty=True),
        quote=_character(form, "QuoteCharacter", '"', may_be_empty=True),
        escape=_character(form, "QuoteEscapeCharacter", '"'),
        field_delimiter=_delimiter(form, "FieldDelimiter", ","),
        record_delimiter=_delimiter(form, "RecordDelimiter", "\n"),
        has_quoted_delimiters=bool(form.get("AllowQuotedRecordDelimiter")),
    )
    _check_apart(csv)
    return csv


def _output(form: Mapping[str, Any]) -> Output:
    if _only(form, "OutputSerialization", ("CSV", "JSON")) == "JSON":
        return JsonOutput(_delimiter(form["JSON"], "RecordDelimiter", "\n"))
    members: Mapping[str, Any] = form["CSV"]
    message = "The QuoteFields is not valid. Only ALWAYS and ASNEEDED are supported."
    return CsvOutput(
        quotes_all=_one_of(members, "QuoteFields", _QUOTES, "InvalidQuoteFields", message) == "ALWAYS",
        quote=_character(members, "QuoteCharacter", '"', may_be_empty=True),
        escape=_character(members, "QuoteEscapeCharacter", '"'),
        field_delimiter=_delimiter(members, "FieldDelimiter", ","),
        record_delimiter=_delimiter(members, "RecordDelimiter", "\n"),
    )


def _scan(
    wish: Mapping[str, Any] | None, source: Input, compression: Compression, size_bytes: int
) -> ScanRange | None:
    if not wish:
        return None
    is_split = isinstance(source, CsvInput) and source.has_quoted_delimiters
    is_whole = isinstance(source, JsonInput) and source.is_document
    if compression != "NONE" or is_split or is_whole:
        raise _refusal(
            "UnsupportedScanRangeInput",
            "Scan range queries are not supported on this type of object: it must not be compressed, a JSON document, "
            "or have quoted record delimiters.",
        )
    start, end = wish.get("Start"), wish.get("End")
    if min(start or 0, end or 0) < 0 or (start is not None and end is not None and start > end):
        raise _refusal(
            "InvalidScanRange",
            f"The scan range is not valid: Start {start}, End {end}; 0 <= Start <= End is allowed.",
        )
    if start is None:
        return ScanRange(max(0, size_bytes - int(end or 0)), None)
    return ScanRange(int(start), None if end is None else int(end))


def _only(form: Mapping[str, Any], member: str, kinds: tuple[str, ...]) -> str:
    """The one of several members that is there."""
    found = [kind for kind in kinds if form.get(kind) is not None]
    if not found:
        raise _refusal(
            "MissingRequiredParameter",
            f"The SelectRequest entity is missing a required parameter: {member} needs one of {', '.join(kinds)}.",
        )
    if len(found) > 1:
        raise _refusal(
            "ObjectSerializationConflict",
            f"The SelectRequest entity can only contain one of {', '.join(kinds)} in {member}.",
        )
    return found[0]


def _one_of(form: Mapping[str, Any], member: str, allowed: tuple[T, ...], code: str, message: str) -> T:
    """A member of a few allowed values; the first without."""
    value = form.get(member, allowed[0])
    for choice in allowed:
        if value == choice:
            return choice
    raise _refusal(code, f"{message} ({value!r})")


def _character(form: Mapping[str, Any], member: str, default: str, *, may_be_empty: bool = False) -> str:
    value = str(form.get(member, default))
    if len(value) != 1 and not (may_be_empty and not value):
        raise _invalid(member, value, "one character")
    return value


def _delimiter(form: Mapping[str, Any], member: str, default: str) -> str:
    value = str(form.get(member, default))
    if not 1 <= len(value) <= _LONGEST_DELIMITER:
        raise _invalid(member, value, "one or two characters")
    return value


def _check_apart(csv: CsvInput) -> None:
    """Refuse delimiters that cannot be told apart."""
    if csv.field_delimiter == csv.record_delimiter:
        raise _invalid("FieldDelimiter", csv.field_delimiter, "another than RecordDelimiter")
    for member, delimiter in (
        ("FieldDelimiter", csv.field_delimiter),
        ("RecordDelimiter", csv.record_delimiter),
    ):
        if csv.quote and csv.quote in delimiter:
            raise _invalid(member, delimiter, "without the QuoteCharacter")


def _invalid(member: str, value: str, wish: str) -> ServiceError:
    return _refusal(
        "InvalidRequestParameter",
        f"The value of a parameter in SelectRequest element is not valid: {member} {value!r}; {wish} is allowed.",
    )


def _refusal(code: str, message: str) -> ServiceError:
    return ServiceError(code, message, status=400)
