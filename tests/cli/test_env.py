"""What `sagesse env` says; the clients' side of it is in test_server.py."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.cli.env import environment, fish, sh

from .test_instance import facts

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
NAMES = {
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
}


def test_every_variable_is_there() -> None:
    assert set(environment(facts(), KEYS, {})) == NAMES


def test_the_proxy_is_the_server_itself() -> None:
    variables = environment(facts(url="http://127.0.0.1:4577"), KEYS, {})
    assert variables["HTTPS_PROXY"] == variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4577"


@pytest.mark.parametrize(
    ("given_hosts", "kept"),
    [
        ({"NO_PROXY": "intranet,.corp"}, ["intranet", ".corp"]),
        ({"NO_PROXY": "a", "no_proxy": "b"}, ["b"]),
        ({"no_proxy": ".amazonaws.com, *,localhost,x"}, ["x"]),
        ({}, []),
    ],
)
def test_hosts_past_the_proxy_stay_but_for_aws(given_hosts: dict[str, str], kept: list[str]) -> None:
    assert environment(facts(), KEYS, given_hosts)["NO_PROXY"].split(",")[3:] == kept


def test_a_variable_without_value_is_unset() -> None:
    assert sh("AWS_PROFILE", None) == "unset AWS_PROFILE;"
    assert fish("AWS_PROFILE", None) == "set -e AWS_PROFILE;"


def test_fish_quotes_what_it_must() -> None:
    assert fish("A", r"it's \o/") == r"set -gx A 'it\'s \\o/';"


def test_what_sh_reads_is_what_was_meant() -> None:
    values: list[str] = []

    @given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=20))
    def collect(value: str) -> None:
        values.append(value)

    collect()
    script = "\n".join(f"{sh('A', value)} printf '%s\\0' \"$A\"" for value in values)
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
    assert printed.decode().split("\0")[:-1] == values
