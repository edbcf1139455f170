"""Model archives: what is unpacked, and what is refused without a trace outside."""

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagesse.engines.serving.model_archive import BadModelArchive, Limits, unpack_model


def _archive(path: Path, *members: tuple[str, bytes | None], mode: str = "w:gz", **fields: object) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(content or b""))
    return path


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a", ("./code", None), ("./code/inference.py", b"x"), ("model.bin", b"y"))

    unpack_model(archive, tmp_path / "to")

    assert (tmp_path / "to/code/inference.py").read_bytes() == b"x"
    assert (tmp_path / "to/model.bin").read_bytes() == b"y"


def test_an_uncompressed_tar_is_unpacked(tmp_path: Path) -> None:
    unpack_model(_archive(tmp_path / "a", ("m", b"y"), mode="w:"), tmp_path / "to")

    assert (tmp_path / "to/m").read_bytes() == b"y"


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a/.."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadModelArchive, match="leads out"):
        unpack_model(_archive(tmp_path / "a", (name, b"x")), tmp_path / "to")

    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = _archive(tmp_path / "a", ("m", b""), type=kind, linkname="/etc/passwd")

    with pytest.raises(BadModelArchive, match="'m' is a link or device"):
        unpack_model(archive, tmp_path / "to")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelArchive, match="more than 1 files"):
        unpack_model(
            _archive(tmp_path / "a", ("m", b""), ("n", b"")), tmp_path / "to", limits=Limits(files=1)
        )


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelArchive, match="more than 5 bytes"):
        unpack_model(_archive(tmp_path / "a", ("m", b"123456")), tmp_path / "to", limits=Limits(size_bytes=5))


def test_a_name_that_is_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelArchive):
        unpack_model(_archive(tmp_path / "a", ("m", b"x"), ("m/n", b"y")), tmp_path / "to")


def test_the_later_of_two_members_wins(tmp_path: Path) -> None:
    unpack_model(_archive(tmp_path / "a", ("m", b"x"), ("m", b"y")), tmp_path / "to")

    assert (tmp_path / "to/m").read_bytes() == b"y"


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    whole = _archive(tmp_path / "a", ("m", bytes(range(256)) * 400))
    whole.write_bytes(whole.read_bytes()[:-300])

    with pytest.raises(BadModelArchive, match="not a readable"):
        unpack_model(whole, tmp_path / "to")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_archives_are_unpacked_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["w:gz", "w:"]))
    damaged = bytearray(_archive(tmp_path / "a", ("m", b"content"), ("d/e", b"x"), mode=mode).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 1200) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "b").write_bytes(damaged)

    with contextlib.suppress(BadModelArchive):
        unpack_model(tmp_path / "b", tmp_path / "to")
