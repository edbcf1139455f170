"""Cross-origin resource sharing: the configuration of buckets, and what browsers are told by it."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.error import invalid_request, no_such_bucket
from sagesse.services.s3._error import malformed_xml
from sagesse.services.s3._family import Family
from sagesse.services.s3._setting import CORS

_MAX_RULES = 100
_MAX_BYTES = 64 * 1024  # of all rules
_MAX_HEADERS = 100  # that a preflight may name
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_VARY = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


class Cors(Family):
    """Put, get and delete the rules of a bucket."""

    async def get_bucket_cors(self, ctx: Context, req: Params) -> Result:
        """The rules as they were put."""
        bucket = self._bucket(req)
        rules = bucket.settings.get(CORS)
        if rules is None:
            raise ServiceError(
                "NoSuchCORSConfiguration",
                "The CORS configuration does not exist",
                status=404,
                fields={"BucketName": bucket.name},
            )
        return {"CORSRules": rules}

    async def put_bucket_cors(self, ctx: Context, req: Params) -> Result:
        """Replace the rules."""
        bucket = self._bucket(req)
        rules: list[dict[str, Any]] = req["CORSConfiguration"].get("CORSRules") or []
        if not 1 <= len(rules) <= _MAX_RULES or len(orjson.dumps(rules)) > _MAX_BYTES:
            raise malformed_xml()
        for rule in rules:
            _check(rule)
        await self._objects.configure_bucket(bucket.name, CORS, rules)
        return None

    async def delete_bucket_cors(self, ctx: Context, req: Params) -> Result:
        """Share with no other origin."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, CORS, None)
        return None


class SharingRules:
    """What pages of other origins may do with a bucket; the wire's `CrossOrigin`.

    Args:
        objects: where buckets and their settings are kept.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def preflight(
        self, bucket: str, origin: str, method: str, headers: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        """The headers that allow what a browser asks before it does it.

        Raises:
            ServiceError: NoSuchBucket, or AccessForbidden when no rule allows it.
        """
        found = self._objects.find_bucket(bucket)
        if found is None:
            raise no_such_bucket(bucket)
        rules: list[dict[str, Any]] | None = found.settings.get(CORS)
        if rules is None:
            raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method)
        for rule in rules:
            if _matches(rule, origin, method) and _allows(rule, headers):
                allowed = [("Access-Control-Allow-Headers", ", ".join(headers))] if headers else []
                return [*_headers(rule, origin), *allowed]
        raise _forbidden(_NOT_ALLOWED, method)

    def answer(self, bucket: str, origin: str, method: str) -> Sequence[tuple[str, str]]:
        """The headers that let a page of `origin` read a response; none when no rule does."""
        found = self._objects.find_bucket(bucket)
        rules: list[dict[str, Any]] = (found.settings.get(CORS) if found else None) or []
        for rule in rules:
            if _matches(rule, origin, method):
                return _headers(rule, origin)
        return ()


def _check(rule: Mapping[str, Any]) -> None:
    for method in rule["AllowedMethods"]:
        if method not in _METHODS:
            raise invalid_request(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for member, name in (("AllowedOrigins", "AllowedOrigin"), ("AllowedHeaders", "AllowedHeader")):
        for value in rule.get(member) or ():
            if value.count("*") > 1:
                raise invalid_request(f'{name} "{value}" can not have more than one wildcard.')
    for value in rule.get("ExposeHeaders") or ():
        if "*" in value:
            raise invalid_request(
                f'ExposeHeader "{value}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


def _matches(rule: Mapping[str, Any], origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and any(
        _fits(pattern, origin) for pattern in rule["AllowedOrigins"]
    )


def _allows(rule: Mapping[str, Any], headers: Sequence[str]) -> bool:
    patterns = {pattern.lower() for pattern in rule.get("AllowedHeaders") or ()}
    wanted = {header.lower() for header in headers}
    return len(wanted) <= _MAX_HEADERS and all(
        any(_fits(pattern, header) for pattern in patterns) for header in wanted - patterns
    )


def _fits(pattern: str, text: str) -> bool:
    """Whether `text` is as `pattern`, whose one ``*`` stands for anything."""
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def _headers(rule: Mapping[str, Any], origin: str) -> list[tuple[str, str]]:
    is_for_all = "*" in rule["AllowedOrigins"]
    headers = [
        ("Access-Control-Allow-Origin", "*" if is_for_all else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if not is_for_all:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if "MaxAgeSeconds" in rule:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    return [*headers, _VARY]


def _forbidden(message: str, method: str) -> ServiceError:
    fields = {"Method": method, "ResourceType": "BUCKET"}
    return ServiceError("AccessForbidden", message, status=403, fields=fields)
