"""Signature version 4, from the server's side: header and presigned query.

Only hmac and hashlib; the derived key is cached per secret, day, region and service, so a small request
costs a few microseconds. Nothing here knows a protocol: what goes wrong is a `Refused`, which `refusal.py`
words for the service at hand.
"""

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote, unquote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_SKEW_S = 15 * 60
MAX_EXPIRES_S = 7 * 24 * 3600
_FIELDS = ("Credential", "Signature", "SignedHeaders")
_MAX_CREDENTIAL = 256
_MAX_NAMES = 8192

Reason: TypeAlias = Literal[
    "missing", "malformed", "mechanism", "unknown-key", "bad-token", "expired-token", "skewed", "expired",
    "mismatch", "unsigned-header", "scope", "twice",
]  # fmt: skip

_PLACE = re.compile(r"[a-z0-9-]{1,40}")
_TIMESTAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
# Bound by the canonical request or the credential already, or changed freely by browsers.
_NEED_NOT_BE_SIGNED = frozenset(
    ("x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent")
)


class Refused(Exception):  # noqa: N818 - an outcome, worded for the client elsewhere
    """A request whose signature is not accepted, and why."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class Signature(NamedTuple):
    """What a request says about its signature; nothing is verified yet."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: str  # as sent: lower-case names joined by ";"
    value: str
    timestamp: str
    time: float  # epoch seconds of `timestamp`
    token: str | None
    expires_s: int | None  # presigned only
    algorithm: str = ALGORITHM

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def is_presigned(self) -> bool:
        """Whether the signature came in the query."""
        return self.expires_s is not None


class Signed(NamedTuple):
    """The parts of a request that a signature covers."""

    method: str
    raw_path: str
    query: str
    headers: dict[str, str]


def parse(headers: dict[str, str], query: str) -> Signature | None:
    """The signature of a request, or None when it has none.

    Raises:
        Refused: `mechanism` for another scheme than SigV4, `malformed` for a broken one.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        return _parse_header(authorization, headers)
    if "X-Amz-Algorithm=" in query or "X-Amz-Signature=" in query:
        return _parse_query(query)
    return None


def check_time(signature: Signature, now: float) -> None:
    """Refuse a signature that is not of this moment.

    Raises:
        Refused: `skewed` beyond 15 minutes, `expired` for a presigned one past its time.
    """
    age_s = now - signature.time
    if age_s < -MAX_SKEW_S:
        raise Refused("skewed", "future")
    if signature.expires_s is None:
        if age_s > MAX_SKEW_S:
            raise Refused("skewed", "past")
    elif age_s > signature.expires_s:
        raise Refused("expired")


def verify(signature: Signature, secret: str, request: Signed, payload_hash: str) -> None:
    """Refuse a request that was not signed with `secret`.

    The path and the query are taken as sent; when that fails they are encoded again as AWS does, for clients that
    leave characters plain which the standard encodes.

    Raises:
        Refused: `mismatch`, or `unsigned-header` for an `x-amz-` header the signature does not cover.
    """
    _check_covered(signature, request.headers)
    for encode_again in (False, True):
        digest = hashlib.sha256(_canonical(signature, request, payload_hash, encode_again)).hexdigest()
        if hmac.compare_digest(
            _sign(signature, secret, digest), signature.value.encode("latin-1", "replace")
        ):
            return
    raise Refused("mismatch")


def parse_form(fields: Mapping[str, str], now: float) -> Signature:
    """The signature of a browser form's policy, of version 4 or 2; the policy says how long it holds.

    Raises:
        Refused: `malformed`, or `missing` when the form is not signed.
    """
    token = fields.get("x-amz-security-token")
    if "x-amz-signature" not in fields:
        key = fields.get("awsaccesskeyid", "")
        if not key or "signature" not in fields:
            raise Refused("missing")
        return Signature(key, "", "", "s3", "", fields["signature"], "", now, token, None)
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise Refused("mechanism", fields.get("x-amz-algorithm", "none"))
    parts = {
        "Credential": fields.get("x-amz-credential", ""),
        "SignedHeaders": "host",
        "Signature": fields["x-amz-signature"],
    }
    return _signature(parts, fields.get("x-amz-date", ""), token=token, expires_s=MAX_EXPIRES_S)


def verify_text(signature: Signature, secret: str, text: str) -> None:
    """Refuse a text (a form's policy) that was not signed with `secret`.

    Raises:
        Refused: `mismatch`.
    """
    key = _derive(secret, signature.date, signature.region, signature.service)
    digest = hmac.digest(key, text.encode(), "sha256").hex().encode()
    if not hmac.compare_digest(digest, signature.value.encode("latin-1", "replace")):
        raise Refused("mismatch")


def payload_digest(body: bytes) -> str:
    """What stands for `body` in a canonical request."""
    return hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key derived from a secret for one day, region and service; cached."""
    return _derive(secret, date, region, service)


def _sign(signature: Signature, secret: str, digest: str) -> bytes:
    _, date, region, service, _, _, timestamp, *_ = signature
    text = f"{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{digest}"
    key = _derive(secret, date, region, service)
    return hmac.digest(key, text.encode("latin-1", "replace"), "sha256").hex().encode()


@lru_cache(maxsize=1024)
def _derive(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical(signature: Signature, request: Signed, payload_hash: str, encode_again: bool) -> bytes:
    headers, names = request.headers, _names(signature.signed_headers)
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])  # values come trimmed
    if "  " in lines or "\t" in lines:
        lines = "".join([f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names])
    path = request.raw_path or "/"
    if encode_again:
        path = quote(unquote_to_bytes(path), safe="/~")
    if signature.service != "s3":
        path = _encoded_twice(path)
    query = _canonical_query(request.query, signature, encode_again) if request.query else ""
    text = f"{request.method}\n{path}\n{query}\n{lines}\n{signature.signed_headers}\n{payload_hash}"
    return text.encode("latin-1", "replace")


