"""The album into S3: only what is not there yet, several at a time."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sagesse.demo.album import Album
from sagesse.demo.cloud import Cloud, look

_THREADS = 8


def upload(cloud: Cloud, bucket: str, folder: Path, album: Album, advance: Callable[[], None]) -> int:
    """Have the photos and lists for training in ``s3://<bucket>/<stamp>/``; returns how many were sent."""
    if look(cloud, "s3", "head_bucket", Bucket=bucket) is None:
        cloud.call("s3", "create_bucket", Bucket=bucket)
    there = _etags(cloud, bucket, f"{album.stamp}/")
    missing: list[tuple[str, bytes, str]] = []
    for part in ("train", "validation"):
        files = [(picture.file, (folder / part / picture.file).read_bytes()) for picture in album.of(part)]
        objects = [(f"{album.stamp}/{part}/{name}", body, "image/jpeg") for name, body in files]
        objects.append((f"{album.stamp}/{part}_lst/{part}.lst", album.listing(part), "text/plain"))
        for item in objects:
            if there.get(item[0]) == hashlib.md5(item[1], usedforsecurity=False).hexdigest():
                advance()
            else:
                missing.append(item)

    def send(item: tuple[str, bytes, str]) -> None:
        key, body, kind = item
        cloud.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType=kind)
        advance()

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(send, missing))
    return len(missing)


def _etags(cloud: Cloud, bucket: str, prefix: str) -> dict[str, str]:
    """ETag (for these, the MD5) by key."""
    found: dict[str, str] = {}
    more: dict[str, str] = {}
    while True:
        page = cloud.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
        found |= {item["Key"]: item["ETag"].strip('"') for item in page.get("Contents", ())}
        if not page["IsTruncated"]:
            return found
        more = {"ContinuationToken": page["NextContinuationToken"]}
