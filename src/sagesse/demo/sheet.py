"""The contact sheet: every photo with what the endpoint said of it, mistakes first."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from sagesse.demo.verdict import Prediction

_WIDTH, _HEIGHT, _CAPTION, _FRAME = 120, 90, 14, 3
_COLUMNS = 16
_RIGHT, _WRONG = (60, 160, 75), (220, 40, 40)
_PAPER, _INK = (24, 24, 28), (235, 235, 235)
_HEAD = 24


def draw_sheet(predictions: Sequence[Prediction], folder: Path, target: Path) -> None:
    """Write the contact sheet as PNG: green frames are right, red ones wrong."""
    ordered = sorted(predictions, key=lambda item: (item.is_right, abs(item.ok_probability - 0.5)))
    columns = min(_COLUMNS, len(ordered))
    rows = -(-len(ordered) // columns)
    cell_x, cell_y = _WIDTH + 2 * _FRAME + 4, _HEIGHT + _CAPTION + 2 * _FRAME + 4
    sheet = Image.new("RGB", (max(columns * cell_x, 420), _HEAD + rows * cell_y), _PAPER)
    draw = ImageDraw.Draw(sheet)
    right = sum(item.is_right for item in ordered)
    draw.text(
        (6, 6),
        f"{right} of {len(ordered)} right (green); mistakes (red) and doubtful ones first; said, p(ok)",
        _INK,
    )
    for number, item in enumerate(ordered):
        _draw_cell(sheet, item, folder, number % columns * cell_x + 2, _HEAD + number // columns * cell_y)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, "PNG", optimize=True)


def _draw_cell(sheet: Image.Image, item: Prediction, folder: Path, x: int, y: int) -> None:
    draw = ImageDraw.Draw(sheet)
    colour = _RIGHT if item.is_right else _WRONG
    draw.rectangle((x, y, x + _WIDTH + 2 * _FRAME - 1, y + _HEIGHT + 2 * _FRAME - 1), colour)
    with Image.open(folder / item.picture.part / item.picture.file) as photo:
        sheet.paste(photo.convert("RGB").resize((_WIDTH, _HEIGHT)), (x + _FRAME, y + _FRAME))
    caption = f"{item.label} {item.ok_probability:.2f}"
    if not item.is_right:
        caption += f", is {item.picture.kind}"
    draw.text((x + _FRAME, y + _HEIGHT + 2 * _FRAME + 1), caption, _INK if item.is_right else _WRONG)
