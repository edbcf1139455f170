"""What hosts left, put together: the first one's files stay, and no link leads out."""

from pathlib import Path

import pytest

from sagesse.services.sagemaker._merge import merge


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make(tmp_path / "first", {"a": "1", "deep/b": "1"})


def test_files_of_later_hosts_are_added_and_those_of_the_first_stay(tmp_path: Path, first: Path) -> None:
    second = make(tmp_path / "second", {"a": "2", "deep/c": "2", "new/d": "2"})
    third = make(tmp_path / "third", {"new/d": "3", "e": "3"})
    for _ in range(2):
        merge(first, [second, third])
    assert tree(first) == {"a": "1", "deep/b": "1", "deep/c": "2", "new/d": "2", "e": "3"}


def test_a_folder_does_not_replace_a_file_nor_a_file_a_folder(tmp_path: Path, first: Path) -> None:
    merge(first, [make(tmp_path / "second", {"a/x": "2", "deep": "2"})])
    assert tree(first) == {"a": "1", "deep/b": "1"}


def test_a_link_in_the_target_leads_nowhere_else(tmp_path: Path, first: Path) -> None:
    outside = make(tmp_path / "outside", {})
    outside.mkdir()
    (first / "way").symlink_to(outside)
    merge(first, [make(tmp_path / "second", {"way/out": "2"})])
    assert list(outside.iterdir()) == []


def test_links_are_taken_as_links(tmp_path: Path, first: Path) -> None:
    second = make(tmp_path / "second", {"x": "2"})
    (second / "link").symlink_to("/etc")
    merge(first, [second])
    assert (first / "link").is_symlink()


def test_a_folder_that_a_job_removed_or_replaced_is_left_out(tmp_path: Path, first: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc")
    merge(first, [tmp_path / "gone", link])
    assert tree(first) == {"a": "1", "deep/b": "1"}
