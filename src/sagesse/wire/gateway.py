"""From an HTTP request to a call, and back.

    own endpoints > route > authenticate > read > pipeline > write

An error before an operation is known is written in the protocol the request seems to speak; after that, the
operation's codec writes it. What nobody expected is logged once with the request id and answered with
``InternalFailure``, never with a stack trace.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from sagesse.core.body import BytesUpload
from sagesse.core.call import Call
from sagesse.core.error import ServiceError
from sagesse.core.fault import fault_of
from sagesse.core.identifier import new_request_id
from sagesse.core.model import Operation, service_model
from sagesse.core.principal import Principal
from sagesse.wire.authenticate import Authenticator, Caller
from sagesse.wire.codec import OperationCodec, codec, write_common_error
from sagesse.wire.codec.write_body import request_headers
from sagesse.wire.cors import CrossOrigin, preflight, preflight_bucket, shared
from sagesse.wire.form import Form
from sagesse.wire.front import Exchange
from sagesse.wire.host import parse_host
from sagesse.wire.inflate import inflate
from sagesse.wire.message import Route, WireReply, WireRequest
from sagesse.wire.payload import Body, PayloadUpload, s3_payload_form, without_chunking
from sagesse.wire.post import answer, as_put, posted_to, signer
from sagesse.wire.refusal import refusal
from sagesse.wire.reply import Send, send_reply
from sagesse.wire.route import Router, router
from sagesse.wire.signature import parse
from sagesse.wire.sigv4 import UNSIGNED, Refused, Signature, Signed, payload_digest
from sagesse.wire.website import Find, Visit, Websites

OWN_ROOT = "/_sagesse/"
_log = logging.getLogger(__name__)

OwnEndpoint: TypeAlias = Callable[[WireRequest], Awaitable[WireReply]]


class CallRunner(Protocol):
    """The part of the pipeline the wire uses."""

    async def run(self, call: Call) -> Mapping[str, Any]:
        """Run one call."""
        ...


class CheckDocument(Protocol):
    """Refuses a body of S3 that is read whole and is not what its client said."""

    def __call__(
        self, body: bytes, headers: Mapping[str, str], trailers: Mapping[str, str], *, has_checksum: bool
    ) -> None:
        """Check it; `has_checksum` says whether checksums in headers speak of the body."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what one request may cost."""

    body_bytes: int = 64 * 1024 * 1024  # of a body that is not streamed, inflated
    document_bytes: int = 8 * 1024 * 1024  # of an S3 document; a deletion of 1000 long keys has 6 MiB
    idle_s: float = 60  # between two pieces of a body


class _Arrival(NamedTuple):
    """A request whose head has come: what it asks for, in whose name, and its body."""

    request: WireRequest
    body: Body
    signature: Signature | None
    route: Route
    codec: OperationCodec


