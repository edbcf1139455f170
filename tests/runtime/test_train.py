"""The entry point of built-in algorithms."""

import os
import signal
from pathlib import Path

import pytest

from sagesse.algorithms.base import Channel, ClientError, Job
from sagesse.runtime import contract, train


class _Algorithm:
    """Does to a job what the test says, and keeps it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.job: Job | None = None

    def train(self, job: Job) -> None:
        self.job = job
        if self.error is not None:
            raise self.error
        (job.model_dir / "weights").write_text("w")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    contract.write_training_input(
        tmp_path,
        hyperparameters={"epochs": "3", "quoted": '"adam"', "seed": "7", "_tuning_objective_metric": "x"},
        resource=contract.resource_config(instance_type="ml.m5.large"),
        channels=contract.input_data_config([{"ChannelName": "train", "ContentType": "text/csv"}]),
    )
    return tmp_path


def _train(monkeypatch: pytest.MonkeyPatch, algorithm: _Algorithm, repository: str = "xgboost") -> int:
    monkeypatch.setattr(train, "algorithm", lambda _: algorithm)
    monkeypatch.setattr(train.signal, "signal", lambda *_: None)
    return train.main(repository)


def test_the_job_is_what_the_contract_files_say(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = _Algorithm()
    assert _train(monkeypatch, algorithm) == 0
    job = algorithm.job
    assert job is not None
    assert job.hyperparameters == {"epochs": "3", "quoted": "adam", "seed": "7"}
    assert job.channels == {"train": Channel("train", base / "input/data/train", "text/csv", "File")}
    assert (job.num_threads, job.seed) == (2, 7)
    assert (base / "model/weights").read_text() == "w"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ClientError("epochs: 0 is not positive"), "ClientError: epochs: 0 is not positive"),
        (RuntimeError("boom"), "AlgorithmError: RuntimeError: boom"),
        (MemoryError(), "AlgorithmError: the job ran out of memory"),
    ],
)
def test_a_failure_says_whose_fault_it_is(
    base: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, failure: str
) -> None:
    assert _train(monkeypatch, _Algorithm(error)) == 1
    assert contract.read_failure(base) == failure


def test_an_unknown_algorithm_is_the_clients_fault(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _train(monkeypatch, _Algorithm(), "astrology") == 1
    assert (contract.read_failure(base) or "").startswith(
        "ClientError: there is no built-in algorithm astrology"
    )


def test_sigterm_is_a_question_the_algorithm_asks(base: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        stop = train._StopAsked()
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    finally:
        signal.signal(signal.SIGTERM, before)
