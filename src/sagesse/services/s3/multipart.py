"""Multipart uploads."""

import secrets
from collections.abc import Sequence
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Algorithm, Bucket, ChecksumKind, ChosenPart, ObjectInfo, UploadInfo
from sagesse.engines.objects.digest import DEFAULT_ALGORITHM, is_combinable
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._attribute import quoted, storage_class
from sagesse.services.s3._checksum import (
    algorithm_of,
    checksum_members,
    checksums,
    expectation,
    part_checksum_members,
)
from sagesse.services.s3._condition import bare, write_condition
from sagesse.services.s3._error import invalid_argument, malformed_xml
from sagesse.services.s3._family import Family, owner
from sagesse.services.s3._lifecycle import abort_members
from sagesse.services.s3._news import COMPLETE
from sagesse.services.s3._page import encoder, page_limit
from sagesse.services.s3._range import MAX_PARTS
from sagesse.services.s3._shown import shown_members
from sagesse.services.s3.encryption import encryption_members, sealed
from sagesse.services.s3.object import upload_of


class Uploads(Family):
    """Uploads in parts, from the first to the object they make."""

    async def create_multipart_upload(self, ctx: Context, req: Params) -> Result:
        """Begin an upload."""
        bucket, address = self._place(req)
        asked = algorithm_of(req)
        attributes = self._attributes(ctx, req, bucket)
        sealing = await self._encryption.begin(ctx, req, bucket, address.key)
        upload = UploadInfo(
            bucket=address.bucket,
            key=address.key,
            id=secrets.token_urlsafe(48),
            account=ctx.principal.account,
            created=float(int(ctx.now())),
            attributes=sealed(attributes, sealing),
            algorithm=asked or DEFAULT_ALGORITHM,
            kind=_kind(asked, req.get("ChecksumType")),
            is_declared=asked is not None,
        )
        await self._objects.create_upload(upload)
        result: dict[str, Any] = {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id}
        result |= abort_members(bucket, upload)
        result |= encryption_members(upload.attributes.seal)
        if upload.is_declared:
            result |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
        return result

    async def upload_part(self, ctx: Context, req: Params) -> Result:
        """Store a part."""
        upload = await self._upload(req)
        expect = expectation(req)
        if upload.is_declared and expect.checksum is not None and expect.checksum[0] != upload.algorithm:
            raise invalid_request(
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
                f"actual checksum Type: {expect.checksum[0].lower()}"
            )
        key = await self._encryption.part_key(ctx, req, upload.attributes.seal)
        part = await self._objects.put_part(
            upload, part_number(req), upload_of(req.get("Body")), expect, key=key
        )
        shown = dict((expect.checksum,)) if expect.checksum is not None else part.checksums
        shown_seal = encryption_members(upload.attributes.seal)
        return {"ETag": quoted(part.etag), **part_checksum_members(shown), **shown_seal}

    async def complete_multipart_upload(self, ctx: Context, req: Params) -> Result:
        """Make the object of the parts listed; asked again within a day, give the same answer."""
        bucket, address = self._place(req)
        upload_id = str(req["UploadId"])
        try:
            info = await self._complete(ctx, req, bucket, await self._objects.upload(address, upload_id))
        except ServiceError as error:
            if error.code != "NoSuchUpload":
                raise
            info = await self._objects.completed(address, upload_id)
        scheme = "https" if ctx.is_secure else "http"
        return {
            "Location": f"{scheme}://{ctx.host}/{info.bucket}/{info.key}",
            "Bucket": info.bucket,
            "Key": info.key,
            "ETag": quoted(info.etag),
            **checksum_members(info.checksum),
            **encryption_members(info.attributes.seal),
            **shown_members(bucket, info),
        }

    async def abort_multipart_upload(self, ctx: Context, req: Params) -> Result:
        """Forget an upload and its parts."""
        await self._objects.abort(await self._upload(req))
        return None

    async def list_parts(self, ctx: Context, req: Params) -> Result:
        """A page of an upload's parts."""
        upload = await self._upload(req)
        marker, limit = int(req.get("PartNumberMarker", 0)), page_limit(req, "MaxParts")
        later = [part for part in await self._objects.parts(upload) if part.number > marker]
        shown = later[:limit]
        result: dict[str, Any] = {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.id,
            **abort_members(self._bucket(req), upload),
            "PartNumberMarker": marker,
            "MaxParts": limit,
            "IsTruncated": len(later) > len(shown) > 0,
            "StorageClass": storage_class(upload.attributes),
            "Owner": owner(upload.account),
            "Initiator": owner(upload.account),
            "Parts": [
                {
                    "PartNumber": part.number,
                    "Size": part.size_bytes,
                    "ETag": quoted(part.etag),
                    "LastModified": part.modified,
                    **(part_checksum_members(part.checksums) if upload.is_declared else {}),
                }
                for part in shown
            ],
        }
        if shown:
            result["NextPartNumberMarker"] = shown[-1].number
        if upload.is_declared:
            result |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
        return result

    async def list_multipart_uploads(self, ctx: Context, req: Params) -> Result:
        """A page of a bucket's uploads in progress."""
        bucket = self._bucket(req)
        prefix, delimiter = str(req.get("Prefix", "")), str(req.get("Delimiter", ""))
        marker, id_marker = str(req.get("KeyMarker", "")), str(req.get("UploadIdMarker", ""))
        limit, encode = page_limit(req, "MaxUploads"), encoder(req)
        found = [entry for entry in await self._objects.uploads(bucket.name) if entry.key.startswith(prefix)]
        items = _after(_rolled_up(found, prefix, delimiter), marker, id_marker)
        shown = items[:limit]
        result: dict[str, Any] = {
            "Bucket": bucket.name,
            "KeyMarker": encode(marker),
            "UploadIdMarker": id_marker,
            "Prefix": encode(prefix),
            "MaxUploads": limit,
            "IsTruncated": len(items) > len(shown) > 0,
            "Uploads": [_summary(item, encode(item.key)) for item in shown if isinstance(item, UploadInfo)],
            "CommonPrefixes": [{"Prefix": encode(item)} for item in shown if isinstance(item, str)],
        }
        if delimiter:
            result["Delimiter"] = encode(delimiter)
        if "EncodingType" in req:
            result["EncodingType"] = req["EncodingType"]
        if len(items) > len(shown) and shown:
            last = shown[-1]
            is_group = isinstance(last, str)
            result["NextKeyMarker"] = encode(last if is_group else last.key)
            result["NextUploadIdMarker"] = "" if is_group else last.id
        return result

    async def _upload(self, req: Params) -> UploadInfo:
        """The upload a call names, in a bucket that was checked."""
        return await self._objects.upload(self._place(req).address, str(req["UploadId"]))

    async def _complete(self, ctx: Context, req: Params, bucket: Bucket, upload: UploadInfo) -> ObjectInfo:
        chosen = _chosen(req.get("MultipartUpload") or {})
        if req.get("ChecksumType", upload.kind) != upload.kind:
            raise invalid_request(
                f"The upload was created using the {upload.kind} checksum mode. The complete request must use the "
                "same checksum mode."
            )
        size = req.get("MpuObjectSize")
        return await self._objects.complete(
            upload,
            chosen,
            checksum=checksums(req).get(upload.algorithm),
            size_bytes=None if size is None else int(size),
            condition=write_condition(req),
            tell=self._tell(ctx, bucket, COMPLETE),
        )


