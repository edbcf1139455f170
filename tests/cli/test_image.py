import sys
from pathlib import Path

from sagesse.cli.failure import Exit

from .run import answer, sagesse


def test_an_environment_is_registered_listed_and_forgotten(tmp_path: Path) -> None:
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to(sys.executable)
    where = ("--data-dir", tmp_path / "data")
    answer("image", "add", "mine", "--python", tmp_path / "env", *where)
    expected = {"mine": {"python": str(tmp_path / "env/bin/python")}}
    assert answer("image", "list", *where)["images"] == expected
    answer("image", "remove", "mine", *where)
    assert answer("image", "list", *where)["images"] == {}


def test_a_program_is_kept_with_its_path(tmp_path: Path) -> None:
    added = answer("image", "add", "own", "--command", "env -i cat", "--data-dir", tmp_path)
    assert added["command"][0].startswith("/")
    assert added["command"][1:] == ["-i", "cat"]


def test_what_is_no_environment_is_refused(tmp_path: Path) -> None:
    done = sagesse("image", "add", "mine", "--python", tmp_path, "--data-dir", tmp_path)
    assert done.returncode == Exit.FAILED
    assert "no virtual environment" in done.stderr


def test_a_name_is_needed(tmp_path: Path) -> None:
    assert sagesse("image", "add", "--command", "true", "--data-dir", tmp_path).returncode == Exit.USAGE
