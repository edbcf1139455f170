"""Which of several hosts says how the job ended."""

from pathlib import Path

import pytest

from sagesse.engines.jobs.base import Run
from sagesse.services.sagemaker._ending import HostRun, decisive, ends_the_others, outcome
from sagesse.services.sagemaker._hosts import Hosts, InstanceGroup

LOG = Path("/no/log")
WELL = Run("exited", LOG, exit_code=0, reason="exit", ended=9.0)
FAILED = Run("exited", LOG, exit_code=3, reason="exit", ended=2.0)
FAILED_LATER = Run("exited", LOG, exit_code=4, reason="exit", ended=3.0)
STOPPED = Run("exited", LOG, exit_code=143, signal=15, reason="stopped", ended=1.0)
TIMED_OUT = Run("exited", LOG, exit_code=143, signal=15, reason="max_runtime", ended=4.0)
LOST = Run("lost", LOG)
RUNNING = Run("running", LOG)


@pytest.mark.parametrize(
    ("runs", "deciding"),
    [
        ((WELL, WELL), WELL),
        ((WELL, FAILED), FAILED),
        ((FAILED_LATER, FAILED), FAILED),
        ((STOPPED, FAILED), FAILED),
        ((WELL, STOPPED), STOPPED),
        ((FAILED, TIMED_OUT), TIMED_OUT),
        ((FAILED, LOST, STOPPED), LOST),
    ],
)
def test_the_cause_decides_and_not_what_followed_from_it(runs: tuple[Run, ...], deciding: Run) -> None:
    hosts = Hosts([InstanceGroup("ml.m5.large", len(runs))], "training-1")
    ends = [HostRun(host, run) for host, run in zip(hosts, runs, strict=True)]
    assert decisive(ends).run == deciding


@pytest.mark.parametrize("run", [FAILED, STOPPED, TIMED_OUT, LOST])
def test_a_host_that_did_not_end_well_ends_the_others(run: Run) -> None:
    assert ends_the_others([RUNNING, run])


def test_a_host_that_ended_well_lets_the_others_go_on() -> None:
    assert not ends_the_others([RUNNING, WELL])


SETUP = Run("exited", LOG, reason="setup", message="no namespaces", ended=1.0)


@pytest.mark.parametrize(
    ("run", "said", "reason"),
    [
        (FAILED, "bad luck", "AlgorithmError: algo-2: bad luck, exit code: 3"),
        (FAILED, "ClientError: no", "ClientError: algo-2: no"),
        (SETUP, "", "InternalServerError: algo-2: no namespaces"),
        (
            LOST,
            "",
            "InternalServerError: algo-2: The machine stopped while the job ran. Please start it again.",
        ),
    ],
)
def test_the_reason_names_the_host_where_there_are_several(run: Run, said: str, reason: str) -> None:
    assert outcome(run, said, is_stopping=False, host="algo-2") == ("Failed", reason)


def test_a_host_alone_is_not_named() -> None:
    assert outcome(FAILED, "ClientError: no", is_stopping=False) == ("Failed", "ClientError: no")


def test_a_job_that_was_asked_to_stop_is_stopped_however_its_hosts_took_it() -> None:
    assert outcome(FAILED, "bad luck", is_stopping=True) == ("Stopped", "")
