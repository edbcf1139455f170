"""SelectObjectContent as boto3 asks for it."""

import bz2
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import EventStreamError

from sagesse.core.error import ServiceError
from sagesse.services.s3 import select
from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals

CSV = b"id,name\n1,apple\n2,banana\n3,cherry\n"
USE = {"CSV": {"FileHeaderInfo": "USE"}}
LINES = {"JSON": {"Type": "LINES"}}
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
LARGE = b"".join(b'{"id":%d,"text":"%s"}\n' % (at, b"x" * 90) for at in range(30_000))


def asked(bucket: str, expression: str = "SELECT * FROM S3Object", **members: Any) -> dict[str, Any]:
    return {
        "Bucket": bucket,
        "Key": "k",
        "Expression": expression,
        "ExpressionType": "SQL",
        "InputSerialization": USE,
        "OutputSerialization": {"JSON": {}},
    } | members


def events(s3: Any, *arguments: Any, **members: Any) -> list[dict[str, Any]]:
    return list(s3.select_object_content(**asked(*arguments, **members))["Payload"])


def records(s3: Any, *arguments: Any, **members: Any) -> str:
    found = events(s3, *arguments, **members)
    assert [name for event in found[-2:] for name in event] == ["Stats", "End"]
    return b"".join(event["Records"]["Payload"] for event in found if "Records" in event).decode()


def parquet(rows: int, group_rows: int = 122_880) -> bytes:
    columns = "range AS id, 'name' || range AS name, {'deep': [range]} AS s, DATE '2020-01-02' AS day"
    form = f"FORMAT parquet, ROW_GROUP_SIZE {group_rows}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file")
        duckdb.execute(f"COPY (SELECT {columns} FROM range({rows})) TO '{file}' ({form})")
        return file.read_bytes()


def test_csv(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CSV)
    expression = "SELECT s.name FROM S3Object s WHERE CAST(s.id AS INT) > 1"
    assert records(s3, bucket, expression) == '{"name":"banana"}\n{"name":"cherry"}\n'
    written = records(s3, bucket, expression, OutputSerialization={"CSV": {"QuoteFields": "ALWAYS"}})
    assert written == '"banana"\n"cherry"\n'


def test_json(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b'{"a":[{"b":1},{"b":2}]}\n{"a":[]}\n')
    for kind in ("LINES", "DOCUMENT"):
        found = records(
            s3, bucket, "SELECT r.b FROM S3Object[*].a[*] r", InputSerialization={"JSON": {"Type": kind}}
        )
        assert found == '{"b":1}\n{"b":2}\n'


@pytest.mark.parametrize("sealing", [{}, {"ServerSideEncryption": "AES256"}])
@pytest.mark.parametrize("rows", [3, 30_000])
def test_parquet(s3: Any, bucket: str, sealing: dict[str, str], rows: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=parquet(rows), **sealing)
    expression = "SELECT s.id, s.name, s.s.deep[0] AS d, s.day FROM S3Object s WHERE s.id = 2"
    assert records(s3, bucket, expression, InputSerialization={"Parquet": {}}) == (
        '{"id":2,"name":"name2","d":2,"day":"2020-01-02T00:00:00Z"}\n'
    )
    expression = "SELECT COUNT(*), MAX(s.id) FROM S3Object s"
    found = records(s3, bucket, expression, InputSerialization={"Parquet": {}})
    assert json.loads(found) == {"_1": rows, "_2": rows - 1}


