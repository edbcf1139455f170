"""The doctor's findings on machines that lack something."""

import importlib.machinery
import os
import socket
import time
from pathlib import Path

import pytest

from sagesse.cli import check, check_data
from sagesse.cli.finding import Finding
from sagesse.config import Settings
from sagesse.runtime.sandbox import Level
from sagesse.testing.server import Server


def settings(folder: Path, **more: object) -> Settings:
    return Settings(data_dir=str(folder), **more)  # type: ignore[arg-type]


def only(findings: object) -> Finding:
    (finding,) = findings  # type: ignore[misc]
    return finding


def test_every_bad_finding_says_how_to_fix_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "probe", lambda _: Level.NONE)
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda _: None)
    found = [item for one in check.CHECKS for item in one(settings(tmp_path, port=-1))]
    bad = [item for item in found if item.state != "ok"]
    assert len(bad) >= 4
    assert all(item.fix for item in bad)


@pytest.mark.parametrize(
    ("level", "state"), [(Level.FULL, "ok"), (Level.SHARED_PIDS, "warn"), (Level.NONE, "warn")]
)
def test_isolation_is_what_the_probe_says(
    level: Level, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "probe", lambda _: level)
    finding = only(check.check_isolation(settings(tmp_path)))
    assert (finding.state, f"level {level.value}" in finding.text) == (state, True)


def test_a_data_directory_others_can_enter_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    finding = only(check.check_data_dir(settings(tmp_path)))
    assert (finding.state, finding.fix) == ("warn", f"chmod 700 {tmp_path}")


def test_a_data_directory_that_cannot_be_is_broken() -> None:
    assert only(check.check_data_dir(settings(Path("/proc/none")))).state == "broken"


def test_a_data_directory_still_to_be_made_is_fine(tmp_path: Path) -> None:
    assert only(check.check_data_dir(settings(tmp_path / "a" / "b"))).state == "ok"


def test_a_file_system_that_refuses_files_is_broken() -> None:
    assert only(check.check_file_system(settings(Path("/proc")))).state == "broken"


def test_looking_at_the_file_system_leaves_nothing(tmp_path: Path) -> None:
    assert only(check.check_file_system(settings(tmp_path))).state == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free_gib", "state"), [(0.1, "broken"), (1, "warn"), (100, "ok")])
def test_disk_space_has_three_states(
    free_gib: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": free_gib * (1 << 30)})
    monkeypatch.setattr(check_data.shutil, "disk_usage", lambda _: usage)
    assert only(check.check_disk(settings(tmp_path))).state == state


def test_a_port_that_another_program_has_is_broken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert only(check.check_port(settings(tmp_path, port=port))).state == "broken"
    assert only(check.check_port(settings(tmp_path, port=port))).state == "ok"


def test_missing_extras_are_named_without_importing_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.machinery.ModuleSpec("x", None)
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None if name == "torch" else there)
    ml, deep, sklearn, sql = check.check_extras(settings(tmp_path))
    assert (ml.state, sklearn.state, sql.state) == ("ok", "ok", "ok")
    assert (deep.state, deep.fix) == ("warn", "pip install 'sagesse[deep]'")
    assert deep.text.startswith("torch not installed")


def test_data_from_the_future_means_a_wrong_clock(tmp_path: Path) -> None:
    (tmp_path / "records.db").touch()
    assert only(check.check_clock(settings(tmp_path))).state == "ok"
    later = time.time() + 86_400
    os.utime(tmp_path / "records.db", (later, later))
    assert only(check.check_clock(settings(tmp_path))).state == "broken"


def test_an_environment_of_a_server_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert only(check.check_environment(settings(tmp_path))).state == "warn"
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert only(check.check_environment(settings(tmp_path))).state == "ok"


def test_ray_is_looked_for_when_jobs_need_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check.check_job_engine(settings(tmp_path))) == []
    for found, state in ((None, "broken"), (importlib.machinery.ModuleSpec("ray", None), "ok")):
        monkeypatch.setattr(check.importlib.util, "find_spec", lambda _, found=found: found)
        assert only(check.check_job_engine(settings(tmp_path, job_engine="ray"))).state == state


def place(server: Server, bucket: str) -> dict[str, str]:
    return {
        "objects_url": server.url,
        "objects_bucket": bucket,
        "objects_access_key_id": server.ready["access_key_id"],
        "objects_secret_access_key": server.ready["secret_access_key"],
    }


def test_payloads_in_another_s3_are_tried(tmp_path: Path, server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="payloads-to-try")
    assert list(check.check_objects(settings(tmp_path))) == []
    assert only(check.check_objects(settings(tmp_path, **place(server, "payloads-to-try")))).state == "ok"
    assert s3.list_objects_v2(Bucket="payloads-to-try")["KeyCount"] == 0
    missing = only(check.check_objects(settings(tmp_path, **place(server, "payloads-missing"))))
    assert (missing.state, "Create the bucket" in missing.fix) == ("broken", True)
    versioning = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="payloads-to-try", VersioningConfiguration=versioning)
    assert only(check.check_objects(settings(tmp_path, **place(server, "payloads-to-try")))).state == "warn"


def test_a_database_that_cannot_be_written_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "records.db").touch()
    monkeypatch.setattr(check.os, "access", lambda path, _: Path(path).is_dir())
    finding = only(check.check_data_dir(settings(tmp_path)))
    assert (finding.state, "records.db" in finding.text) == ("broken", True)


def test_a_disk_without_inodes_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = {"f_frsize": 4096, "f_blocks": 1 << 30, "f_bavail": 1 << 29, "f_bfree": 1 << 29}
    used_up = type("Facts", (), {"f_files": 1000, "f_favail": 0, **room})
    monkeypatch.setattr(check_data.os, "statvfs", lambda _: used_up)
    assert only(check_data.check_disk(settings(tmp_path))).state == "broken"
