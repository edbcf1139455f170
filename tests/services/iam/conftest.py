"""The account under test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.iam.account import TestAccount


@pytest.fixture
def account(tmp_path: Path) -> Iterator[TestAccount]:
    made = TestAccount(tmp_path)
    yield made
    made.close()
