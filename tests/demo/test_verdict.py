"""Counting what the endpoint said, and showing it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sagesse.demo.album import Picture
from sagesse.demo.sheet import draw_sheet
from sagesse.demo.verdict import Prediction, judge, percentile


def said(label: str, kind: str, ok: float, latency_s: float = 0.001) -> Prediction:
    return Prediction(Picture("unseen", "1.jpg", label, kind), ok, latency_s)  # type: ignore[arg-type]


PREDICTIONS = [
    said("ok", "plain", 0.9, 0.002),
    said("ok", "plain", 0.4, 0.004),
    said("ko", "glass", 0.1, 0.006),
    said("ko", "dots", 0.7, 0.100),
]


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert judge(PREDICTIONS)["accuracy"] == 0.5


def test_confusion_counts_by_truth_and_answer() -> None:
    assert judge(PREDICTIONS)["confusion"] == {"ok": {"ok": 1, "ko": 1}, "ko": {"ok": 1, "ko": 1}}


def test_mistakes_are_counted_by_what_was_on_the_photo() -> None:
    assert judge(PREDICTIONS)["mistakes_by_kind"] == {"plain": 1, "dots": 1}


def test_latency_is_in_milliseconds() -> None:
    assert judge(PREDICTIONS)["latency_ms"] == {"p50": 4.0, "p95": 100.0}


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(
    values: list[float], percent: float
) -> None:
    found = percentile(sorted(values), percent)
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9
    assert sum(value < found for value in values) < len(values) * percent / 100 + 1e-9


@pytest.mark.parametrize("count", [1, 17])
def test_the_sheet_shows_every_photo(count: int, tmp_path: Path) -> None:
    (tmp_path / "unseen").mkdir()
    Image.new("RGB", (160, 120), "blue").save(tmp_path / "unseen" / "1.jpg", "PNG")
    draw_sheet([said("ok", "plain", 0.9)] * count, tmp_path, tmp_path / "sheets" / "sheet.png")
    with Image.open(tmp_path / "sheets" / "sheet.png") as sheet:
        counts = sheet.convert("RGB").getcolors(sheet.width * sheet.height)
    assert counts is not None
    blue = sum(count for count, colour in counts if colour == (0, 0, 255))
    assert blue == count * 120 * 90


def test_a_mistake_comes_first_and_is_red(tmp_path: Path) -> None:
    (tmp_path / "unseen").mkdir()
    Image.new("RGB", (160, 120), "blue").save(tmp_path / "unseen" / "1.jpg", "PNG")
    draw_sheet(PREDICTIONS[:2], tmp_path, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.convert("RGB").getpixel((3, 26)) == (220, 40, 40)
