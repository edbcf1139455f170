"""Where the hosts of a job go, and what their plans say there."""

import msgspec
import pytest

from sagesse.engines.jobs.base import Command, Feed, Plan
from sagesse.engines.jobs.ray.placement import Misfit, Place, fit, place_of

LOOPBACK = {"algo-1": "127.9.0.1", "algo-2": "127.9.0.2"}
PLAN = Plan(
    "training-x_2",
    Command(("true",)),
    environment={"GLOO_SOCKET_IFNAME": "lo", "OWN": "1"},
    hostname="algo-2",
    hosts=LOOPBACK,
    peers=("training-x",),
    threads=3,
)


def test_the_hosts_of_a_job_have_one_group_with_a_bundle_each() -> None:
    assert place_of(PLAN) == Place("training-x", bundle=1, bundles=2, cores=3)


def test_a_job_of_one_host_has_a_group_of_its_own() -> None:
    assert place_of(Plan("training-y", Command(("true",)))) == Place("training-y", 0, 1, 1)


def test_hosts_on_one_machine_keep_their_addresses() -> None:
    assert fit(PLAN, ["10.0.0.1", "10.0.0.1"], shares_files=True) == PLAN


def test_hosts_on_several_machines_have_the_addresses_of_those() -> None:
    plan = fit(PLAN, ["10.0.0.1", "10.0.0.2"], shares_files=True)
    assert plan.hosts == {"algo-1": "10.0.0.1", "algo-2": "10.0.0.2"}
    assert plan.environment == {"OWN": "1"}


@pytest.mark.parametrize(
    ("changes", "addresses", "words"),
    [
        ({"isolate_network": True}, ["10.0.0.1", "10.0.0.2"], "network isolation"),
        ({"is_contained": True}, ["10.0.0.1", "10.0.0.1"], "container"),
        ({"feeds": (Feed("ml/input/data/train", "train.list"),)}, ["10.0.0.1", "10.0.0.1"], "Pipe mode"),
        ({"mounts": {"/data": "/srv/data"}}, ["10.0.0.1", "10.0.0.1"], "mounted"),
    ],
)
def test_what_cannot_be_there_is_refused(
    changes: dict[str, object], addresses: list[str], words: str
) -> None:
    with pytest.raises(Misfit, match=words):
        fit(msgspec.structs.replace(PLAN, **changes), addresses, shares_files=False)
