"""Host headers taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.host import Host, is_aws_host, parse_host


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1:80", Host("127.0.0.1")),
        ("[::1]:80", Host("[::1]")),
        ("STS.us-east-1.amazonaws.com:443", Host("sts.us-east-1.amazonaws.com", True, "sts", "us-east-1")),
        (
            "api.sagemaker.eu-west-3.amazonaws.com",
            Host("api.sagemaker.eu-west-3.amazonaws.com", True, "api.sagemaker", "eu-west-3"),
        ),
        ("s3.cn-north-1.amazonaws.com.cn", Host("s3.cn-north-1.amazonaws.com.cn", True, "s3", "cn-north-1")),
        (
            "s3.s3.us-east-1.amazonaws.com",
            Host("s3.s3.us-east-1.amazonaws.com", True, "s3", "us-east-1", "s3"),
        ),
        (
            "pics.s3.dualstack.us-east-1.amazonaws.com",
            Host("pics.s3.dualstack.us-east-1.amazonaws.com", True, "s3", "us-east-1", "pics"),
        ),
        (
            "pics.s3-us-west-2.amazonaws.com",
            Host("pics.s3-us-west-2.amazonaws.com", True, "s3", "us-west-2", "pics"),
        ),
        ("pics.localhost:80", Host("pics.localhost", bucket="pics")),
    ],
)
def test_a_host_says(name: str, expected: Host) -> None:
    assert parse_host(name) == expected


@pytest.mark.parametrize("name", ["amazonaws.com.evil.org", "notamazonaws.com", "example.org", ""])
def test_other_hosts_are_not_aws(name: str) -> None:
    assert not is_aws_host(name)


def test_the_sdks_telemetry_is_known() -> None:
    assert parse_host("sm-pysdk-t-us-west-2.s3.us-west-2.amazonaws.com").is_telemetry
    assert not parse_host("my-bucket.s3.us-west-2.amazonaws.com").is_telemetry


@given(st.text(max_size=80))
def test_any_text_is_taken_apart(text: str) -> None:
    parse_host(text)


@pytest.mark.parametrize(
    "name",
    [
        "b.s3-website-us-east-1.amazonaws.com",
        "b.s3-website.us-east-1.amazonaws.com",
        "b.s3-website.localhost:4577",
    ],
)
def test_a_website_is_a_host_of_its_own(name: str) -> None:
    host = parse_host(name)
    assert (host.is_website, host.bucket) == (True, "b")
    assert not parse_host("b.s3.us-east-1.amazonaws.com").is_website
