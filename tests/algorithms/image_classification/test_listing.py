import re

import pytest

from sagesse.algorithms.base import Channel, ClientError
from sagesse.algorithms.image_classification.listing import read_channel
from tests.algorithms.image_classification import sample


@pytest.fixture
def channels(tmp_path):
    return sample.channel(tmp_path, "train", 4)


def _rewrite(channels, text):
    (channels["train_lst"].path / "train.lst").write_text(text)


def test_a_list_gives_paths_and_classes_in_its_order(channels):
    found = read_channel(channels, "train", 2, multi_label=False)
    assert [p.name for p in found.paths] == ["0.png", "1.png", "2.png", "3.png"]
    assert found.labels == [[0.0], [1.0], [0.0], [1.0]]


def test_a_multi_label_list_has_one_flag_for_each_class(tmp_path):
    channels = sample.channel(tmp_path, "train", 2, flags=3)
    assert read_channel(channels, "train", 3, multi_label=True).labels == [[1, 0, 1], [0, 1, 0]]


def test_paths_with_folders_and_carriage_returns_are_read(channels):
    (channels["train"].path / "sub").mkdir()
    (channels["train"].path / "sub" / "a b.png").write_bytes(sample.picture(0))
    _rewrite(channels, "7\t1\tsub/a b.png\r\n\r\n")
    assert read_channel(channels, "train", 2, multi_label=False).paths[0].name == "a b.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\t2\t0.png", "line 1: class 2 is not one of 0 to 1"),
        ("0\t0.5\t0.png", "class 0.5"),
        ("0\tx\t0.png", "label 'x' is not a number"),
        ("0\tnan\t0.png", "class nan"),
        ("0 0 0.png", "1 columns separated by tabs, expected index, 1 label, path"),
        ("0\t0\t1\t0.png", "4 columns"),
        ("0\t0\tlost.png", "there is no image 'lost.png'"),
        ("0\t0\t../train_lst/train.lst", "there is no image"),
        ("", "the list is empty"),
    ],
)
def test_a_wrong_line_is_named(channels, text, message):
    _rewrite(channels, text)
    with pytest.raises(ClientError, match=re.escape(message)):
        read_channel(channels, "train", 2, multi_label=False)


def test_many_wrong_lines_are_counted(channels):
    _rewrite(channels, "0\t9\t0.png\n" * 8)
    with pytest.raises(ClientError, match=r"line 5: .*; and 3 more"):
        read_channel(channels, "train", 2, multi_label=False)


def test_recordio_is_refused_with_what_to_do(channels):
    (channels["train"].path / "train.rec").write_bytes(b"")
    with pytest.raises(ClientError, match="RecordIO is not supported yet: give raw images"):
        read_channel(channels, "train", 2, multi_label=False)


def test_the_recordio_content_type_is_refused(channels):
    channels["train"] = channels["train"]._replace(content_type="application/x-recordio")
    with pytest.raises(ClientError, match="application/x-recordio"):
        read_channel(channels, "train", 2, multi_label=False)


def test_pipe_mode_is_refused(channels):
    channels["train"] = channels["train"]._replace(mode="Pipe")
    with pytest.raises(ClientError, match="input mode 'Pipe'"):
        read_channel(channels, "train", 2, multi_label=False)


@pytest.mark.parametrize("name", ["train", "train_lst"])
def test_a_missing_channel_is_named(channels, name):
    del channels[name]
    with pytest.raises(ClientError, match=f"'{name}' is missing"):
        read_channel(channels, "train", 2, multi_label=False)


def test_two_lists_in_one_channel_are_refused(channels):
    (channels["train_lst"].path / "other.lst").write_text("")
    with pytest.raises(ClientError, match="holds 2"):
        read_channel(channels, "train", 2, multi_label=False)


def test_a_channel_may_lack_its_content_type(channels):
    channels["train"] = Channel("train", channels["train"].path)
    assert read_channel(channels, "train", 2, multi_label=False).paths
