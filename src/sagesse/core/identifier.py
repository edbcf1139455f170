"""Fresh identifiers."""

import binascii
import random
import secrets
import string

_UPPER = string.ascii_uppercase + "234567"
_random = random.Random()  # seeded by the system; nobody else seeds it


def new_request_id() -> str:
    """A version-4 UUID in text; cheaper than the uuid module's. It is a name, no secret: no call of the system."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def host_id(request_id: str) -> str:
    """S3's second, longer request id."""
    return binascii.b2a_base64((request_id * 2).encode(), newline=False).decode()


def new_unique_id(prefix: str, length: int = 21) -> str:
    """An IAM-style unique id: `prefix` and upper-case letters and digits, `length` characters in all."""
    return prefix + "".join(secrets.choice(_UPPER) for _ in range(length - len(prefix)))


def new_secret(length: int = 40) -> str:
    """A secret access key of `length` characters."""
    return secrets.token_urlsafe(length)[:length]
