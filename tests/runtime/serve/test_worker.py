"""Loading what a server serves."""

from pathlib import Path

import pytest

from sagesse.algorithms.base import ClientError
from sagesse.runtime.serve.message import EXIT_BAD_MODEL, Request
from sagesse.runtime.serve.worker import load, main


def test_a_function_of_a_module_gives_the_model(tmp_path: Path) -> None:
    (reply,) = load("sagesse.testing.serving_model:load", tmp_path).answer([Request(b"hi")])

    assert reply.body == b"1:hi"


def test_an_unknown_algorithm_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="no built-in algorithm is called 'alchemy'; known: image-class"):
        load("algorithm:alchemy", tmp_path)


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        ("algorithm:alchemy", EXIT_BAD_MODEL, "ClientError: no built-in algorithm"),
        ("no_such_module:load", 1, "ModuleNotFoundError: "),
    ],
)
def test_a_failure_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, code: int, reason: str
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))

    assert main(source, str(tmp_path / "s"), str(tmp_path)) == code
    assert (tmp_path / "output/failure").read_text().startswith(reason)
