"""Browser uploads: a form sent to a bucket becomes a PutObject in the name of who signed the form's policy."""

import base64
import hmac
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from sagesse.core.error import ServiceError
from sagesse.core.principal import Principal
from sagesse.wire.authenticate import Authenticator
from sagesse.wire.form import Form
from sagesse.wire.message import WireReply, WireRequest
from sagesse.wire.page import place_of
from sagesse.wire.post_policy import SizeRange, check_policy
from sagesse.wire.sigv4 import Refused, parse_form, verify_text

_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-md5",
    "content-type",
    "expires",
)
_OF_SIGNATURE = ("algorithm", "credential", "date", "security-token", "signature")


def posted_to(request: WireRequest) -> str | None:
    """The bucket a browser's form was sent to, or None when the request is something else."""
    if request.method != "POST" or "authorization" in request.headers or request.query:
        return None
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return None
    place = place_of(request)
    return place.bucket if place and not place.rest else None


class Upload:
    """The file of a form; refused at its end, or before, when its length is not what the policy allows."""

    def __init__(self, form: Form, size: SizeRange) -> None:
        self.trailers: dict[str, str] = {}
        self._form = form
        self._size = size

    @property
    def size_bytes(self) -> None:
        """Not announced."""
        return

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes.

        Raises:
            ServiceError: EntityTooLarge, EntityTooSmall, or the body ends too early.
        """
        received = 0
        async for piece in self._form:
            received += len(piece)
            if received > self._size.most:
                raise ServiceError(
                    "EntityTooLarge",
                    "Your proposed upload exceeds the maximum allowed size",
                    status=400,
                    fields={"ProposedSize": received, "MaxSizeAllowed": self._size.most},
                )
            yield piece
        if received < self._size.least:
            raise ServiceError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                status=400,
                fields={"ProposedSize": received, "MinSizeAllowed": self._size.least},
            )


def signer(authenticator: Authenticator, fields: Mapping[str, str]) -> Principal:
    """Who signed the form's policy; nobody when there is none.

    Raises:
        Refused: the signature is not accepted.
    """
    policy = fields.get("policy")
    if policy is None:
        return Principal.anonymous()
    signature = parse_form(fields, authenticator.now())
    caller = authenticator.identify(signature)
    if caller.secret is None:
        return caller.principal
    if "x-amz-signature" in fields:
        verify_text(signature, caller.secret, policy)
    else:  # version 2, boto3's default in some regions
        digest = base64.b64encode(hmac.digest(caller.secret.encode(), policy.encode(), "sha1"))
        if not hmac.compare_digest(digest, fields.get("signature", "").encode()):
            raise Refused("mismatch")
    return caller.principal


def as_put(form: Form, bucket: str, request: WireRequest, now: float) -> tuple[WireRequest, dict[str, str]]:
    """The form as a PutObject request with its path labels, once its policy allows it.

    Raises:
        ServiceError: it does not, or the form names no key.
    """
    fields = form.fields
    if not fields.get("key"):
        raise ServiceError(
            "InvalidArgument",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
            status=400,
            fields={"ArgumentName": "key", "ArgumentValue": ""},
        )
    if "tagging" in fields:
        message = (
            "Sagesse does not support the form field tagging; x-amz-tagging takes the tags as a query string"
        )
        raise ServiceError("NotImplemented", message, status=501)
    fields["key"] = fields["key"].replace("${filename}", form.filename)
    size = check_policy(fields["policy"], fields, bucket, now) if "policy" in fields else SizeRange()
    headers = {name: value for name, value in fields.items() if _is_header(name)}
    headers |= {name: request.headers[name] for name in ("host", "user-agent") if name in request.headers}
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    put = WireRequest("PUT", f"/{bucket}/{quote(fields['key'])}", "", headers, upload=Upload(form, size))
    put.client, put.is_secure = request.client, request.is_secure
    return put, {"Bucket": bucket, "Key": fields["key"]}


def answer(form: Form, bucket: str, request: WireRequest, reply: WireReply) -> WireReply:
    """What the browser is told after the object was stored: where to go on, or that all is well."""
    fields = form.fields
    etag = next((value for name, value in reply.headers if name.lower() == "etag"), "")
    redirect = fields.get("success_action_redirect") or fields.get("redirect", "")
    if redirect.lower().startswith(("http://", "https://")):
        found = urlencode({"bucket": bucket, "key": fields["key"], "etag": etag})
        target = f"{redirect}{'&' if '?' in redirect else '?'}{found}"
        return WireReply(303, [*reply.headers, ("Location", target)], b"")
    scheme = "https" if request.is_secure else "http"
    location = f"{scheme}://{request.headers.get('host', '')}/{bucket}/{quote(fields['key'])}"
    headers = [*reply.headers, ("Location", location)]
    status = fields.get("success_action_status", "204")
    if status != "201":
        return WireReply(200 if status == "200" else 204, headers, b"")
    members = {"Location": location, "Bucket": bucket, "Key": fields["key"], "ETag": etag}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inner}</PostResponse>'
    return WireReply(201, [*headers, ("Content-Type", "application/xml")], document.encode())


def _is_header(name: str) -> bool:
    is_amz = name.startswith("x-amz-") and name.removeprefix("x-amz-") not in _OF_SIGNATURE
    return is_amz or name in _HEADERS
