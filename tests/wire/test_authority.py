"""The local CA: what it signs, and what it keeps."""

import asyncio
import ssl
import stat
from pathlib import Path

import pytest

from sagesse.wire.authority import Authority


def handshake(server: ssl.SSLContext, authority: Authority, host: str) -> dict[str, object]:
    """The certificate a client that trusts only our CA accepts for `host`."""
    client = ssl.create_default_context(cafile=str(authority.certificate))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(near.getpeercert() or {})


@pytest.mark.parametrize(
    "host",
    [
        "sts.us-east-1.amazonaws.com",
        "iam.amazonaws.com",
        "pics.s3.eu-west-3.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
    ],
)
def test_clients_that_trust_the_ca_accept_an_aws_host(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path / "ca")
    assert handshake(asyncio.run(authority.context(host)), authority, host)


def test_strict_verification_accepts_the_chain(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    client = ssl.create_default_context(cafile=str(authority.certificate))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert handshake(asyncio.run(authority.context("sts.amazonaws.com")), authority, "sts.amazonaws.com")


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "amazonaws.com.evil.org",
        "../../x.amazonaws.com",
        "a/b.amazonaws.com",
        ".amazonaws.com",
        "x\0.amazonaws.com",
    ],
)
def test_other_hosts_get_no_certificate(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path / "ca")
    with pytest.raises(ValueError, match="not an AWS host"):
        asyncio.run(authority.context(host))
    assert not (tmp_path / "ca" / "hosts").exists()


def test_the_ca_is_kept(tmp_path: Path) -> None:
    first = Authority(tmp_path / "ca").certificate.read_bytes()
    assert Authority(tmp_path / "ca").certificate.read_bytes() == first


@pytest.mark.parametrize("damage", ["certificate", "key", "another key"])
def test_a_damaged_ca_is_made_again(tmp_path: Path, damage: str) -> None:
    old = Authority(tmp_path).certificate.read_bytes()
    if damage == "certificate":
        (tmp_path / "ca.pem").write_bytes(old[:100])
    else:
        (tmp_path / "ca.key").write_bytes(b"" if damage == "key" else _other_key(tmp_path))

    made = Authority(tmp_path).certificate.read_bytes()

    assert made != old
    assert Authority(tmp_path).certificate.read_bytes() == made


def _other_key(tmp_path: Path) -> bytes:
    Authority(tmp_path / "other")
    return (tmp_path / "other" / "ca.key").read_bytes()


def test_a_leaf_of_another_ca_is_replaced(tmp_path: Path) -> None:
    for name in ("ca.key", "ca.pem"):
        authority = Authority(tmp_path / "ca")
        assert handshake(asyncio.run(authority.context("sts.amazonaws.com")), authority, "sts.amazonaws.com")
        (tmp_path / "ca" / name).unlink()


def test_private_keys_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    asyncio.run(authority.context("sts.amazonaws.com"))
    for path in (tmp_path / "ca" / "ca.key", tmp_path / "ca" / "hosts" / "amazonaws.com.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_bundle_holds_the_public_roots_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    assert authority.bundle.read_bytes().startswith(authority.certificate.read_bytes())
    assert authority.bundle.read_text().count("BEGIN CERTIFICATE") > 50


def test_the_bundle_holds_what_this_machine_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = Authority(tmp_path / "company").certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(company))
    assert company.read_text() in Authority(tmp_path / "ca").bundle.read_text()
