"""Read and write named tensors in the safetensors format: JSON header, then raw little-endian bytes.

The format runs no code when it is read, unlike a pickle, and a dozen lines suffice for it.
"""

# pyright: reportUnknownMemberType=false
# torch.frombuffer is typed only partly.

import struct
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from sagesse.algorithms.base import ClientError

_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_CODES = {kind: code for code, kind in _TYPES.items()}
_HEADER_LIMIT = 100 << 20  # the reference implementation's


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the file beside `path` and rename it, so that a reader never sees half of one."""
    header, bodies, offset = dict[str, _Entry](), list[bytes](), 0
    for name, tensor in tensors.items():
        body = tensor.detach().contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = _Entry(_CODES[tensor.dtype], list(tensor.shape), (offset, offset + len(body)))
        bodies.append(body)
        offset += len(body)
    head = msgspec.json.encode(header)
    head += b" " * (-len(head) % 8)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.writelines([struct.pack("<Q", len(head)), head, *bodies])
    part.replace(path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of the file, by name.

    Raises:
        ClientError: the file is not a well-formed safetensors file.
    """
    data = path.read_bytes()
    try:
        return _parse(data)
    except (struct.error, msgspec.DecodeError, KeyError, ValueError, RuntimeError) as error:
        raise ClientError(f"{path.name} is not a readable safetensors file: {error}") from error


def read_pickled(path: Path) -> object:
    """What torch saved at `path`; only tensors and plain containers are unpickled, no code runs.

    Raises:
        ClientError: the file is damaged or holds something else.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on damaged files torch's unpickler raises whatever it stumbles on
        reason = str(error).partition("\n")[0]
        raise ClientError(f"{path.name} is not a checkpoint of tensors: {reason}") from error


def _parse(data: bytes) -> dict[str, Tensor]:
    (size,) = struct.unpack_from("<Q", data)
    if size > min(_HEADER_LIMIT, len(data) - 8):
        raise ValueError("the header is longer than the file")
    head = msgspec.json.decode(data[8 : 8 + size], type=dict[str, msgspec.Raw])
    head.pop("__metadata__", None)
    tensors = dict[str, Tensor]()
    body = memoryview(bytearray(data[8 + size :]))
    for name, raw in head.items():
        entry = msgspec.json.decode(raw, type=_Entry)
        start, end = entry.data_offsets
        if not 0 <= start <= end <= len(body):
            raise ValueError(f"tensor {name} lies outside of the file")
        kind = _TYPES[entry.dtype]
        flat = torch.frombuffer(body[start:end], dtype=kind) if end > start else torch.empty(0, dtype=kind)
        tensors[name] = flat.reshape(entry.shape).clone()
    return tensors