@pytest.mark.parametrize(("compression", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compressed(s3: Any, bucket: str, compression: str, pack: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=pack(CSV))
    found = events(s3, bucket, InputSerialization={**USE, "CompressionType": compression})
    assert found[0]["Records"]["Payload"].startswith(b'{"id":"1","name":"apple"}\n')
    details = found[-2]["Stats"]["Details"]
    assert (details["BytesScanned"], details["BytesProcessed"]) == (len(pack(CSV)), len(CSV))


@pytest.mark.parametrize(
    ("writing", "reading"),
    [
        ({"ServerSideEncryption": "AES256"}, {}),
        ({"ServerSideEncryption": "aws:kms"}, {}),
        (CUSTOMER, CUSTOMER),
    ],
    ids=["sse-s3", "sse-kms", "sse-c"],
)
@pytest.mark.parametrize("body", [LARGE.splitlines()[0], LARGE], ids=["small", "large"])
def test_encrypted(s3: Any, bucket: str, writing: Any, reading: Any, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=body, **writing)
    found = records(s3, bucket, "SELECT COUNT(*) AS n FROM S3Object", InputSerialization=LINES, **reading)
    assert json.loads(found) == {"n": body.count(b"\n") or 1}


def test_a_customers_key_is_needed(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CSV, **CUSTOMER)
    assert refused("select_object_content", **asked(bucket)) == ("InvalidRequest", 400)


def test_large_answers_come_in_payloads_of_whole_records(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    found = events(s3, bucket, InputSerialization=LINES, RequestProgress={"Enabled": True})
    payloads = [event["Records"]["Payload"] for event in found if "Records" in event]
    assert b"".join(payloads) == LARGE
    assert len(payloads) > 1
    assert all(payload.endswith(b"}\n") and len(payload) <= 1 << 20 for payload in payloads)
    details = {"BytesScanned": len(LARGE), "BytesProcessed": len(LARGE), "BytesReturned": len(LARGE)}
    assert found[-3:] == [{"Progress": {"Details": details}}, {"Stats": {"Details": details}}, {"End": {}}]


def test_an_object_of_parts_is_read_as_one(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    bodies = (b"id\n" + (b"%-99d\n" % 1) * 53_000, b"1\n22\n")
    parts = [
        {"PartNumber": at, "ETag": s3.upload_part(**upload, PartNumber=at, Body=body)["ETag"]}
        for at, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    found = records(s3, bucket, "SELECT COUNT(*) AS n, MAX(CAST(id AS INT)) AS m FROM S3Object")
    assert json.loads(found) == {"n": 53_002, "m": 22}


def test_ranges_of_parquet_join_without_gap_or_repeat(s3: Any, bucket: str) -> None:
    body = parquet(10_000, 2_048)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    form = {"Parquet": {}}
    counts: list[int] = []
    for start in range(0, len(body), 30_000):
        scan = {"Start": start, "End": start + 29_999}
        found = records(s3, bucket, "SELECT s.id FROM S3Object s", InputSerialization=form, ScanRange=scan)
        counts.append(found.count("\n"))
    assert sum(counts) == 10_000
    assert sum(count > 0 for count in counts) > 1
    total = "SELECT COUNT(*) AS n FROM S3Object s"
    for scan, rows in (({"Start": 0, "End": 10}, 2_048), ({"Start": len(body) - 5}, 0)):
        found = records(s3, bucket, total, InputSerialization=form, ScanRange=scan)
        assert json.loads(found) == {"n": rows}


def test_ranges(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CSV)
    assert (
        records(s3, bucket, ScanRange={"Start": 8, "End": 16})
        == '{"id":"1","name":"apple"}\n{"id":"2","name":"banana"}\n'
    )
    assert records(s3, bucket, ScanRange={"End": 9}) == '{"id":"3","name":"cherry"}\n'
    assert records(s3, bucket, ScanRange={"Start": 20}) == '{"id":"3","name":"cherry"}\n'


def test_what_is_wrong_later_ends_the_stream(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE + b'{"id":"x"}\n')
    expression = "SELECT CAST(s.id AS INT) FROM S3Object s"
    answer = s3.select_object_content(**asked(bucket, expression, InputSerialization=LINES))
    found = []
    with pytest.raises(EventStreamError, match="CastFailed"):
        found.extend(answer["Payload"])
    answer["Payload"].close()  # the failure holds it, and the collector would find its socket open


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"ExpressionType": "Python"}, "InvalidExpressionType"),
        ({"Expression": "SELECT nope FROM S3Object"}, "MissingHeaders"),
        ({"Expression": "SELECT CAST(name AS INT) FROM S3Object"}, "CastFailed"),
        ({"InputSerialization": {}}, "MissingRequiredParameter"),
        ({"InputSerialization": {**USE, **LINES}}, "ObjectSerializationConflict"),
        ({"InputSerialization": {"JSON": {}}}, "InvalidJsonType"),
        ({"InputSerialization": {"JSON": {"Type": "LIST"}}}, "InvalidJsonType"),
        ({"InputSerialization": {"CSV": {"FileHeaderInfo": "MAYBE"}}}, "InvalidFileHeaderInfo"),
        ({"InputSerialization": {"CSV": {"FieldDelimiter": "abc"}}}, "InvalidRequestParameter"),
        ({"InputSerialization": {"CSV": {"QuoteCharacter": "ab"}}}, "InvalidRequestParameter"),
        ({"InputSerialization": {"CSV": {"FieldDelimiter": "\n"}}}, "InvalidRequestParameter"),
        ({"InputSerialization": {**USE, "CompressionType": "ZSTD"}}, "InvalidCompressionFormat"),
        ({"InputSerialization": {**USE, "CompressionType": "GZIP"}}, "InvalidCompressionFormat"),
        ({"InputSerialization": {"Parquet": {}, "CompressionType": "GZIP"}}, "InvalidCompressionFormat"),
        ({"InputSerialization": {"Parquet": {}}}, "ParquetParsingError"),
        ({"OutputSerialization": {}}, "MissingRequiredParameter"),
        ({"OutputSerialization": {"CSV": {"QuoteFields": "NEVER"}}}, "InvalidQuoteFields"),
        ({"ScanRange": {"Start": 5, "End": 1}}, "InvalidScanRange"),
        (
            {"ScanRange": {"Start": 5}, "InputSerialization": {"JSON": {"Type": "DOCUMENT"}}},
            "UnsupportedScanRangeInput",
        ),
    ],
    ids=str,
)
def test_refusals(s3: Any, bucket: str, refused: Refusals, members: dict[str, Any], code: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CSV)
    assert refused("select_object_content", **asked(bucket, **members)) == (code, 400)


def test_what_is_not_there_cannot_be_read(bucket: str, refused: Refusals) -> None:
    assert refused("select_object_content", **asked(bucket)) == ("NoSuchKey", 404)


def test_reading_needs_the_permission_to_get(server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CSV)
    iam = server.client("iam")
    iam.create_user(UserName=bucket)
    keys = iam.create_access_key(UserName=bucket)["AccessKey"]
    user = server.client(
        "s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )
    assert Refusals(user)("select_object_content", **asked(bucket)) == ("AccessDenied", 403)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=bucket, PolicyName="own", PolicyDocument=document)
    assert records(user, bucket, "SELECT id FROM S3Object LIMIT 1") == '{"id":"1"}\n'


def test_a_client_that_goes_away_leaves_the_server_well(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE * 3)
    for _ in range(3):
        answer = s3.select_object_content(**asked(bucket, InputSerialization=LINES))
        next(iter(answer["Payload"]))
        answer["Payload"].close()
    assert (
        records(s3, bucket, "SELECT COUNT(*) AS n FROM S3Object", InputSerialization=LINES) == '{"n":90000}\n'
    )


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "find_spec", lambda name: None)
    with pytest.raises(ServiceError, match=r"sagesse\[sql\]") as caught:
        select._need_engine()
    assert caught.value.status == 501
