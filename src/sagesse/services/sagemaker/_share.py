"""The part of a channel's objects that one of several hosts gets."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Share(msgspec.Struct, frozen=True):
    """Host `index` (from 0) of the `count` hosts among which the objects are dealt one by one."""

    index: int
    count: int

    def take(self, items: Iterable[T]) -> Iterator[T]:
        """Those of `items`, which are in order, that are this host's."""
        return islice(items, self.index, None, self.count)


ALL = Share(0, 1)
"""Everything: the share of a host that is alone."""
