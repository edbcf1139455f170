"""What the images of frameworks do where a script leaves a step to them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xgboost

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.runtime.serve.framework import steps_of
from sagesse.runtime.serve.message import Reply, Request
from sagesse.runtime.serve.script import ScriptAnswerer

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning"
)  # it is what AWS's images load

TORCH = steps_of("pytorch")
XGBOOST = steps_of("xgboost")
HUGGING_FACE = steps_of("huggingface-pytorch")


def _scripted(folder: Path, name: str) -> None:
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.zero_()
    torch.jit.script(layer).save(str(folder / name))


def _ask(answerer: ScriptAnswerer, body: bytes, content_type: str, accept: str = "") -> Reply:
    (reply,) = answerer.answer([Request(body, content_type, accept)])
    return reply


def test_a_torchscript_file_alone_is_served(tmp_path: Path) -> None:
    _scripted(tmp_path, "model.pth")
    answerer = ScriptAnswerer(tmp_path, {}, "pytorch")

    assert _ask(answerer, b"[[1, 2], [3, 4]]", "application/json").body == b"[[3.0], [7.0]]"
    assert _ask(answerer, b"1,2", "text/csv", "text/csv").body == b"3.0\n"


def test_which_of_two_files_is_not_guessed(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pth"):
        _scripted(tmp_path, name)

    with pytest.raises(ClientError, match=r"exactly one .pt or .pth file; it has: a.pt, b.pth"):
        ScriptAnswerer(tmp_path, {}, "pytorch")


def test_a_file_of_weights_is_no_model(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 1).state_dict(), tmp_path / "model.pt")

    with pytest.raises(ClientError, match=r"model.pt is no TorchScript file"):
        ScriptAnswerer(tmp_path, {}, "pytorch")


def test_other_images_need_a_script(tmp_path: Path) -> None:
    _scripted(tmp_path, "model.pth")

    with pytest.raises(ClientError, match=r"no code/inference.py"):
        ScriptAnswerer(tmp_path, {}, "scikit-learn")


def test_a_torch_module_is_called_with_tensors_and_no_gradient() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Dropout())
    prediction = TORCH.predict(TORCH.read("[[1, 2]]", "application/json"), model)

    assert not prediction.requires_grad
    assert not model.training
    assert TORCH.write(torch.ones(1, requires_grad=True), "text/csv") == (b"1.0\n", "text/csv")


@pytest.mark.parametrize("body", ["[[1], [2, 3]]", '{"a": 1}', '"text"', "["])
def test_what_is_no_tensor_is_a_bad_request(body: str) -> None:
    with pytest.raises(RequestError) as refusal:
        TORCH.read(body, "application/json")
    assert refusal.value.status == 400


def test_a_booster_is_given_a_matrix() -> None:
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    model = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows[:, 0], nthread=1), 2)

    (from_csv,) = XGBOOST.predict(XGBOOST.read("4,5", "text/csv"), model)
    (from_libsvm,) = XGBOOST.predict(XGBOOST.read(b"0:4 1:5", "text/libsvm"), model)
    assert from_csv == from_libsvm == model.predict(xgboost.DMatrix(rows[2:3]))[0]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("a,b", "text/csv", 400),
        (b"\xff", "text/libsvm", 400),
        (b"x", "image/png", 415),
        ("", "text/csv", 204),
    ],
)
def test_rows_that_cannot_be_read_are_bad_requests(body: bytes | str, kind: str, status: int) -> None:
    with pytest.raises(RequestError) as refusal:
        XGBOOST.read(body, kind)
    assert refusal.value.status == status


def test_inputs_and_parameters_go_to_a_pipeline() -> None:
    def pipeline(inputs: object, top_k: int = 1) -> object:
        return [inputs, top_k]

    def ask(body: bytes | str, kind: str) -> object:
        return HUGGING_FACE.predict(HUGGING_FACE.read(body, kind), pipeline)

    assert ask('{"inputs": "a", "parameters": {"top_k": 3}}', "application/json") == ["a", 3]
    assert ask(b"a", "text/plain") == ["a", 1]
    assert ask("inputs\na\nb\n", "text/csv") == [["a", "b"], 1]
    assert ask("[1]", "application/json") == [[1], 1]
