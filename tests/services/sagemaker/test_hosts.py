"""The hosts of a job: names, runs, addresses, and what each gets of what is divided."""

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from sagesse.services.sagemaker._hosts import Hosts, InstanceGroup, job_run_id
from sagesse.services.sagemaker._share import Share

SMALL, LARGE = InstanceGroup("ml.m5.large", 2, "small"), InstanceGroup("ml.m5.2xlarge", 1, "large")
TWO = Hosts([InstanceGroup("ml.m5.large", 2)], "training-1.2")
MIXED = Hosts([SMALL, LARGE], "training-2")


def test_the_first_host_has_the_jobs_run_and_all_belong_to_it() -> None:
    assert [host.run_id for host in TWO] == ["training-1.2", "training-1.2_2"]
    assert {job_run_id(host.run_id) for host in TWO} == {"training-1.2"}


def test_hosts_are_counted_over_all_groups() -> None:
    assert [(host.name, host.group.name) for host in MIXED] == [
        ("algo-1", "small"),
        ("algo-2", "small"),
        ("algo-3", "large"),
    ]


def test_a_host_alone_has_no_addresses_to_know() -> None:
    alone = Hosts([InstanceGroup("ml.m5.large", 1)], "training-3")
    assert (alone.addresses, alone.peers(alone.first)) == ({}, ())


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.integers(1, 20))
def test_addresses_are_distinct_and_loopback(run_id: str, count: int) -> None:
    addresses = [IPv4Address(host.address) for host in Hosts([InstanceGroup("ml.m5.large", count)], run_id)]
    assert len(set(addresses)) == count
    assert all(
        address.is_loopback and IPv4Address("127.1.0.0") < address < IPv4Address("127.255.0.0")
        for address in addresses
    )


def test_jobs_have_addresses_of_their_own() -> None:
    seen = [set(Hosts([SMALL], f"training-{number}").addresses.values()) for number in range(50)]
    assert len(set[str]().union(*seen)) == 100


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 200))
def test_threads_are_split_and_nobody_is_without(counts: list[int], granted: int) -> None:
    types = ["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.24xlarge"]
    hosts = Hosts([InstanceGroup(types[at], count, str(at)) for at, count in enumerate(counts)], "t")
    threads = [hosts.threads(host, granted) for host in hosts]
    assert min(threads) >= 1
    assert sum(threads) <= granted + len(hosts)


def test_threads_follow_the_instance_types() -> None:
    assert [MIXED.threads(host, 12) for host in MIXED] == [2, 2, 8]


def test_a_group_shares_what_is_for_it_alone() -> None:
    shares = [MIXED.share(host, ["small"]) for host in MIXED]
    assert shares == [Share(0, 2), Share(1, 2), None]


def test_the_resource_config_names_every_group() -> None:
    *_, last = MIXED
    config = MIXED.resource(last)
    assert (config["current_host"], config["current_group_name"], config["current_instance_type"]) == (
        "algo-3",
        "large",
        "ml.m5.2xlarge",
    )
    assert config["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert config["instance_groups"] == [
        {"instance_group_name": "small", "instance_type": "ml.m5.large", "hosts": ["algo-1", "algo-2"]},
        {"instance_group_name": "large", "instance_type": "ml.m5.2xlarge", "hosts": ["algo-3"]},
    ]
