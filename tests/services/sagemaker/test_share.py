"""Objects dealt among hosts: each goes to exactly one, in order, and nobody has more than one more than another."""

from hypothesis import given
from hypothesis import strategies as st

from sagesse.services.sagemaker._share import ALL, Share


@given(items=st.lists(st.integers()), count=st.integers(1, 20))
def test_every_item_is_taken_once_and_evenly(items: list[int], count: int) -> None:
    taken = [list(Share(index, count).take(items)) for index in range(count)]
    assert sorted(item for part in taken for item in part) == sorted(items)
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


def test_items_are_dealt_round() -> None:
    assert list(Share(1, 2).take("abcde")) == ["b", "d"]


def test_a_host_alone_gets_everything() -> None:
    assert list(ALL.take("abc")) == ["a", "b", "c"]
