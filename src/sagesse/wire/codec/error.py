"""Writes errors in the shape of the caller's protocol, by the model's error shapes."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import cbor2
import orjson

from sagesse.core.error import ServiceError
from sagesse.core.identifier import host_id
from sagesse.core.model import Operation, ServiceModel
from sagesse.wire.codec.shape import COMPILING, Shape
from sagesse.wire.codec.write_body import (
    XML_DECLARATION,
    content_type,
    request_headers,
    tree_writers,
    xml_writers,
)
from sagesse.wire.codec.write_http import header_writer, safe_header
from sagesse.wire.codec.write_xml import escape
from sagesse.wire.message import Protocol, WireReply

WriteError: TypeAlias = Callable[[ServiceError, str], WireReply]
# What XML cannot hold, not even as a reference.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MESSAGE = frozenset(("message", "Message"))


class _Fault(NamedTuple):
    """An error as it goes out."""

    name: str  # of its shape, for JSON and CBOR
    code: str  # for XML and x-amzn-query-error
    status: int
    is_sender: bool
    shape: Shape | None


def compile_write_error(operation: Operation, protocol: Protocol) -> WriteError:
    """The function that writes errors of `operation`."""
    service, preferred = operation.service, operation.errors
    is_head = operation.http["method"] == "HEAD" and protocol in ("rest-json", "rest-xml")

    def write(error: ServiceError, request_id: str) -> WireReply:
        return _write(error, request_id, protocol, _find(service, preferred, error), service, is_head=is_head)

    return write


def write_common_error(
    error: ServiceError, request_id: str, protocol: Protocol, *, head: bool = False
) -> WireReply:
    """An error of a request whose operation is not known.

    Args:
        error: what went wrong.
        request_id: names the request.
        protocol: the caller's, as far as it is known.
        head: the request was a HEAD, whose replies have no body.
    """
    return _write(error, request_id, protocol, _unmodelled(error), None, is_head=head)


def _write(
    error: ServiceError,
    request_id: str,
    protocol: Protocol,
    fault: _Fault,
    service: ServiceModel | None,
    *,
    is_head: bool,
) -> WireReply:
    headers = request_headers(protocol, request_id)
    if fault.shape is not None and protocol in ("rest-json", "rest-xml"):
        header_writer(fault.shape)(error.fields, headers)
    headers.extend((name, safe_header(value)) for name, value in error.headers.items())
    if protocol == "rest-json":
        headers.append(("x-amzn-ErrorType", safe_header(fault.name)))
    if protocol in ("json", "cbor") and service is not None and "awsQueryCompatible" in service.metadata:
        sender = "Sender" if fault.is_sender else "Receiver"
        headers.append(("x-amzn-query-error", safe_header(f"{fault.code};{sender}")))
    if is_head or fault.status == 304:
        return WireReply(fault.status, headers, b"")
    headers.append(("Content-Type", content_type(service, protocol)))
    return WireReply(fault.status, headers, _body(error, request_id, protocol, fault, service))


def _body(
    error: ServiceError, request_id: str, protocol: Protocol, fault: _Fault, service: ServiceModel | None
) -> bytes:
    if protocol not in ("query", "rest-xml"):
        return _tree(error, protocol, fault)
    message = escape(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", error.message))
    content = f"<Code>{escape(fault.code)}</Code><Message>{message}</Message>{_xml_fields(error, fault)}"
    request = f"<RequestId>{escape(request_id)}</RequestId>"
    if protocol == "rest-xml" and (service is None or service.name == "s3"):
        host = f"<HostId>{host_id(request_id)}</HostId>"
        return f"{XML_DECLARATION}<Error>{content}{request}{host}</Error>".encode()
    kind = f"<Type>{'Sender' if fault.is_sender else 'Receiver'}</Type>"
    xmlns = service.metadata.get("xmlNamespace", "") if service else ""
    start = f'<ErrorResponse xmlns="{xmlns}">' if xmlns else "<ErrorResponse>"
    return f"{start}<Error>{kind}{content}</Error>{request}</ErrorResponse>".encode()


def _tree(error: ServiceError, protocol: Protocol, fault: _Fault) -> bytes:
    is_binary = protocol == "cbor"
    body: dict[str, Any] = {} if protocol == "rest-json" else {"__type": fault.name}
    body["message"] = error.message
    fields = dict(error.fields)
    if fault.shape is not None:
        if "Message" in fault.shape.members:
            body["Message"] = error.message
        with COMPILING:
            convert = tree_writers(fault.shape.service, is_binary=is_binary).converter(fault.shape)
        known = {key: fields.pop(key) for key in list(fields) if key in fault.shape.members}
        body.update(convert(known) if convert else known)
    body.update((key, value) for key, value in fields.items() if value is not None)
    return cbor2.dumps(body) if is_binary else orjson.dumps(body)


def _xml_fields(error: ServiceError, fault: _Fault) -> str:
    fields: dict[str, Any] = {key: value for key, value in error.fields.items() if value is not None}
    rendered = ""
    if fault.shape is not None:
        members = {
            member.wire_name(name): (name, member)
            for name, member in fault.shape.members.items()
            if name not in _MESSAGE and member.location is None
        }
        known = {name: fields.pop(name) for name, _ in members.values() if name in fields}
        with COMPILING:
            render = xml_writers(fault.shape.service, has_millis=False).fields(members)
        rendered = render(known)
    return rendered + "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items())


def _find(service: ServiceModel, preferred: tuple[str, ...], error: ServiceError) -> _Fault:
    """The fault of `error`: its code is the name or the wire code of one of the service's error shapes."""
    names = _error_shapes(service).get(error.code)
    if names is None:
        return _unmodelled(error)
    name = next((name for name in names if name in preferred), names[0])
    shape = Shape(service, {"shape": name})
    traits = shape.traits.get("error", {})
    is_fault = bool(shape.traits.get("fault"))
    status = error.status or traits.get("httpStatusCode") or (500 if is_fault else 400)
    is_sender = traits.get("senderFault", not is_fault and status < 500)
    return _Fault(name, traits.get("code", name), status, is_sender, shape)


def _unmodelled(error: ServiceError) -> _Fault:
    status = error.status or 400
    return _Fault(error.code, error.code, status, status < 500, None)


@cache
def _error_shapes(service: ServiceModel) -> Mapping[str, list[str]]:
    """Names of the error shapes, by their name and by their wire code."""
    found: dict[str, list[str]] = {}
    for name, shape in service.shapes.items():
        if shape.get("exception"):
            found.setdefault(name, []).insert(0, name)
            code = shape.get("error", {}).get("code")
            if code and code != name:
                found.setdefault(code, []).append(name)
    return found
