"""A master key in a file of its own, and small secrets wrapped by it.

Whoever can read the file can open everything that was wrapped; whoever loses it can open nothing.
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultBroken(Exception):  # noqa: N818 - reads as the fact it states
    """The master key file is damaged, or it is not the one the secret was wrapped with."""


class Vault:
    """Wraps and opens secrets with AES-256-GCM under the master key in `path`, made on first use (mode 0600).

    Raises:
        VaultBroken: the file is no master key.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        master = path.read_bytes()
        if len(master) != KEY_BYTES:
            raise VaultBroken(f"{path} is no master key: it has {len(master)} bytes, {KEY_BYTES} are needed")
        self._path = path
        self._cipher = AESGCM(master)

    def wrap(self, secret: bytes, purpose: bytes) -> bytes:
        """The secret for the store; opens only with the same `purpose`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, purpose)

    def open(self, wrapped: bytes, purpose: bytes) -> bytes:
        """The secret again.

        Raises:
            VaultBroken: it was wrapped by another master key or for another purpose, or it is damaged.
        """
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], purpose)
        except (InvalidTag, ValueError):
            raise VaultBroken(f"a secret does not open with the master key {self._path}") from None


def _create(path: Path) -> None:
    """Write the key beside its place and link it in, so that a crash leaves no half key and two starts agree."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, secrets.token_bytes(KEY_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
