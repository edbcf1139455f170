import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.tensor_file import read_tensors, write_tensors

KINDS = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
on_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_tensors_come_back_as_written(tmp_path, kind, shape):
    tensor = (torch.arange(24)[: max(1, torch.Size(shape).numel())] % 2).to(kind)
    tensor = tensor[:0].reshape(shape) if shape == (0,) else tensor.reshape(shape)
    write_tensors(tmp_path / "x", {"a": tensor, "b.c": tensor})
    found = read_tensors(tmp_path / "x")
    assert list(found) == ["a", "b.c"]
    assert found["a"].dtype == kind
    assert torch.equal(found["b.c"], tensor)


def test_metadata_of_other_writers_is_skipped(tmp_path):
    head = b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(head)) + head + struct.pack("<f", 2.5))
    assert read_tensors(tmp_path / "x")["a"].item() == 2.5


@pytest.mark.parametrize(
    "entry",
    [
        '{"dtype":"F32","shape":[1],"data_offsets":[0,400]}',
        '{"dtype":"F32","shape":[2],"data_offsets":[0,4]}',
        '{"dtype":"F99","shape":[1],"data_offsets":[0,4]}',
        '{"dtype":"F32","shape":[1],"data_offsets":[4,0]}',
        '{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}',
    ],
)
def test_a_tensor_that_does_not_fit_the_file_is_refused(tmp_path, entry):
    head = f'{{"a":{entry}}}'.encode()
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(head)) + head + b"\0\0\0\0")
    with pytest.raises(ClientError):
        read_tensors(tmp_path / "x")


def _reads_or_refuses(path):
    try:
        return isinstance(read_tensors(path), dict)
    except ClientError as error:
        return "safetensors" in str(error)


@given(st.binary(max_size=200))
@on_one_folder
def test_any_bytes_give_tensors_or_a_client_error(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    assert _reads_or_refuses(tmp_path / "x")


@given(st.integers(0, 200), st.integers(0, 255))
@on_one_folder
def test_a_damaged_file_gives_tensors_or_a_client_error(tmp_path, place, byte):
    write_tensors(tmp_path / "x", {"a": torch.ones(3)})
    data = bytearray((tmp_path / "x").read_bytes())
    data[place % len(data)] = byte
    (tmp_path / "x").write_bytes(data)
    assert _reads_or_refuses(tmp_path / "x")
