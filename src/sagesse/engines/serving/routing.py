"""Which model servers answer for an endpoint now."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

EndpointKey: TypeAlias = tuple[str, str, str]
"""An endpoint's account, region and name."""


class Variant(NamedTuple):
    """A production variant: its share of the traffic and the servers behind it."""

    name: str
    weight: float
    server_ids: tuple[str, ...]


Resolve = Callable[[EndpointKey], Sequence[Variant] | None]


def _resolve_nothing(key: EndpointKey) -> None:
    """Without a hook, only what was set is known."""


class RoutingTable:
    """The live variants of every endpoint. `set` and `remove` are for any thread and switch at once.

    Args:
        resolve: asked (on the event loop; it must be quick) for an endpoint that is not in the table, as after a
            restart; None says that there is no such endpoint in service.
    """

    def __init__(self, resolve: Resolve = _resolve_nothing) -> None:
        self._resolve = resolve
        self._variants: dict[EndpointKey, tuple[Variant, ...]] = {}

    def set(self, key: EndpointKey, variants: Sequence[Variant]) -> None:
        """Route to these variants from now on; requests under way stay where they are."""
        self._variants[key] = tuple(variants)

    def remove(self, key: EndpointKey) -> None:
        """Route nothing to this endpoint any more."""
        self._variants.pop(key, None)

    def wipe(self) -> None:
        """Forget every endpoint."""
        self._variants.clear()

    def variants(self, key: EndpointKey) -> tuple[Variant, ...] | None:
        """The live variants; None when the endpoint is not in service."""
        known = self._variants.get(key)
        if known is None:
            found = self._resolve(key)
            if found is None:
                return None
            known = self._variants[key] = tuple(found)
        return known


def draw(
    variants: Sequence[Variant], servers: Mapping[str, str], chance: Callable[[], float] = random.random
) -> tuple[Variant, str] | None:
    """A variant by weight among those with a server, and its server; None when no weighed variant has one.

    Args:
        servers: by variant name, the server to use.
        chance: a number in [0, 1).
    """
    live = [variant for variant in variants if variant.weight > 0 and variant.name in servers]
    if not live:
        return None
    point = chance() * sum(variant.weight for variant in live)
    for variant in live:
        point -= variant.weight
        if point < 0:
            return variant, servers[variant.name]
    return live[-1], servers[live[-1].name]
