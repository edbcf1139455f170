"""The local certificate authority behind `eval $(sagesse env)`.

It is created on first start, never leaves the machine, and is constrained to AWS's own domains, so trusting it
gives away nothing else. Leaf certificates are made per parent domain when a client first asks for it.
"""

import asyncio
import logging
import os
import re
import ssl
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore  # pyright: ignore[reportMissingTypeStubs]
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sagesse.wire.host import AWS_DOMAINS

_log = logging.getLogger(__name__)
_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
_MAX_CONTEXTS = 256
_SYSTEM_ROOTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # Debian, Red Hat
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")


class Authority:
    """Signs certificates for AWS host names with a CA kept under `folder`.

    Attributes:
        certificate: the CA's certificate, PEM; for AWS_CA_BUNDLE.
        bundle: the same with the public and the machine's roots, PEM; for REQUESTS_CA_BUNDLE and whatever else the
            user's programs reach.
    """

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "ca.pem"
        self.bundle = folder / "public" / "bundle.pem"  # a folder that jobs may see
        self._folder = folder
        self._key_path = folder / "ca.key"
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.bundle.parent.mkdir(exist_ok=True)
        self._certificate, self._key = self._load() or self._create()
        self._write_bundle()

    async def context(self, host: str) -> ssl.SSLContext:
        """A server-side TLS context for `host`; cached by parent domain.

        Raises:
            ValueError: `host` is no AWS host name.
        """
        parent = _parent(host)
        context = self._contexts.get(parent)
        if context is None:
            loop = asyncio.get_running_loop()
            context = await loop.run_in_executor(None, self._context, parent)
            self._contexts[parent] = context
            if len(self._contexts) > _MAX_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(parent)
        return context

    def _context(self, parent: str) -> ssl.SSLContext:
        path = self._folder / "hosts" / f"{parent}.pem"
        if not self._is_usable(path):
            path.parent.mkdir(exist_ok=True, mode=0o700)
            _write(path, self._leaf(parent))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(path)
        return context

    def _is_usable(self, path: Path) -> bool:
        """Whether a leaf made earlier is ours still and not about to expire."""
        try:
            leaf = x509.load_pem_x509_certificate(path.read_bytes())
            leaf.verify_directly_issued_by(self._certificate)
        except Exception:  # whatever is wrong with it, a new one is made
            return False
        return leaf.not_valid_after_utc - _RENEW_BEFORE > datetime.now(UTC)

    def _leaf(self, parent: str) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(parent), x509.DNSName(f"*.{parent}")]
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            _builder(f"*.{parent}"[:64], self._certificate.subject, key.public_key(), life=_LEAF_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_authority=False), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + _pem(key)

    def _load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        if not (self._key_path.exists() and self.certificate.exists()):
            return None
        try:
            key = serialization.load_pem_private_key(self._key_path.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (
            ValueError,
            TypeError,
            UnsupportedAlgorithm,
        ):  # half a file, of a full disk or an end of power
            return self._damaged()
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
            return self._damaged()
        is_old = certificate.not_valid_after_utc - _RENEW_BEFORE < datetime.now(UTC)
        return None if is_old else (certificate, key)

    def _damaged(self) -> None:
        _log.warning(
            "the authority in %s is damaged and made again: shells that trust the old one need `sagesse env`",
            self._folder,
        )

    def _create(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sagesse local authority")])
        domains = x509.NameConstraints(
            permitted_subtrees=[x509.DNSName(domain) for domain in AWS_DOMAINS], excluded_subtrees=None
        )
        certificate = (
            _builder("Sagesse local authority", name, key.public_key(), life=_CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(is_authority=True), critical=True)
            .add_extension(domains, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(self._key_path, _pem(key))
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
        return certificate, key

    def _write_bundle(self) -> None:
        """Our certificate, the public roots and this machine's own, because REQUESTS_CA_BUNDLE replaces them."""
        roots = [Path(str(botocore.__file__)).parent / "cacert.pem", *_machine_roots()]
        wanted = b"\n".join(path.read_bytes() for path in (self.certificate, *roots) if path.exists())
        if not self.bundle.exists() or self.bundle.read_bytes() != wanted:
            _write(self.bundle, wanted, mode=0o644)


def _machine_roots() -> list[Path]:
    """The file of the roots that this machine trusts, a company's own among them; SSL_CERT_FILE counts."""
    known = (ssl.get_default_verify_paths().cafile, *_SYSTEM_ROOTS)
    return [Path(path) for path in known if path and Path(path).is_file()][:1]


def _parent(host: str) -> str:
    """The domain one level above `host`: its wildcard serves all buckets of a region."""
    parent = host if host in AWS_DOMAINS else host.partition(".")[2]
    if not _DOMAIN.fullmatch(host) or not _DOMAIN.fullmatch(parent) or len(host) > 253:
        raise ValueError(f"{host[:80]!r} is not an AWS host name")
    if not any(parent == domain or parent.endswith("." + domain) for domain in AWS_DOMAINS):
        raise ValueError(f"{host[:80]!r} is not an AWS host name")
    return parent


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file, whole or not at all; one that nobody else may read, unless `mode` says so."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
