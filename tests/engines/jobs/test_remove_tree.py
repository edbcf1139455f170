"""Removing what jobs leave: all of it, and nothing else."""

import os
from pathlib import Path

import pytest

from sagesse.engines.jobs import remove_tree as subject
from sagesse.engines.jobs.remove_tree import remove_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "ml" / "model").mkdir(parents=True)
    (folder / "ml" / "model" / "weights").write_bytes(b"1")
    (folder / "plan.json").write_bytes(b"{}")
    return folder


def test_everything_goes(folder: Path) -> None:
    remove_tree(folder)
    assert list(folder.parent.iterdir()) == []


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    remove_tree(tmp_path / "never")
    assert list(tmp_path.iterdir()) == []


def test_links_go_and_what_they_lead_to_stays(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"1")
    (folder / "ml" / "folder").symlink_to(outside)
    (folder / "ml" / "file").symlink_to(outside / "kept")
    os.link(outside / "kept", folder / "ml" / "same")
    remove_tree(folder)
    assert not folder.exists()
    assert (outside / "kept").read_bytes() == b"1"


def test_pipes_and_sockets_go(folder: Path) -> None:
    os.mkfifo(folder / "ml" / "pipe")
    remove_tree(folder)
    assert not folder.exists()


def test_what_was_locked_goes(folder: Path) -> None:
    (folder / "ml" / "model").chmod(0)
    (folder / "ml").chmod(0o500)
    remove_tree(folder)
    assert not folder.exists()


def test_what_lies_deep_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_DEEPEST", 2)
    (folder / "1/2/3/4").mkdir(parents=True)
    (folder / "1/2/3/4/file").write_bytes(b"1")
    remove_tree(folder)
    assert not folder.exists()


def test_a_folder_that_becomes_a_link_leads_nowhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"1")
    opened = os.open

    def swap(name: str, flags: int, **more: int | None) -> int:
        model = folder / "ml" / "model"
        if name == "model" and not model.is_symlink():
            model.rename(folder / "elsewhere")
            model.symlink_to(outside)
        return opened(name, flags, **more)

    monkeypatch.setattr(subject.os, "open", swap)
    remove_tree(folder)
    assert not folder.exists()
    assert (outside / "kept").read_bytes() == b"1"
