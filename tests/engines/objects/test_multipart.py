from hypothesis import given
from hypothesis import strategies as st

from sagesse.engines.objects._multipart import Layout, coalesce
from sagesse.engines.objects._schema import Segment

PARTS = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 5)), max_size=40)


def test_equal_parts_lie_side_by_side() -> None:
    layout = Layout("shared")
    assert [layout.claim(number, 8) for number in (2, 1, 3)] == [8, 0, 16]


def test_a_shorter_last_part_has_its_slot() -> None:
    layout = Layout("shared")
    assert [layout.claim(1, 8), layout.claim(2, 3)] == [0, 8]


def test_a_longer_part_and_one_of_unknown_size_have_none() -> None:
    layout = Layout("shared")
    layout.claim(1, 8)
    assert (layout.claim(2, 9), layout.claim(3, None)) == (None, None)


def test_a_slot_is_given_out_once() -> None:
    layout = Layout("shared")
    layout.claim(1, 8)
    assert layout.claim(1, 8) is None


@given(parts=PARTS)
def test_slots_never_overlap(parts: list[tuple[int, int]]) -> None:
    layout = Layout("shared")
    taken: set[int] = set()
    for number, size in parts:
        offset = layout.claim(number, size)
        if offset is not None:
            run = set(range(offset, offset + size))
            assert not run & taken
            taken |= run


def test_adjoining_runs_become_one() -> None:
    runs = [
        Segment("a", 0, 8),
        Segment("a", 8, 8),
        Segment("b", 0, 1),
        Segment("a", 16, 8),
        Segment("a", 0, 0),
    ]
    assert coalesce(runs) == (Segment("a", 0, 16), Segment("b", 0, 1), Segment("a", 16, 8))
