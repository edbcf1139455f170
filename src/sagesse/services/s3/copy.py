"""Copies of objects, and of slices of them into parts."""

from typing import Any

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import (
    Address,
    Attributes,
    Expectation,
    ObjectInfo,
    PartEntry,
    StoredObject,
    UploadInfo,
)
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._attribute import REDIRECT, quoted
from sagesse.services.s3._checksum import algorithm_of, checksum_members, part_checksum_members
from sagesse.services.s3._condition import check_source, write_condition
from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._family import Family, Place
from sagesse.services.s3._news import COPY
from sagesse.services.s3._range import Slice, source_slice
from sagesse.services.s3._reseal import PayloadUpload, opened
from sagesse.services.s3._shown import shown_members
from sagesse.services.s3._source import Source, parse_source
from sagesse.services.s3._version import version_members
from sagesse.services.s3.encryption import asks, check_customer_key, encryption_members, sealed
from sagesse.services.s3.multipart import part_number

MAX_COPY_BYTES = 5 << 30
# Never copied; naming one makes a copy onto itself legal.
_CHANGES = frozenset({"StorageClass", REDIRECT})


class Copies(Family):
    """CopyObject and UploadPartCopy; the bytes of large objects are shared, not copied."""

    async def copy_object(self, ctx: Context, req: Params) -> Result:
        """Copy an object, with its attributes or new ones."""
        bucket, address = self._place(req)
        name = parse_source(req["CopySource"])
        source = await self._source(ctx, req, name)
        replaces = _replaces(req, "Metadata"), _replaces(req, "Tagging")
        changes = any(replaces) or algorithm_of(req) is not None or asks(req) or not _CHANGES.isdisjoint(req)
        if name == (*address, None) and not changes:
            raise invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes."
            )
        attributes = _merged(source.info.attributes, self._attributes(ctx, req, bucket), *replaces)
        info = await self._copy(ctx, req, source, Place(bucket, address), attributes)
        result = {"ETag": quoted(info.etag), "LastModified": info.modified, **checksum_members(info.checksum)}
        shown = {**shown_members(bucket, info), **encryption_members(info.attributes.seal)}
        return {"CopyObjectResult": result, **shown, **self._source_version(name, source.info)}

    async def upload_part_copy(self, ctx: Context, req: Params) -> Result:
        """Make a slice of an object a part."""
        _, address = self._place(req)
        number = part_number(req)
        upload = await self._objects.upload(address, str(req["UploadId"]))
        name = parse_source(req["CopySource"])
        source = await self._source(ctx, req, name)
        piece = source_slice(req.get("CopySourceRange"), source.info)
        part = await self._copy_part(ctx, req, upload, number, source, piece)
        result: dict[str, Any] = {"ETag": quoted(part.etag), "LastModified": part.modified}
        if upload.is_declared:
            result |= part_checksum_members(part.checksums)
        shown = encryption_members(upload.attributes.seal)
        return {"CopyPartResult": result, **shown, **self._source_version(name, source.info)}

    async def _copy(
        self, ctx: Context, req: Params, source: StoredObject, place: Place, attributes: Attributes
    ) -> ObjectInfo:
        """The copy: shared where both are plain or both SSE-S3, else opened and sealed anew.

        What was encrypted stays so: where nobody says how, with SSE-S3.
        """
        old, algorithm, condition = source.info.attributes.seal, algorithm_of(req), write_condition(req)
        check_customer_key(req, old, source="CopySource")
        bucket, address = place
        sealing = await self._encryption.begin(ctx, req, bucket, address.key, seals=old is not None)
        tell = self._tell(ctx, bucket, COPY)
        if sealing is None or (old is not None and old.kind == sealing.seal.kind == "AES256"):
            shared = msgspec.structs.replace(attributes, seal=old)
            return await self._objects.copy(
                source, address, shared, algorithm=algorithm, condition=condition, tell=tell
            )
        key = None if old is None else await self._encryption.key_of(ctx, req, old, source="CopySource")
        size, checksum = source.info.size_bytes, source.info.checksum
        kept = checksum.algorithm if checksum is not None else None
        return await self._objects.put(
            address,
            PayloadUpload(await opened(source, 0, size, key), size),
            sealed(attributes, sealing),
            expect=Expectation(algorithm=algorithm or kept),
            condition=condition,
            key=sealing.key,
            tell=tell,
        )

    async def _copy_part(
        self,
        ctx: Context,
        req: Params,
        upload: UploadInfo,
        number: int,
        source: StoredObject,
        piece: Slice,
    ) -> PartEntry:
        """The part: shared where all is plain, else opened and sealed anew."""
        old = source.info.attributes.seal
        check_customer_key(req, old, source="CopySource")
        sealing_key = await self._encryption.part_key(ctx, req, upload.attributes.seal)
        if old is None and sealing_key is None:
            return await self._objects.copy_part(upload, number, source, piece.offset, piece.size_bytes)
        key = None if old is None else await self._encryption.key_of(ctx, req, old, source="CopySource")
        payload = await opened(source, piece.offset, piece.size_bytes, key)
        return await self._objects.put_part(
            upload, number, PayloadUpload(payload, piece.size_bytes), Expectation(), key=sealing_key
        )

    def _source_version(self, name: Source, info: ObjectInfo) -> dict[str, Any]:
        bucket = self._owned(name.bucket, None)
        return version_members(bucket, info.version, member="CopySourceVersionId")

    async def _source(self, ctx: Context, req: Params, name: Source) -> StoredObject:
        """The source, in a bucket of the caller's, when its conditions hold."""
        self._owned(name.bucket, req.get("ExpectedSourceBucketOwner"))
        try:
            source = await self._objects.get(Address(name.bucket, name.key), name.version)
        except ServiceError as error:
            if error.code != "MethodNotAllowed":
                raise self._may_know(ctx, name.bucket, error) from None
            raise invalid_request(
                "The source of a copy request may not specifically refer to a delete marker by version id."
            ) from error
        check_source(req, source.info)
        _refuse_size(req, source.info)
        return source


def _refuse_size(req: Params, info: ObjectInfo) -> None:
    if "CopySourceRange" not in req and info.size_bytes > MAX_COPY_BYTES:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: "
            f"{MAX_COPY_BYTES}"
        )


def _replaces(req: Params, what: str) -> bool:
    """Whether the copy gets metadata or tags of its own instead of the source's.

    Raises:
        ServiceError: InvalidArgument.
    """
    directive = req.get(f"{what}Directive", "COPY")
    if directive not in {"COPY", "REPLACE"}:
        raise invalid_argument(
            f"Unknown {what.lower()} directive.", f"x-amz-{what.lower()}-directive", directive
        )
    return directive == "REPLACE"


def _merged(old: Attributes, new: Attributes, replaces_metadata: bool, replaces_tags: bool) -> Attributes:
    """The source's attributes, save for those the request replaces and those that are never copied."""
    headers = {name: value for name, value in old.headers.items() if name not in _CHANGES}
    headers |= {name: value for name, value in new.headers.items() if name in _CHANGES}
    old = msgspec.structs.replace(old, headers=headers, acl=new.acl, lock=new.lock)
    if replaces_metadata:
        old = msgspec.structs.replace(old, headers=new.headers, metadata=new.metadata)
    return msgspec.structs.replace(old, tags=new.tags) if replaces_tags else old
