"""The model compiler: botocore's models become functions that read requests and write replies."""

from sagesse.wire.codec.error import write_common_error
from sagesse.wire.codec.operation import OperationCodec, codec

__all__ = ["OperationCodec", "codec", "write_common_error"]