class Gateway:
    """The ASGI application.

    Args:
        pipeline: runs the calls.
        authenticator: verifies signatures.
        endpoints: our own endpoints, by method and path (``POST /_sagesse/reset``); health is there already.
        region: of requests that name none.
        limits: bounds of a request.
        cross_origin: what buckets allow pages of other origins; nothing unless given.
        websites: the website configuration of a bucket, or None; there are no websites unless given.
        check_document: checks what clients say of S3's documents; nothing unless given.
    """

    def __init__(
        self,
        pipeline: CallRunner,
        authenticator: Authenticator,
        *,
        endpoints: Mapping[str, OwnEndpoint] | None = None,
        region: str = "us-east-1",
        limits: Limits | None = None,
        cross_origin: CrossOrigin | None = None,
        websites: Find | None = None,
        check_document: CheckDocument | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._authenticator = authenticator
        self._endpoints: dict[str, OwnEndpoint] = {f"GET {OWN_ROOT}health": _health, **(endpoints or {})}
        self._region = region
        self._limits = limits or Limits()
        self._cross_origin = cross_origin
        self._check_document = check_document
        self._websites = Websites(pipeline.run, websites) if websites else None
        self._router: Router = router()

    async def __call__(
        self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send
    ) -> None:
        """Answer one request."""
        exchange: Exchange | None = scope.get("sagesse")
        request = _head(scope)
        body = Body(
            receive,
            size_bytes=_body_size(request),
            timeout_s=self._limits.idle_s,
            is_here=exchange.has_body if exchange else _never,
        )
        request_id = new_request_id()
        reply = await self._reply(request, body, request_id)
        is_last = False
        if exchange is not None and exchange.awaits_continue:
            if body.is_complete:
                exchange.proceed()
            else:  # the client may send the body or not: only a new connection is unambiguous
                is_last = True
        try:
            try:
                await send_reply(reply, method=request.method, send=send, exchange=exchange, is_last=is_last)
            except FileNotFoundError:  # removed since; the client's next try learns what became of it
                reply = self._failure(request, request_id)
                await send_reply(reply, method=request.method, send=send, exchange=exchange, is_last=is_last)
        except Exception as failure:
            _log.warning("request %s: the response was cut: %r", request_id, failure)
            if exchange is not None:
                exchange.abort()

    async def _reply(self, request: WireRequest, body: Body, request_id: str) -> WireReply:
        try:
            if request.raw_path.startswith(OWN_ROOT):
                return await self._own(request, body)
            host = parse_host(request.headers.get("host", ""))
            if host.is_telemetry:
                return WireReply(200, [("Content-Type", "text/plain")], b"")
            if host.is_website and self._websites is not None:
                visit = Visit(request, host.bucket, host.region or self._region, request_id)
                return await self._websites.reply(visit)
            if self._cross_origin is not None and (bucket := preflight_bucket(request)):
                return self._preflight(self._cross_origin, bucket, request, request_id)
            if request.method == "POST" and (bucket := posted_to(request)):
                reply = await self._posted(bucket, request, body, request_id)
                return self._shared(reply, bucket, request)
            return await self._aws(request, body, request_id)
        except Exception as failure:
            fault = fault_of(failure)
            if fault is not None:
                _log.error("%s %s: %s Request %s", request.method, request.raw_path, fault.text, request_id)
                is_s3 = self._router.protocol(request, _signing_name(request)) == "rest-xml"
                return self._common_error(fault.error("s3" if is_s3 else ""), request, request_id)
            _log.error(
                "%s %s failed, request %s", request.method, request.raw_path, request_id, exc_info=failure
            )
            return self._failure(request, request_id)

    async def _own(self, request: WireRequest, body: Body) -> WireReply:
        endpoint = self._endpoints.get(f"{request.method} {request.raw_path}")
        if endpoint is None:
            return _text(404, f"There is no {request.method} {request.raw_path[:200]}.")
        if request.method != "GET" and "origin" in request.headers:
            return _text(403, "Not for web pages of other origins.")
        try:
            request.body = await body.read(self._limits.body_bytes)
        except ServiceError as error:
            return _text(error.status or 400, error.message)
        return await endpoint(request)

    async def _aws(self, request: WireRequest, body: Body, request_id: str) -> WireReply:
        try:
            arrival = await self._arrive(request, body)
        except ServiceError as error:
            return self._common_error(error, request, request_id)
        reply = await self._answer(arrival, request_id)
        if arrival.route.service != "s3":
            return reply
        return self._shared(reply, arrival.route.labels.get("Bucket", ""), request)

    def _shared(self, reply: WireReply, bucket: str, request: WireRequest) -> WireReply:
        if "origin" not in request.headers or self._cross_origin is None:
            return reply
        return shared(self._cross_origin, bucket, request, reply)

    async def _posted(self, bucket: str, request: WireRequest, body: Body, request_id: str) -> WireReply:
        """Store the file of a browser's form."""
        put = codec("s3", "PutObject", "rest-xml")
        now = self._authenticator.now()
        try:
            form = Form(body, request.headers["content-type"])
            await form.open()
            principal = signer(self._authenticator, form.fields)
            upload, labels = as_put(form, bucket, request, now)
            arrival = _Arrival(upload, body, None, Route("s3", "PutObject", "rest-xml", labels), put)
            call = self._call(arrival, principal, request_id)
            call.is_form = True
            reply = put.write(await self._pipeline.run(call), request_id)
            return answer(form, bucket, request, reply)
        except Refused as refused:
            return put.write_error(refusal(refused, "rest-xml", signature=None, now=now), request_id)
        except ServiceError as error:
            return put.write_error(error, request_id)

    async def _answer(self, arrival: _Arrival, request_id: str) -> WireReply:
        try:
            caller = await self._authenticate(arrival)
            call = self._call(arrival, caller, request_id)
            return arrival.codec.write(await self._pipeline.run(call), request_id)
        except ServiceError as error:
            return arrival.codec.write_error(error, request_id)

    def _preflight(self, rules: CrossOrigin, bucket: str, request: WireRequest, request_id: str) -> WireReply:
        try:
            reply = preflight(rules, bucket, request)
            return reply._replace(headers=[*request_headers("rest-xml", request_id), *reply.headers])
        except ServiceError as error:
            return self._common_error(error, request, request_id)

    async def _arrive(self, request: WireRequest, body: Body) -> _Arrival:
        """Find the operation; reads the body only of forms, which carry it there."""
        signature: Signature | None = None
        try:
            signature = parse(request.headers, request.query)
        except Refused as refused:
            protocol = self._router.protocol(request, None)
            raise refusal(refused, protocol, signature=None, now=self._authenticator.now()) from None
        name = signature.service if signature else None
        form = request
        if self._router.is_form(request, name):
            request.body = await body.read(self._limits.body_bytes)
            form = msgspec.structs.replace(request, body=self._inflated(request))
        route = self._router.route(form, name)
        return _Arrival(
            request, body, signature, route, codec(route.service, route.operation, route.protocol)
        )

    async def _authenticate(self, arrival: _Arrival) -> Principal:
        """Verify who calls, and read the body or open it as a stream."""
        try:
            if arrival.signature is None:
                caller = self._anonymous(arrival.route)
            else:
                caller = self._authenticator.identify(arrival.signature)
                self._check_scope(arrival.signature, arrival.route)
            if arrival.route.protocol == "rest-xml":
                await self._open_s3(arrival, caller)
            else:
                await self._open(arrival, caller)
        except Refused as refused:
            raise refusal(
                refused, arrival.route.protocol, signature=arrival.signature, now=self._authenticator.now()
            ) from None
        return caller.principal

    @staticmethod
    def _anonymous(route: Route) -> Caller:
        """Only S3, whose policies decide, and operations without authentication take unsigned requests."""
        if route.service == "s3" or _operation(route).raw.get("authtype") == "none":
            return Caller(Principal.anonymous(), None)
        raise Refused("missing")

    def _check_scope(self, signature: Signature, route: Route) -> None:
        wanted = self._router.signing_name(route.service)
        if signature.service != wanted:
            raise Refused("scope", f"Credential should be scoped to correct service: '{wanted}'. ")

    async def _open_s3(self, arrival: _Arrival, caller: Caller) -> None:
        """S3 signs what its header declares, so the body may stream and is checked on the way."""
        request, signature = arrival.request, arrival.signature
        form = s3_payload_form(request.headers, signature)
        if signature is not None:
            self._authenticator.verify(signature, caller, _signed(request), form.canonical)
        if arrival.body.is_complete and form.fits_nothing and not arrival.codec.streams_in:
            return
        upload = PayloadUpload(arrival.body, form, request.headers, signature=signature, secret=caller.secret)
        if form.is_chunked:
            without_chunking(request.headers)
        if arrival.codec.streams_in:
            request.upload = upload
        else:
            request.body = await self._document(upload)
            if request.body and self._check_document is not None:
                has_checksum = "httpChecksum" in _operation(arrival.route).raw
                self._check_document(
                    request.body, request.headers, upload.trailers, has_checksum=has_checksum
                )

    async def _document(self, upload: PayloadUpload) -> bytes:
        """The XML of an S3 operation; it is parsed before the caller's permissions are known, so it is short."""
        most = self._limits.document_bytes
        try:
            return await upload.read(most)
        except ServiceError as error:
            if error.status != 413:
                raise
            fields = {"MaxMessageLengthBytes": most}
            raise ServiceError(
                "MaxMessageLengthExceeded", "Your request was too big.", status=400, fields=fields
            ) from None

    async def _open(self, arrival: _Arrival, caller: Caller) -> None:
        """The other services sign the body's digest, so it is read first, unless they leave bodies unsigned."""
        request, signature, body = arrival.request, arrival.signature, arrival.body
        is_unsigned = _leaves_body_unsigned(arrival.route)
        if is_unsigned and signature is not None and arrival.codec.streams_in:
            try:
                self._authenticator.verify(signature, caller, _signed(request), UNSIGNED)
            except Refused:
                pass  # over plain HTTP the clients sign the body after all
            else:
                request.upload = PayloadUpload(body, s3_payload_form({}, None), request.headers)
                return
        if not body.is_complete:
            request.body = await body.read(self._limits.body_bytes)
        if signature is not None:
            self._authenticator.verify(signature, caller, _signed(request), payload_digest(request.body))
        if arrival.codec.streams_in:
            request.upload, request.body = BytesUpload(request.body), b""
        elif arrival.route.protocol != "rest-json":
            request.body = self._inflated(request)

    def _inflated(self, request: WireRequest) -> bytes:
        encoding = request.headers.get("content-encoding")
        if encoding is None:
            return request.body
        return inflate(request.body, encoding, limit_bytes=self._limits.body_bytes)

    def _call(self, arrival: _Arrival, principal: Principal, request_id: str) -> Call:
        request, route = arrival.request, arrival.route
        params = arrival.codec.read(request, route.labels)
        host = request.headers.get("host", "")
        region = arrival.signature.region if arrival.signature else parse_host(host).region
        return Call(
            service=route.service,
            operation=route.operation,
            region=region or self._region,
            principal=principal,
            params=params,
            request_id=request_id,
            check=partial(arrival.codec.check, params),
            source_ip=request.client,
            user_agent=request.headers.get("user-agent", ""),
            host=host,
            is_secure=request.is_secure,
        )

    def _failure(self, request: WireRequest, request_id: str) -> WireReply:
        message = f"Sagesse failed; the server's log has request {request_id}."
        return self._common_error(ServiceError("InternalFailure", message, status=500), request, request_id)

    def _common_error(self, error: ServiceError, request: WireRequest, request_id: str) -> WireReply:
        protocol = self._router.protocol(request, _signing_name(request))
        return write_common_error(error, request_id, protocol, head=request.method == "HEAD")


def _head(scope: Mapping[str, Any]) -> WireRequest:
    raw = scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    client = scope["client"]
    return WireRequest(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers if len(headers) == len(raw) else _joined(raw),
        client=client[0] if client else "127.0.0.1",
        is_secure=scope["scheme"] == "https",
    )


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers of which some are repeated."""
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ",".join(values) for name, values in headers.items()}


def _body_size(request: WireRequest) -> int | None:
    """The announced length; None for a chunked body. The parser has checked that the number is one."""
    if "transfer-encoding" in request.headers:
        return None
    return int(request.headers.get("content-length", "0"))


def _signed(request: WireRequest) -> Signed:
    return Signed(request.method, request.raw_path, request.query, request.headers)


def _signing_name(request: WireRequest) -> str | None:
    try:
        signature = parse(request.headers, request.query)
    except Refused:
        return None
    return signature.service if signature else None


def _leaves_body_unsigned(route: Route) -> bool:
    return _operation(route).raw.get("authtype") == "v4-unsigned-body"


def _operation(route: Route) -> Operation:
    return service_model(route.service).operations[route.operation]


async def _health(_: WireRequest) -> WireReply:
    return WireReply(200, [("Content-Type", "application/json")], b'{"status":"ok"}')


def _never() -> bool:
    return False


def _text(status: int, message: str) -> WireReply:
    return WireReply(status, [("Content-Type", "text/plain; charset=utf-8")], f"{message}\n".encode())