@lru_cache(maxsize=256)
def _names(signed_headers: str) -> tuple[str, ...]:
    """The signed headers' names; the same few sets come again and again.

    Raises:
        Refused: they are not as the standard wants them.
    """
    names = signed_headers.split(";")
    if "host" not in names or names != sorted(set(names)):
        raise Refused("malformed", "SignedHeaders must be sorted, without repetition, and include host.")
    return tuple(names)


@lru_cache(maxsize=1024)
def _encoded_twice(raw_path: str) -> str:
    """Every service but S3 signs the normalised path, encoded once more."""
    if raw_path == "/":
        return "/"
    parts: list[str] = []
    for part in raw_path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    tail = "/" if raw_path.endswith("/") and parts else ""
    return quote("/" + "/".join(parts) + tail, safe="/~", encoding="latin-1")


def _canonical_query(query: str, signature: Signature, encode_again: bool) -> str:
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not part or (name == "X-Amz-Signature" and signature.is_presigned):
            continue
        if encode_again:
            name, value = (quote(unquote_to_bytes(text), safe="-._~") for text in (name, value))
        pairs.append((name, value))
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs)


def _check_covered(signature: Signature, headers: dict[str, str]) -> None:
    unsigned = headers.keys() - _may_be_there(signature.signed_headers)
    if loose := [name for name in unsigned if name.startswith("x-amz-")]:
        raise Refused("unsigned-header", ", ".join(sorted(loose)))


@lru_cache(maxsize=256)
def _may_be_there(signed_headers: str) -> frozenset[str]:
    return _NEED_NOT_BE_SIGNED | frozenset(_names(signed_headers))


