"""Refusals of selections, with the codes of S3's documentation."""

from sagesse.core.error import ServiceError

# Where nothing more can be said than the documentation does.
_TEXTS = {
    "CSVParsingError": "Encountered an error parsing the CSV file. Check the file and try again.",
    "CastFailed": "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    "EvaluatorLikePatternInvalidEscapeSequence": "The LIKE pattern has an invalid escape sequence.",
    "ExpressionTooLong": "The SQL expression is too long: The maximum byte-length for the SQL expression is 256 KB.",
    "ExternalEvalException": "The query cannot be evaluated. Check the file and try again.",
    "IncorrectSqlFunctionArgumentType": "Incorrect type of arguments in function call in the SQL expression.",
    "IntegerOverflow": "Int overflow or underflow in the SQL expression.",
    "InvalidCompressionFormat": "The file is not in a supported compression format. Only GZIP and BZIP2 are "
    "supported.",
    "InvalidTextEncoding": "Invalid encoding type. Only UTF-8 encoding is supported.",
    "JSONParsingError": "Encountered an error parsing the JSON file. Check the file and try again.",
    "OverMaxRecordSize": "The length of a record in the input or result is greater than maxCharsPerRecord of 1 MB.",
    "ParquetParsingError": "Error parsing Parquet file. Please check the file and try again.",
    "TruncatedInput": "Object decompression failed. Check that the object is properly compressed using the format "
    "specified in the request.",
    "ValueParseFailure": "Timestamp parse failure in the SQL expression.",
}


def refusal(code: str, message: str = "") -> ServiceError:
    """A selection that is refused; without a message it is S3's."""
    return ServiceError(code, message or _TEXTS[code], status=400)


def detailed(code: str, detail: str) -> ServiceError:
    """A refusal in S3's words and with what it is about."""
    return refusal(code, f"{_TEXTS[code]} ({detail[:200]})" if detail else "")
