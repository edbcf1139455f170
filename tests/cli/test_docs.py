"""docs/cli.md and docs/settings.md name everything there is, with its default."""

import re
from pathlib import Path

import msgspec
import pytest

from sagesse.cli.failure import Exit
from sagesse.cli.main import COMMANDS
from sagesse.config import Settings

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str) -> dict[str, list[str]]:
    """The cells of every table row, by its first cell without backquotes."""
    lines = (DOCS / page).read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_entry(name: str) -> None:
    assert f"sagesse {name}" in rows("cli.md")


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_has_its_entry(code: Exit) -> None:
    assert str(code.value) in rows("cli.md")


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_has_its_entry_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    told = rows("settings.md")[field.name][0].strip("`")
    default = getattr(Settings(), field.name)
    assert (told if isinstance(default, str) else msgspec.json.decode(told)) == default


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {field.name for field in msgspec.structs.fields(Settings)}
    assert {name for name in rows("settings.md") if re.fullmatch("[a-z]+(_[a-z]+)*", name)} - {
        "setting"
    } == known
