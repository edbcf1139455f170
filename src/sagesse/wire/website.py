"""Buckets as websites: ``http://<bucket>.s3-website-<region>.amazonaws.com`` and ``http://<bucket>.s3-website.localhost``.

A visitor is nobody: what a page shows must be readable without a signature.
Source: the S3 user guide, "Website endpoints" and "Configuring a webpage redirect".
"""

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from sagesse.core.body import Stream
from sagesse.core.call import Call
from sagesse.core.error import ServiceError
from sagesse.core.principal import Principal
from sagesse.wire.codec import codec
from sagesse.wire.codec.write_body import request_headers
from sagesse.wire.message import WireReply, WireRequest

Find: TypeAlias = Callable[[str], Mapping[str, Any] | None]
Run: TypeAlias = Callable[[Call], Awaitable[Mapping[str, Any]]]

_HEADERS = ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_MISSING = frozenset({403, 404})


class Visit(NamedTuple):
    """A request of a visitor, to the website of a bucket."""

    request: WireRequest
    bucket: str
    region: str
    request_id: str


class Websites:
    """Answers visitors.

    Args:
        run: runs calls.
        find: the website configuration of a bucket (members of `GetBucketWebsite`), or None.
    """

    def __init__(self, run: Run, find: Find) -> None:
        self._run = run
        self._find = find

    async def reply(self, visit: Visit) -> WireReply:
        """Answer a visit: an object, a redirect, the error document or a plain page that says what is wrong."""
        reply = await self._answer(visit)
        if any(name == "x-amz-request-id" for name, _ in reply.headers):
            return reply
        return reply._replace(headers=[*request_headers("rest-xml", visit.request_id), *reply.headers])

    async def _answer(self, visit: Visit) -> WireReply:
        request = visit.request
        website = self._find(visit.bucket)
        if request.method not in {"GET", "HEAD"}:
            return _page(
                405, "MethodNotAllowed", "The specified method is not allowed against this resource."
            )
        if website is None:
            message = "The specified bucket does not have a website configuration"
            return _page(404, "NoSuchWebsiteConfiguration", message)
        if "RedirectAllRequestsTo" in website:
            return _moved({**website["RedirectAllRequestsTo"]}, visit, _key(request))
        suffix = str(website["IndexDocument"]["Suffix"])
        key = _key(request)
        whole = f"{key}{suffix}" if not key or key.endswith("/") else key
        if redirect := _redirect(website, whole, None):
            return redirected(redirect, visit, whole)
        try:
            return await self._get(visit, whole)
        except ServiceError as error:
            return await self._failed(visit, website, whole, error)

    async def _failed(
        self, visit: Visit, website: Mapping[str, Any], key: str, error: ServiceError
    ) -> WireReply:
        status = error.status or 400
        if status not in _MISSING:
            return codec("s3", "GetObject", "rest-xml").write_error(error, visit.request_id)
        if not key.endswith("/") and await self._is_there(
            visit, f"{key}/{website['IndexDocument']['Suffix']}"
        ):
            return WireReply(302, [("Location", f"/{quote(key)}/")], b"")
        if redirect := _redirect(website, key, str(status)):
            return redirected(redirect, visit, key)
        document = website.get("ErrorDocument")
        if document:
            try:
                reply = await self._get(visit, str(document["Key"]), conditional=False)
            except ServiceError:
                return _page(status, error.code, error.message)
            return reply._replace(status=status)
        return _page(status, error.code, error.message)

    async def _get(self, visit: Visit, key: str, *, conditional: bool = True) -> WireReply:
        get = codec("s3", "GetObject", "rest-xml")
        named = visit.request.headers
        headers = {name: named[name] for name in _HEADERS if name in named} if conditional else {}
        request = WireRequest("GET", "/", "", headers)
        params = get.read(request, {"Bucket": visit.bucket, "Key": key})
        found = await self._run(_call(visit, "GetObject", params))
        location = found.get("WebsiteRedirectLocation")
        if location is None:
            return get.write(found, visit.request_id)
        body = found["Body"]
        if isinstance(body, Stream) and (close := getattr(body.chunks, "aclose", None)):
            await close()
        return WireReply(301, [("Location", str(location))], b"")

    async def _is_there(self, visit: Visit, key: str) -> bool:
        try:
            await self._run(_call(visit, "HeadObject", {"Bucket": visit.bucket, "Key": key}))
        except ServiceError:
            return False
        return True


def redirected(redirect: Mapping[str, str], visit: Visit, key: str) -> WireReply:
    """Where a routing rule sends a visitor of `key`."""
    if "ReplaceKeyWith" in redirect:
        key = redirect["ReplaceKeyWith"]
    elif "ReplaceKeyPrefixWith" in redirect:
        key = redirect["ReplaceKeyPrefixWith"] + key[len(redirect["KeyPrefixEquals"]) :]
    return _moved(redirect, visit, key)


def _redirect(website: Mapping[str, Any], key: str, status: str | None) -> dict[str, str] | None:
    """The redirect of the first routing rule for `key`, before (None) or after an error of `status`."""
    for rule in website.get("RoutingRules") or ():
        condition: Mapping[str, str] = rule.get("Condition") or {}
        prefix = condition.get("KeyPrefixEquals", "")
        if condition.get("HttpErrorCodeReturnedEquals") == status and key.startswith(prefix):
            return {**rule["Redirect"], "KeyPrefixEquals": prefix}
    return None


def _moved(redirect: Mapping[str, str], visit: Visit, key: str) -> WireReply:
    request = visit.request
    scheme = redirect.get("Protocol") or ("https" if request.is_secure else "http")
    host = redirect.get("HostName") or request.headers.get("host", "")
    status = int(redirect.get("HttpRedirectCode", "301"))
    return WireReply(status, [("Location", f"{scheme}://{host}/{quote(key)}")], b"")


def _key(request: WireRequest) -> str:
    return unquote(request.raw_path.removeprefix("/"))


def _call(visit: Visit, operation: str, params: dict[str, Any]) -> Call:
    request = visit.request
    return Call(
        service="s3",
        operation=operation,
        region=visit.region,
        principal=Principal.anonymous(),
        params=params,
        request_id=visit.request_id,
        source_ip=request.client,
        user_agent=request.headers.get("user-agent", ""),
        host=request.headers.get("host", ""),
        is_secure=request.is_secure,
    )


def _page(status: int, code: str, message: str) -> WireReply:
    title = f"{status} {HTTPStatus(status).phrase}"
    text = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n<li>Code: {escape(code)}</li>\n"
        f"<li>Message: {escape(message)}</li>\n</ul>\n</body>\n</html>\n"
    )
    return WireReply(status, [("Content-Type", "text/html; charset=utf-8")], text.encode())
