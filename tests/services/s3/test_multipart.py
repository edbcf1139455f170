import hashlib
import os
from typing import Any

import pytest

from tests.services.s3.conftest import Refusals

PART = 5 << 20


def begin(s3: Any, bucket: str, key: str = "k", **wish: Any) -> dict[str, str]:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **wish)["UploadId"]
    return {"Bucket": bucket, "Key": key, "UploadId": upload}


def send(s3: Any, upload: dict[str, str], number: int, body: bytes, **wish: Any) -> dict[str, Any]:
    answer = s3.upload_part(**upload, PartNumber=number, Body=body, **wish)
    return {
        "PartNumber": number,
        **{name: value for name, value in answer.items() if name == "ETag" or name.startswith("Checksum")},
    }


def test_parts_make_an_object(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, Metadata={"m": "1"}, ContentType="a/b")
    bodies = [os.urandom(PART), os.urandom(PART), b"end"]
    parts = [send(s3, upload, number, body) for number, body in enumerate(bodies, start=1)]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == b"".join(bodies)
    assert (found["Metadata"], found["ContentType"]) == ({"m": "1"}, "a/b")
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (bodies[1], 3)


@pytest.mark.parametrize(("algorithm", "kind"), [("SHA256", "COMPOSITE"), ("CRC32", "FULL_OBJECT")])
def test_checksums_of_parts_and_of_the_whole(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = [send(s3, upload, 1, bytes(PART), ChecksumAlgorithm=algorithm)]
    parts.append(send(s3, upload, 2, b"end", ChecksumAlgorithm=algorithm))
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumType"] == kind
    assert done[f"Checksum{algorithm}"].endswith("-2") == (kind == "COMPOSITE")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"])
    assert found["Checksum"][f"Checksum{algorithm}"] == done[f"Checksum{algorithm}"]
    assert found["ObjectParts"]["TotalPartsCount"] == 2


def test_a_composite_upload_wants_every_checksum(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    part = send(s3, upload, 1, b"end", ChecksumAlgorithm="SHA256")
    del part["ChecksumSHA256"]
    error = refused("complete_multipart_upload", **upload, MultipartUpload={"Parts": [part]})
    assert error == ("InvalidRequest", 400)


def test_a_part_with_another_algorithm_is_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    error = refused("upload_part", **upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    assert error == ("InvalidRequest", 400)


def test_wrong_completions_are_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = begin(s3, bucket)
    first, second = send(s3, upload, 1, b"small"), send(s3, upload, 2, b"end")

    def complete(*parts: dict[str, Any]) -> tuple[str, int]:
        return refused("complete_multipart_upload", **upload, MultipartUpload={"Parts": list(parts)})

    assert complete(first, second) == ("EntityTooSmall", 400)
    assert complete(second, first) == ("InvalidPartOrder", 400)
    assert complete({"PartNumber": 3, "ETag": first["ETag"]}) == ("InvalidPart", 400)
    assert complete({"PartNumber": 1, "ETag": second["ETag"]}) == ("InvalidPart", 400)
    assert complete() == ("MalformedXML", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_parts_are_listed_in_pages(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    for number in (7, 1, 3):
        send(s3, upload, number, b"x" * number)
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [[(part["PartNumber"], part["Size"]) for part in page["Parts"]] for page in pages] == [
        [(1, 1), (3, 3)],
        [(7, 7)],
    ]


def test_uploads_are_listed_in_pages(s3: Any, bucket: str) -> None:
    uploads = [begin(s3, bucket, key)["UploadId"] for key in ("a", "b/1", "b/2", "c")]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 3}
    )
    assert [entry["UploadId"] for page in pages for entry in page.get("Uploads", [])] == uploads
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Key"] for entry in rolled["Uploads"]] == ["a", "c"]
    assert [entry["Prefix"] for entry in rolled["CommonPrefixes"]] == ["b/"]


def test_an_aborted_upload_is_gone(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = begin(s3, bucket)
    send(s3, upload, 1, b"x")
    s3.abort_multipart_upload(**upload)
    assert refused("list_parts", **upload) == ("NoSuchUpload", 404)
    assert refused("abort_multipart_upload", **upload) == ("NoSuchUpload", 404)


def test_slices_of_objects_are_parts(s3: Any, bucket: str, refused: Refusals) -> None:
    body = os.urandom(PART + 100)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = begin(s3, bucket)
    source = {"CopySource": {"Bucket": bucket, "Key": "source"}}
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySourceRange="bytes=0-9", **source)
    etag = part["CopyPartResult"]["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body[:10]
    again = begin(s3, bucket)
    error = refused("upload_part_copy", **again, PartNumber=1, CopySourceRange="bytes=0-99999999", **source)
    assert error == ("InvalidArgument", 400)


def test_completing_again_gives_the_same_answer(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = begin(s3, bucket)
    wish = {**upload, "MultipartUpload": {"Parts": [send(s3, upload, 1, b"x")]}}
    first, second = (s3.complete_multipart_upload(**wish) for _ in range(2))
    assert (second["ETag"], second["Location"]) == (first["ETag"], first["Location"])
    s3.put_object(Bucket=bucket, Key="k", Body=b"another")
    assert refused("complete_multipart_upload", **wish) == ("NoSuchUpload", 404)


def test_uploads_aborted_page_by_page_are_all_found(s3: Any, bucket: str) -> None:
    for _ in range(5):
        s3.create_multipart_upload(Bucket=bucket, Key="k")
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    aborted = 0
    for page in pages:
        for upload in page["Uploads"]:
            s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload["UploadId"])
            aborted += 1
    assert aborted == 5
