"""Access key ids: as in AWS, the id itself says whose account it belongs to."""

import base64
import binascii
import re
import secrets

_FORM = re.compile(r"A[A-Z]{3}[A-Z2-7]{16}\Z")
_RANDOM_BITS = 39
_ACCOUNT_BITS = 40


def new_access_key_id(prefix: str, account: str) -> str:
    """A fresh id of 20 characters; `prefix` is ``AKIA`` (lasting) or ``ASIA`` (temporary)."""
    number = 1 << _ACCOUNT_BITS | int(account)
    number = number << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return prefix + base64.b32encode(number.to_bytes(10, "big")).decode()


def account_of(access_key_id: str) -> str | None:
    """The account that the id carries, or None when it carries none."""
    if not _FORM.match(access_key_id):
        return None
    try:
        number = int.from_bytes(base64.b32decode(access_key_id[4:]), "big")
    except binascii.Error:
        return None
    account = number >> _RANDOM_BITS & (1 << _ACCOUNT_BITS) - 1
    return f"{account:012d}" if account < 10**12 else None
