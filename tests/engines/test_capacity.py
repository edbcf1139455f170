"""The queue for the machine: fair over accounts, nobody starves, never more than there is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.engines.capacity import Capacity, Claim
from sagesse.engines.machine import Demand, Machine

FOUR = Machine(cores=4, memory_bytes=16, gpus=2)


def test_a_claim_that_fits_is_granted_at_once() -> None:
    assert Capacity(FOUR).claim("a", Demand(2, 8, 1), since=0) == Claim(2, 8, (0,))


def test_asking_again_answers_the_same() -> None:
    capacity = Capacity(FOUR)
    first = capacity.claim("a", Demand(2), since=0)
    assert capacity.claim("a", Demand(2), since=0) == first
    assert capacity.claim("b", Demand(2), since=1).threads == 2


def test_a_claim_larger_than_the_machine_is_granted_the_machine() -> None:
    assert Capacity(FOUR).claim("a", Demand(96, 1 << 40, 8), since=0) == Claim(4, 16, (0, 1))


def test_what_is_missing_is_told() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("a", Demand(3, 10, 2), since=0)
    waits = capacity.claim("b", Demand(2, 4, 1), since=1)
    assert waits == Claim(0, position=0, missing=Demand(1, 0, 1))


def test_memory_alone_can_be_what_is_missing() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("a", Demand(1, 12), since=0)
    assert capacity.claim("b", Demand(1, 8), since=1).missing == Demand(0, 4, 0)


def test_each_gpu_is_given_to_one_claim() -> None:
    capacity = Capacity(FOUR)
    given_gpus = [capacity.claim(name, Demand(1, 0, 1), since=0).gpus for name in ("a", "b")]
    assert given_gpus == [(0,), (1,)]
    capacity.release("a")
    assert capacity.claim("c", Demand(1, 0, 1), since=0).gpus == (0,)


def test_a_large_claim_is_not_overtaken_by_small_ones_of_its_account() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("runs", Demand(1), since=0)
    capacity.claim("large", Demand(4), since=1)
    assert capacity.claim("small", Demand(1), since=2).threads == 0


def test_a_large_claim_is_not_overtaken_by_small_ones_of_an_account_that_holds_more() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("runs", Demand(1), since=0, account="a")
    capacity.claim("large", Demand(4), since=1, account="b")
    assert capacity.claim("small", Demand(1), since=2, account="a").threads == 0


def test_a_hundred_claims_of_one_account_do_not_keep_another_waiting() -> None:
    capacity = Capacity(FOUR)
    for number in range(100):
        capacity.claim(f"many-{number}", Demand(2), since=number, account="a")
    assert capacity.claim("one", Demand(2), since=1000, account="b").position == 0
    capacity.release("many-0")
    assert capacity.claim("one", Demand(2), since=1000, account="b").threads == 2


def test_the_waiting_claim_that_was_granted_is_told() -> None:
    capacity = Capacity(FOUR)
    told: list[str] = []
    capacity.watch(told.append)
    capacity.claim("a", Demand(4), since=0)
    for number in range(3):
        capacity.claim(f"w{number}", Demand(4), since=1 + number)
    capacity.release("a")
    assert told == ["w0"]


def test_a_claim_that_gives_up_makes_way() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("runs", Demand(2), since=0)
    capacity.claim("large", Demand(4), since=1)
    capacity.claim("small", Demand(2), since=2)
    capacity.release("large")
    assert capacity.claim("small", Demand(2), since=2).threads == 2


def test_what_a_surviving_job_holds_is_not_given_again() -> None:
    capacity = Capacity(FOUR)
    capacity.adopt("old", Claim(3, 12, (1,)), account="a")
    assert capacity.claim("new", Demand(2), since=0).threads == 0
    assert capacity.claim("old", Demand(3), since=0) == Claim(3, 12, (1,))


def test_a_claim_that_is_expected_back_keeps_its_place() -> None:
    capacity = Capacity(FOUR)
    capacity.adopt("runs", Claim(4))
    capacity.expect("early", Demand(4), since=1)
    capacity.claim("late", Demand(4), since=2)
    capacity.release("runs")
    assert capacity.claim("early", Demand(4), since=1).threads == 4


def test_a_transfer_hands_over_without_the_queue() -> None:
    capacity = Capacity(FOUR)
    capacity.claim("a", Demand(4), since=0)
    capacity.claim("waits", Demand(4), since=1)
    assert capacity.transfer("a", "b")
    assert capacity.claim("b", Demand(4), since=9).threads == 4
    assert capacity.claim("waits", Demand(4), since=1).threads == 0
    assert not capacity.transfer("nothing", "c")


demands = st.builds(Demand, st.integers(1, 6), st.integers(0, 20), st.integers(0, 3))
claims = st.lists(st.tuples(demands, st.sampled_from("xyz")), min_size=1, max_size=25)


@settings(max_examples=100)
@given(claims, st.randoms(use_true_random=False))
def test_never_over_capacity_and_nobody_starves(wanted: list[tuple[Demand, str]], chance: object) -> None:
    """Whatever ends first: what is granted fits the machine, and in the end everybody was granted."""
    capacity = Capacity(FOUR)
    held: dict[str, Claim] = {}

    def ask(number: int) -> None:
        demand, account = wanted[number]
        claim = capacity.claim(str(number), demand, since=float(number), account=account)
        if claim.threads:
            held[str(number)] = claim

    for number in range(len(wanted)):
        ask(number)
    left = set(range(len(wanted)))
    while left:
        assert sum(claim.threads for claim in held.values()) <= FOUR.cores
        assert sum(claim.memory_bytes for claim in held.values()) <= FOUR.memory_bytes
        gpus = [number for claim in held.values() for number in claim.gpus]
        assert len(gpus) == len(set(gpus))
        assert held, "the machine is free and claims wait"
        ended = chance.choice(sorted(held))  # type: ignore[attr-defined]
        capacity.release(ended)
        del held[ended]
        left.discard(int(ended))
        for number in sorted(left - {int(name) for name in held}):
            ask(number)


@settings(max_examples=100)
@given(claims)
def test_the_first_in_the_queue_is_the_next_to_be_granted(wanted: list[tuple[Demand, str]]) -> None:
    capacity = Capacity(FOUR)
    told: list[str] = []
    capacity.watch(told.append)
    capacity.claim("all", Demand(4, 16, 2), since=-1.0, account="w")
    for number, (demand, account) in enumerate(wanted):
        capacity.claim(str(number), demand, since=float(number), account=account)
    places = {
        capacity.claim(str(number), demand, since=float(number), account=account).position: str(number)
        for number, (demand, account) in enumerate(wanted)
    }
    assert sorted(places) == list(range(len(wanted)))
    capacity.release("all")
    assert told == [places[place] for place in range(len(told))]
    assert told
