"""The codec of one operation in one protocol: four plain functions."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.model import Operation, service_model
from sagesse.wire.codec.check import compile_check
from sagesse.wire.codec.error import compile_write_error
from sagesse.wire.codec.read import compile_read, streams_in
from sagesse.wire.codec.shape import COMPILING
from sagesse.wire.codec.write import compile_write, streams_out
from sagesse.wire.message import Protocol, WireReply, WireRequest


class OperationCodec:
    """How one operation's requests are read and its replies written in one protocol.

    Attributes:
        operation: the model's operation.
        streams_in: the payload member of the input is handed over as an `Upload`.
        streams_out: the payload member of the result is a `Payload`.
        read: (request, path labels) -> the input by member names; unknown and null members are left out. Raises
            nothing but `ServiceError` with a 4xx status.
        check: raises one `ServiceError` that lists every constraint the input breaks, in AWS's wording.
        write: (result, request id) -> the reply. Members that are None or not modelled are left out.
        write_error: (error, request id) -> the reply.
    """

    __slots__ = ("check", "operation", "read", "streams_in", "streams_out", "write", "write_error")

    def __init__(self, operation: Operation, protocol: Protocol) -> None:
        self.operation = operation
        self.streams_in = streams_in(operation, protocol)
        self.streams_out = streams_out(operation, protocol)
        self.read: Callable[[WireRequest, dict[str, str]], dict[str, Any]] = compile_read(operation, protocol)
        self.check: Callable[[dict[str, Any]], None] = _check(operation)
        self.write: Callable[[Mapping[str, Any], str], WireReply] = compile_write(operation, protocol)
        self.write_error: Callable[[ServiceError, str], WireReply] = compile_write_error(operation, protocol)


_codecs: dict[tuple[str, str, Protocol], OperationCodec] = {}


def codec(service: str, operation: str, protocol: Protocol) -> OperationCodec:
    """The codec of an operation; compiled on the first call, by one thread at a time.

    Raises:
        KeyError: no such service or operation.
    """
    key = (service, operation, protocol)
    found = _codecs.get(key)
    if found is None:
        with COMPILING:
            found = _codecs.get(key) or OperationCodec(service_model(service).operations[operation], protocol)
            _codecs[key] = found
    return found


@cache
def _check(operation: Operation) -> Callable[[dict[str, Any]], None]:
    return compile_check(operation)
