"""Objects: put, get, head, delete, and their attributes."""

from typing import Any, cast

from sagesse.core.body import BytesUpload, Upload, begun
from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Deleted, Deletion, ObjectInfo, PartEntry, StoredObject
from sagesse.services.s3._access import deletion_grants
from sagesse.services.s3._attribute import object_members, quoted, storage_class
from sagesse.services.s3._checksum import checksum_members, expectation, part_checksum_members
from sagesse.services.s3._condition import bare, check_read, write_condition
from sagesse.services.s3._error import invalid_argument, malformed_xml
from sagesse.services.s3._family import Family
from sagesse.services.s3._lock import lock_members
from sagesse.services.s3._news import DELETE, POST, PUT
from sagesse.services.s3._page import page_limit
from sagesse.services.s3._range import Slice, requested_slice
from sagesse.services.s3._shown import shown_members
from sagesse.services.s3._unsupported import refuse_unsupported
from sagesse.services.s3._version import version_members, version_of
from sagesse.services.s3.encryption import check_customer_key, encryption_members, sealed

_MAX_DELETIONS = 1000
_DELETION_FACTS = {"VersionId": "s3:VersionId", "ETag": "s3:if-match"}
_OVERRIDES = frozenset(
    {
        "ResponseCacheControl",
        "ResponseContentDisposition",
        "ResponseContentEncoding",
        "ResponseContentLanguage",
        "ResponseContentType",
        "ResponseExpires",
    }
)


class Objects(Family):
    """Single objects, and deleting many."""

    async def put_object(self, ctx: Context, req: Params) -> Result:
        """Store the payload; it is on disk when this answers."""
        bucket, address = self._place(req)
        attributes = self._attributes(ctx, req, bucket)
        sealing = await self._encryption.begin(ctx, req, bucket, address.key)
        info = await self._objects.put(
            address,
            upload_of(req.get("Body")),
            sealed(attributes, sealing),
            expect=expectation(req),
            condition=write_condition(req),
            key=sealing.key if sealing else None,
            tell=self._tell(ctx, bucket, POST if ctx.is_form else PUT),
        )
        return {
            "ETag": quoted(info.etag),
            **checksum_members(info.checksum),
            **encryption_members(info.attributes.seal),
            **shown_members(bucket, info),
        }

    async def get_object(self, ctx: Context, req: Params) -> Result:
        """The object or a slice of it."""
        try:
            found, piece, members = await self._find(req)
        except ServiceError as error:
            raise self._may_know(ctx, str(req["Bucket"]), error) from None
        seal = found.info.attributes.seal
        if seal is None:
            return {**members, "Body": await begun(found.read(piece.offset, piece.size_bytes))}
        key = await self._encryption.key_of(ctx, req, seal)
        return {**members, "Body": await found.unseal(piece.offset, piece.size_bytes, key)}

    async def head_object(self, ctx: Context, req: Params) -> Result:
        """What GET would say, without the bytes."""
        try:
            _, _, members = await self._find(req)
        except ServiceError as error:
            raise self._may_know(ctx, str(req["Bucket"]), error) from None
        return members

    async def delete_object(self, ctx: Context, req: Params) -> Result:
        """Delete the object, if there is one."""
        bucket, address = self._place(req)
        match = req.get("IfMatch")
        deletion = Deletion(
            address.key,
            if_match=None if match is None else bare(str(match)),
            version=version_of(req),
            bypasses_governance=bool(req.get("BypassGovernanceRetention")),
        )
        tell = self._tell(ctx, bucket, DELETE)
        (outcome,) = await self._objects.delete(address.bucket, [deletion], tell=tell)
        if isinstance(outcome, ServiceError):
            raise outcome
        members = version_members(bucket, outcome.version)
        return {**members, "DeleteMarker": True} if outcome.is_marker else members

    async def delete_objects(self, ctx: Context, req: Params) -> Result:
        """Delete up to 1000 objects at once; each succeeds or fails alone."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req["Delete"]
        named: list[dict[str, Any]] = wish.get("Objects") or []
        if not 1 <= len(named) <= _MAX_DELETIONS or any(not entry.get("Key") for entry in named):
            raise malformed_xml()
        bypasses = bool(req.get("BypassGovernanceRetention"))
        deletions = [self._deletion(ctx, bucket.name, entry, bypasses) for entry in named]
        tried = [deletion for deletion in deletions if isinstance(deletion, Deletion)]
        tell = self._tell(ctx, bucket, DELETE)
        done = iter(await self._objects.delete(bucket.name, tried, tell=tell))
        outcomes = [next(done) if isinstance(wish, Deletion) else wish for wish in deletions]
        pairs = list(zip(named, outcomes, strict=True))
        result = {"Errors": [_failed(entry, end) for entry, end in pairs if isinstance(end, ServiceError)]}
        if not wish.get("Quiet"):
            result["Deleted"] = [_deleted(entry, end) for entry, end in pairs if isinstance(end, Deleted)]
        return {name: entries for name, entries in result.items() if entries}

    async def get_object_attributes(self, ctx: Context, req: Params) -> Result:
        """Only the attributes asked for."""
        bucket, address = self._place(req)
        try:
            info = (await self._objects.get(address, version_of(req))).info
        except ServiceError as error:
            raise self._may_know(ctx, bucket.name, error) from None
        check_customer_key(req, info.attributes.seal)
        asked = {name.strip() for entry in req["ObjectAttributes"] for name in str(entry).split(",")}
        offers: dict[str, Any] = {
            "ETag": info.etag,
            "Checksum": checksum_members(info.checksum),
            "ObjectParts": _part_members(req, info),
            "StorageClass": storage_class(info.attributes),
            "ObjectSize": info.size_bytes,
        }
        if unknown := asked - set(offers):
            raise invalid_argument(
                "Invalid attribute name specified.", "x-amz-object-attributes", ", ".join(sorted(unknown))
            )
        chosen = {name: value for name, value in offers.items() if name in asked and value is not None}
        shown = version_members(bucket, info.version)
        return {"LastModified": info.modified, **shown, **chosen}

    def _deletion(
        self, ctx: Context, bucket: str, entry: dict[str, Any], bypasses_governance: bool
    ) -> Deletion | ServiceError:
        """One of many deletions, or why the caller may not do it."""
        facts = {key: str(entry[member]) for member, key in _DELETION_FACTS.items() if member in entry}
        grants = deletion_grants(bucket, entry, ctx.region, bypasses_governance=bypasses_governance)
        try:
            for grant in grants:
                self._authorizer.require(ctx, "s3", grant, facts)
            return _wished(entry, bypasses_governance=bypasses_governance)
        except ServiceError as error:
            return error

    async def _find(self, req: Params) -> tuple[StoredObject, Slice, dict[str, Any]]:
        """The object, the slice asked for, and the response's headers."""
        bucket, address = self._place(req)
        found = await self._objects.get(address, version_of(req))
        info = found.info
        check_customer_key(req, info.attributes.seal)
        check_read(req, info)
        piece = requested_slice(req, info)
        members = object_members(info)
        if "VersionId" in req:
            members |= version_members(bucket, info.version)
        else:
            members |= shown_members(bucket, info)
        if info.attributes.lock is not None:
            members |= lock_members(info.attributes.lock)
        members |= encryption_members(info.attributes.seal)
        members["ContentLength"] = piece.size_bytes
        if piece.is_partial:
            members["ContentRange"] = piece.content_range(info.size_bytes)
        elif req.get("ChecksumMode") == "ENABLED":
            members |= checksum_members(info.checksum)
        if "PartNumber" in req and info.parts:
            members["PartsCount"] = len(info.parts)
        if not _OVERRIDES.isdisjoint(req):
            members |= {name.removeprefix("Response"): req[name] for name in _OVERRIDES if name in req}
        return found, piece, members


