"""A small table: the label is whether the product of the two columns is above 20."""

from pathlib import Path

ROWS = "\n".join(f"{int(x * y > 20)},{x},{y}" for x in range(10) for y in range(10))


def write_rows() -> str:
    """The table in a file of the working folder."""
    Path("rows.csv").write_text(ROWS)
    return "rows.csv"
