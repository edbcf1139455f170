"""Routes: looked up, switched, drawn by weight."""

from itertools import pairwise

import pytest

from sagesse.engines.serving.routing import RoutingTable, Variant, draw

KEY = ("123456789012", "eu-central-1", "e")
A, B, IDLE = Variant("a", 3.0, ("a-1",)), Variant("b", 1.0, ("b-1",)), Variant("idle", 0.0, ("i-1",))
SERVERS = {"a": "a-1", "b": "b-1", "idle": "i-1"}


def test_an_endpoint_nobody_set_is_not_in_service() -> None:
    assert RoutingTable().variants(KEY) is None


def test_an_endpoint_nobody_set_is_resolved_once() -> None:
    asked: list[object] = []

    def resolve(key: tuple[str, str, str]) -> list[Variant]:
        asked.append(key)
        return [A]

    routes = RoutingTable(resolve)

    assert [routes.variants(KEY), routes.variants(KEY)] == [(A,), (A,)]
    assert asked == [KEY]


def test_setting_switches_at_once() -> None:
    routes = RoutingTable()
    routes.set(KEY, [A])
    routes.set(KEY, [B])

    assert routes.variants(KEY) == (B,)


def test_a_removed_endpoint_is_not_in_service() -> None:
    routes = RoutingTable()
    routes.set(KEY, [A])
    routes.remove(KEY)

    assert routes.variants(KEY) is None


def test_variants_are_drawn_by_weight() -> None:
    chances = iter([number / 1000 for number in range(1000)])

    drawn = [draw([A, B, IDLE], SERVERS, lambda: next(chances)) for _ in range(1000)]

    assert drawn.count((A, "a-1")) == 750
    assert drawn.count((B, "b-1")) == 250


def test_a_variant_without_a_server_leaves_its_share_to_the_others() -> None:
    assert draw([A, B], {"b": "b-1"}, lambda: 0.0) == (B, "b-1")


@pytest.mark.parametrize("variants", [[], [IDLE]])
def test_nothing_is_drawn_from_no_weight(variants: list[Variant]) -> None:
    assert draw(variants, SERVERS) is None


def test_a_chance_of_almost_one_draws_the_last() -> None:
    tenths = [Variant(str(number), 0.1, ("s",)) for number in range(10)]
    assert all(a.name < b.name for a, b in pairwise(tenths))

    drawn = draw(tenths, {variant.name: "s" for variant in tenths}, lambda: 1.0 - 2**-53)

    assert drawn is not None
    assert drawn[0].name == "9"
