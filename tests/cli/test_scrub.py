from pathlib import Path

from sagesse.cli.check_data import check_damage
from sagesse.config import Settings
from sagesse.core.damage import DamageBook
from tests.cli.run import sagesse


def test_there_must_be_data(tmp_path: Path) -> None:
    done = sagesse("scrub", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "holds no data" in done.stderr


def test_a_rate_is_not_negative(tmp_path: Path) -> None:
    assert sagesse("scrub", "--data-dir", tmp_path, "--rate-mib", "-1").returncode == 2


def test_the_doctor_names_some_and_counts_the_rest(tmp_path: Path) -> None:
    book = DamageBook(tmp_path / "damage.json")
    for number in range(8):
        book.note(f"s3://b/{number}", "its file is missing")
    findings = list(check_damage(Settings(data_dir=str(tmp_path))))
    assert [finding.state for finding in findings] == ["broken"] * 6
    assert "3 more" in findings[-1].text


def test_no_known_damage_is_fine(tmp_path: Path) -> None:
    (finding,) = check_damage(Settings(data_dir=str(tmp_path)))
    assert (finding.state, "never scrubbed" in finding.text) == ("ok", True)


def test_a_server_does_not_begin_on_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"no database, but long enough to be taken for one" * 100)
    done = sagesse("up", "--port", "0", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr
