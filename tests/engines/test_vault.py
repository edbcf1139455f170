"""The master key file."""

from pathlib import Path

import pytest

from sagesse.engines.vault import Vault, VaultBroken


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "kms" / "master.key")


def test_a_wrapped_secret_opens_again(vault: Vault) -> None:
    assert vault.open(vault.wrap(b"secret", b"use"), b"use") == b"secret"


def test_it_opens_after_a_restart(vault: Vault, tmp_path: Path) -> None:
    wrapped = vault.wrap(b"secret", b"use")
    assert Vault(tmp_path / "kms" / "master.key").open(wrapped, b"use") == b"secret"


def test_it_does_not_open_for_another_purpose(vault: Vault) -> None:
    with pytest.raises(VaultBroken):
        vault.open(vault.wrap(b"secret", b"use"), b"other use")


def test_it_does_not_open_with_another_master_key(vault: Vault, tmp_path: Path) -> None:
    other = Vault(tmp_path / "other.key")
    with pytest.raises(VaultBroken, match=r"other\.key"):
        other.open(vault.wrap(b"secret", b"use"), b"use")


def test_what_is_no_wrapped_secret_does_not_open(vault: Vault) -> None:
    with pytest.raises(VaultBroken):
        vault.open(b"short", b"use")


def test_only_the_owner_can_read_the_master_key(vault: Vault, tmp_path: Path) -> None:
    assert vault.open(vault.wrap(b"", b""), b"") == b""
    assert (tmp_path / "kms" / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_master_key_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"too short")
    with pytest.raises(VaultBroken, match="9 bytes"):
        Vault(tmp_path / "master.key")