def upload_of(body: Any) -> Upload:
    """The payload of a request; calls made inside the process may bring bytes."""
    if body is None:
        return BytesUpload(b"")
    return BytesUpload(bytes(body)) if isinstance(body, (bytes, bytearray)) else cast("Upload", body)


def _wished(entry: dict[str, Any], *, bypasses_governance: bool) -> Deletion:
    refuse_unsupported(
        {
            f"IfMatch{name}": entry[name]
            for name in ("LastModifiedTime", "Size")
            if entry.get(name) is not None
        }
    )
    return Deletion(
        str(entry["Key"]),
        if_match=bare(str(entry["ETag"])) if "ETag" in entry else None,
        version=version_of(entry),
        bypasses_governance=bypasses_governance,
    )


def _failed(entry: dict[str, Any], error: ServiceError) -> dict[str, Any]:
    members = {"Key": entry["Key"], "Code": error.code, "Message": error.message}
    return {**members, "VersionId": entry["VersionId"]} if "VersionId" in entry else members


def _deleted(entry: dict[str, Any], done: Deleted) -> dict[str, Any]:
    members: dict[str, Any] = {"Key": entry["Key"]}
    if "VersionId" in entry:
        members["VersionId"] = entry["VersionId"]
    if done.is_marker:
        members |= {"DeleteMarker": True, "DeleteMarkerVersionId": done.version}
    return members


def _part_members(req: Params, info: ObjectInfo) -> dict[str, Any] | None:
    """The parts of an object made of parts, a page of them."""
    if not info.parts:
        return None
    marker, limit = int(req.get("PartNumberMarker", 0)), page_limit(req, "MaxParts")
    later = [part for part in info.parts if part.number > marker]
    shown = later[:limit]
    members: dict[str, Any] = {
        "TotalPartsCount": len(info.parts),
        "PartNumberMarker": marker,
        "MaxParts": limit,
        "IsTruncated": len(later) > len(shown) > 0,
        "Parts": [_part(part) for part in shown],
    }
    if shown:
        members["NextPartNumberMarker"] = shown[-1].number
    return members


def _part(part: PartEntry) -> dict[str, Any]:
    return {
        "PartNumber": part.number,
        "Size": part.size_bytes,
        **part_checksum_members(part.checksums),
    }