def part_number(req: Params) -> int:
    """The part number of a request.

    Raises:
        ServiceError: InvalidArgument.
    """
    number = int(req["PartNumber"])
    if not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise invalid_argument(message, "partNumber", number)
    return number


def _kind(algorithm: Algorithm | None, asked: Any) -> ChecksumKind:
    """How the object's checksum is made of the parts': composite unless the default or CRC64NVME, or as asked."""
    if algorithm is None:
        return "FULL_OBJECT"
    kind: ChecksumKind = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
    if asked is None:
        return kind
    is_possible = algorithm != "CRC64NVME" if asked == "COMPOSITE" else is_combinable(algorithm)
    if not is_possible or asked not in {"COMPOSITE", "FULL_OBJECT"}:
        raise invalid_request(
            f"The {asked} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return "COMPOSITE" if asked == "COMPOSITE" else "FULL_OBJECT"


def _chosen(document: dict[str, Any]) -> Sequence[ChosenPart]:
    """The parts of a completion.

    Raises:
        ServiceError: MalformedXML.
    """
    parts: list[dict[str, Any]] = document.get("Parts") or []
    if not 1 <= len(parts) <= MAX_PARTS or any(
        "ETag" not in part or "PartNumber" not in part for part in parts
    ):
        raise malformed_xml()
    return [ChosenPart(int(part["PartNumber"]), bare(str(part["ETag"])), checksums(part)) for part in parts]


def _rolled_up(uploads: Sequence[UploadInfo], prefix: str, delimiter: str) -> list[UploadInfo | str]:
    """Uploads, with those that share a key up to the delimiter as one common prefix."""
    items: list[UploadInfo | str] = []
    for upload in uploads:
        at = upload.key.find(delimiter, len(prefix)) if delimiter else -1
        item = upload.key[: at + len(delimiter)] if at >= 0 else upload
        if not items or items[-1] != item:
            items.append(item)
    return items


def _after(items: list[UploadInfo | str], key: str, upload_id: str) -> list[UploadInfo | str]:
    """What comes behind a marker.

    Within one key the order is by age, so the id is looked for. That of an upload that was aborted since is not found:
    all of its key are shown then, rather than none.
    """
    if not key:
        return items
    same = [item for item in items if isinstance(item, UploadInfo) and item.key == key]
    ids = [item.id for item in same]
    first = ids.index(upload_id) + 1 if upload_id in ids else 0
    rest = same[first:] if upload_id else []
    return [*rest, *(item for item in items if (item if isinstance(item, str) else item.key) > key)]


def _summary(upload: UploadInfo, name: str) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "UploadId": upload.id,
        "Key": name,
        "Initiated": upload.created,
        "StorageClass": storage_class(upload.attributes),
        "Owner": owner(upload.account),
        "Initiator": owner(upload.account),
    }
    if upload.is_declared:
        summary |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
    return summary