def _parse_header(authorization: str, headers: dict[str, str]) -> Signature:
    # The same client sends the same text each time, up to the signature, which comes last.
    constant, found, value = authorization.rpartition("Signature=")
    is_last = found and "," not in value
    fields = {**_fields(constant), "Signature": value.strip()} if is_last else _fields(authorization)
    if not all(map(fields.get, _FIELDS)):
        missing = [name for name in _FIELDS if not fields.get(name)]
        needs = "".join(f"Authorization header requires '{name}' parameter. " for name in missing)
        raise Refused("malformed", f"{needs}Authorization={ALGORITHM}")
    timestamp = headers.get("x-amz-date")
    if timestamp is None:
        raise Refused(
            "malformed",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    return _signature(fields, timestamp, token=headers.get("x-amz-security-token"), expires_s=None)


@lru_cache(maxsize=64)
def _fields(authorization: str) -> Mapping[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme != ALGORITHM:
        raise Refused("mechanism", scheme)
    parts = (part.partition("=") for part in rest.split(","))
    return {name.strip(): value.strip() for name, _, value in parts}


def _parse_query(query: str) -> Signature:
    values = _query_values(query.split("&"))
    if values.get("Algorithm") != ALGORITHM:
        raise Refused("mechanism", values.get("Algorithm", "none"))
    missing = [
        name for name in ("Credential", "Date", "Expires", "SignedHeaders", "Signature") if name not in values
    ]
    if missing:
        raise Refused("malformed", f"the query parameter X-Amz-{missing[0]} is missing.")
    expires = values["Expires"]
    if not (expires.isascii() and expires.isdigit()) or not 0 < int(expires[:9]) <= MAX_EXPIRES_S:
        raise Refused(
            "malformed",
            f"X-Amz-Expires is {expires[:20]!r}; it must be between 1 and {MAX_EXPIRES_S} seconds.",
        )
    token = values.get("Security-Token")
    return _signature(values, values["Date"], token=token, expires_s=int(expires))


def _query_values(parts: Iterable[str]) -> dict[str, str]:
    """The `X-Amz-` parameters, decoded, without the prefix; one given twice is refused."""
    values: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name.startswith("X-Amz-"):
            if name[6:] in values:
                raise Refused("malformed", f"the query parameter {name} is given twice.")
            values[name[6:]] = unquote(value, "latin-1")
    return values


def _signature(
    fields: Mapping[str, str], timestamp: str, *, token: str | None, expires_s: int | None
) -> Signature:
    if len(fields["Credential"]) > _MAX_CREDENTIAL or len(fields["SignedHeaders"]) > _MAX_NAMES:
        raise Refused("malformed", "the Credential or the SignedHeaders are too long.")
    access_key_id, date, region, service = _credential(fields["Credential"])
    moment = _epoch_s(timestamp)
    if date != timestamp[:8]:
        raise Refused(
            "malformed", f"Date in Credential scope {date[:20]!r} does not match {timestamp[:8]!r}."
        )
    _names(fields["SignedHeaders"])
    return Signature(
        access_key_id=access_key_id,
        date=date,
        region=region,
        service=service,
        signed_headers=fields["SignedHeaders"],
        value=fields["Signature"],
        timestamp=timestamp,
        time=moment,
        token=token,
        expires_s=expires_s,
    )


@lru_cache(maxsize=256)
def _credential(text: str) -> tuple[str, str, str, str]:
    """Access key id, date, region and service of a Credential."""
    parts = text.split("/")
    if len(parts) < 5 or parts[-1] != "aws4_request":
        raise Refused(
            "malformed",
            f"the Credential is mal-formed; expecting '<ACCESS_KEY>/YYYYMMDD/REGION/SERVICE/aws4_request', "
            f"got {text[:120]!r}.",
        )
    date, region, service = parts[-4:-1]
    if not _PLACE.fullmatch(region) or not _PLACE.fullmatch(service):
        raise Refused(
            "malformed", f"the Credential names no region or service: {region[:40]!r}, {service[:40]!r}."
        )
    return "/".join(parts[:-4]), date, region, service


@lru_cache(maxsize=256)
def _epoch_s(timestamp: str) -> float:
    match = _TIMESTAMP.fullmatch(timestamp) if timestamp.isascii() else None
    if match is None:
        raise Refused("malformed", f"the date {timestamp[:40]!r} is not of the form YYYYMMDDTHHMMSSZ.")
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (year > 0 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 62):
        raise Refused("malformed", f"the date {timestamp!r} does not exist.")
    return float(timegm((year, month, day, hour, minute, second)))
