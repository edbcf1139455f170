"""Clients that reach AWS names through the server as their proxy."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.wire.fake import FakeServer


@pytest.fixture
def proxy(wire: FakeServer) -> Iterator[urllib3.ProxyManager]:
    with urllib3.ProxyManager(wire.url, ca_certs=str(wire.authority.certificate), retries=False) as manager:
        yield manager


@pytest.fixture
def proxied(wire: FakeServer, boto: Callable[..., Any]) -> Callable[..., Any]:
    """Clients without endpoint: they think they talk to AWS."""
    config = Config(proxies={"https": wire.url})
    return lambda service: boto(
        service, endpoint_url=None, verify=str(wire.authority.certificate), config=config
    )


def test_boto3_reaches_us_under_the_names_of_aws(wire: FakeServer, proxied: Callable[..., Any]) -> None:
    assert proxied("sts").get_caller_identity()["Account"] == "123456789012"
    assert (wire.last.host, wire.last.is_secure) == ("sts.eu-west-3.amazonaws.com", True)


def test_uploads_over_tls_carry_their_checksum_behind_them(
    wire: FakeServer, proxied: Callable[..., Any]
) -> None:
    data = bytes(range(256)) * 12_000
    proxied("s3").put_object(Bucket="photos", Key="a/b", Body=data)
    params = wire.last.params
    assert wire.last.host == "photos.s3.eu-west-3.amazonaws.com"
    assert (params["Bucket"], params["Key"], params["size"]) == ("photos", "a/b", len(data))
    assert "x-amz-checksum-crc32" in params["trailers"]
    assert "ContentEncoding" not in params


def test_files_come_back_over_tls(wire: FakeServer, proxied: Callable[..., Any]) -> None:
    data = bytes(range(256)) * 12_000
    (wire.pipeline.folder / "tls").write_bytes(data)
    assert proxied("s3").get_object(Bucket="photos", Key="tls")["Body"].read() == data


def test_unknown_aws_services_are_refused_by_name(proxied: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match=r"ec2\.eu-west-3\.amazonaws\.com"):
        proxied("ec2").describe_instances()


def test_a_connection_is_reused(wire: FakeServer, proxy: urllib3.ProxyManager) -> None:
    for _ in range(3):
        url = "https://sm-pysdk-t-us-east-1.s3.us-east-1.amazonaws.com/telemetry"
        assert proxy.request("GET", url).status == 200


def test_other_hosts_are_tunnelled_byte_for_byte(wire: FakeServer) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as far,
        socket.create_connection(("127.0.0.1", wire.port), 5) as link,
    ):
        thread = threading.Thread(target=_echo, args=(far,), daemon=True)
        thread.start()
        link.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % far.getsockname()[1])
        assert link.recv(100).startswith(b"HTTP/1.1 200")
        data = bytes(range(256)) * 4000
        threading.Thread(
            target=lambda: (link.sendall(data), link.shutdown(socket.SHUT_WR)), daemon=True
        ).start()
        got = b""
        while piece := link.recv(1 << 16):
            got += piece
        assert got == data
        thread.join(5)


def _echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def test_a_tunnel_to_ourselves_is_refused(wire: FakeServer, proxy: urllib3.ProxyManager) -> None:
    with pytest.raises(urllib3.exceptions.ProxyError, match="403"):
        proxy.request("GET", f"https://127.0.0.1:{wire.port}/")


def test_an_unreachable_host_is_said_so(wire: FakeServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with socket.create_connection(("127.0.0.1", wire.port), 5) as link:
        link.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % port)
        assert link.recv(200).startswith(b"HTTP/1.1 502")


def test_a_client_that_speaks_no_tls_is_dropped(wire: FakeServer) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), 5) as link:
        link.sendall(b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\n\r\n")
        assert link.recv(200).startswith(b"HTTP/1.1 200")
        link.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert _rest(link)[:1] != b"H"  # an alert at most, and the end


def _rest(link: socket.socket) -> bytes:
    data = b""
    try:
        while piece := link.recv(1000):
            data += piece
    except ConnectionResetError:
        pass
    return data
