"""The photos of the story."""

from pathlib import Path

import pytest

from sagesse.demo import album as album_module
from sagesse.demo.album import Album, make_album


def nothing() -> None:
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Album]:
    folder = tmp_path_factory.mktemp("album")
    return folder, make_album(folder, 20, nothing)


def test_four_fifths_are_for_training_and_a_quarter_more_is_unseen(made: tuple[Path, Album]) -> None:
    assert [len(made[1].of(part)) for part in album_module.PARTS] == [16, 4, 5]


def test_every_picture_is_a_file(made: tuple[Path, Album]) -> None:
    folder, album = made
    for picture in album.pictures:
        assert (folder / picture.part / picture.file).read_bytes().startswith(b"\xff\xd8")


def test_unseen_photos_are_others(made: tuple[Path, Album]) -> None:
    folder, album = made
    photos = [(folder / picture.part / picture.file).read_bytes() for picture in album.pictures]
    assert len(set(photos)) == len(photos)


def test_a_list_has_index_label_and_path(made: tuple[Path, Album]) -> None:
    album = made[1]
    rows = [line.split("\t") for line in album.listing("train").decode().splitlines()]
    assert [row[0] for row in rows] == [str(number) for number in range(16)]
    assert [(row[1], row[2]) for row in rows] == [
        ("1" if picture.label == "ok" else "0", picture.file) for picture in album.of("train")
    ]


def test_a_second_album_takes_what_is_there(
    made: tuple[Path, Album], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(album_module.marble, "dataset", None)  # rendering anything would fail
    advanced: list[int] = []
    assert make_album(made[0], 20, lambda: advanced.append(1)) == made[1]
    assert len(advanced) == 25


def test_a_damaged_album_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "album.json").write_bytes(b"{")
    assert len(make_album(tmp_path, 20, nothing).pictures) == 25


def test_another_number_of_photos_is_another_album(made: tuple[Path, Album], tmp_path: Path) -> None:
    assert make_album(tmp_path, 24, nothing).stamp != made[1].stamp
