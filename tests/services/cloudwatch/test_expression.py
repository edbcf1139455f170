"""Reading metric math."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.services.cloudwatch.evaluate import Evaluator, Work
from sagesse.services.cloudwatch.expression import Function, Name, Negation, Number, Operation, names, parse
from sagesse.services.cloudwatch.series import Series

SERIES = Series("m1", 60, {0.0: 1.0, 60.0: -2.0, 180.0: 1e299})


def test_precedence() -> None:
    assert parse("1 + m1 * 2") == Operation("+", Number(1), Operation("*", Name("m1"), Number(2)))


def test_signs_of_one_level_go_from_left_to_right() -> None:
    assert parse("9 - 4 - 3") == Operation("-", Operation("-", Number(9), Number(4)), Number(3))


def test_minus_binds_tightest() -> None:
    assert parse("-m1 - -2") == Operation("-", Negation(Name("m1")), Negation(Number(2)))


def test_names_of_a_tree() -> None:
    assert set(names(parse("SUM([m1, m2]) / FILL(m3, 0)"))) == {"m1", "m2", "m3"}


def test_function_names_are_upper_case() -> None:
    assert parse("sum(m1)") == Function("SUM", (Name("m1"),))


WORDS = (
    "1 2 0 1e308 m1 m1 + - * / ^ ( ) [ ] , < == AND OR 'm' FILL SUM ABS CEIL IF METRICS RATE "
    "LAST STDDEV TIME_SERIES REPEAT PERIOD (m1) (m1,LINEAR) & é"
)
TERMS = st.sampled_from(WORDS.split())


def test_numbers_too_large_are_no_value() -> None:
    evaluator = Evaluator({"m1": SERIES}.__getitem__, ["m1"], start=0, end=300, period_s=60, work=Work())
    assert evaluator.value(parse("m1 - m1 + SUM(FILL(m1, 1e308))")) == Series("m1", 60, {})


@given(st.lists(TERMS, max_size=25))
def test_any_text_has_a_value_or_is_refused(words: list[str]) -> None:
    evaluator = Evaluator({"m1": SERIES}.__getitem__, ["m1"], start=0, end=300, period_s=60, work=Work())
    with suppress(ServiceError, KeyError):
        evaluator.value(parse(" ".join(words)))
