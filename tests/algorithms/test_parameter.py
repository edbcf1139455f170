from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.params import Params as ImageParams
from sagesse.algorithms.parameter import parse, table
from sagesse.algorithms.xgboost.params import Params as TreeParams


class Params(msgspec.Struct, kw_only=True, frozen=True):
    rounds: Annotated[int, Meta(ge=1, description="passes")]
    rate: Annotated[float, Meta(gt=0, le=1, description="step")] = 0.1
    rule: Annotated[Literal["sgd", "adam"], Meta(description="rule")] = "sgd"
    stop: Annotated[bool, Meta(description="stop early")] = False
    depth: Annotated[Literal[18, 34], Meta(description="layers")] = 18
    limit: Annotated[int, Meta(ge=2, description="limit")] | None = None
    lambda_: Annotated[float, Meta(description="penalty")] = msgspec.field(default=1.0, name="lambda")


def test_strings_become_typed_values():
    given_values = {
        "rounds": "3",
        "rate": "1e-2",
        "rule": "adam",
        "stop": "True",
        "depth": "34",
        "limit": "7",
    }
    assert parse(Params, given_values) == Params(
        rounds=3, rate=0.01, rule="adam", stop=True, depth=34, limit=7
    )


def test_a_wire_name_that_is_a_keyword_of_python_is_read():
    assert parse(Params, {"rounds": "1", "lambda": "2.5"}).lambda_ == 2.5


def test_values_encoded_as_json_once_more_are_read():
    assert parse(Params, {"rounds": '"4"', "rule": '"adam"'}) == Params(rounds=4, rule="adam")


@pytest.mark.parametrize("text", ["1", "true", "True"])
def test_a_flag_is_set_in_all_usual_spellings(text):
    assert parse(Params, {"rounds": "1", "stop": text}).stop is True


def test_names_of_the_platform_are_skipped():
    assert (
        parse(Params, {"rounds": "1", "_tuning_objective_metric": "x", "sagemaker_region": "y"}).rounds == 1
    )


def test_all_mistakes_are_named_at_once():
    wrong = {"rate": "2", "rule": "sdg", "depth": "19", "limit": "1", "raunds": "x", "old": "1"}
    with pytest.raises(ClientError) as caught:
        parse(Params, wrong, unsupported={"old": "gone"})
    assert str(caught.value) == (
        "Invalid hyperparameters: rate: '2' is not allowed, expected real number above 0 and at most 1; "
        "rule: 'sdg' is not allowed, expected one of adam, sgd; "
        "depth: '19' is not allowed, expected one of 18, 34; "
        "limit: '1' is not allowed, expected whole number at least 2; "
        "raunds: no such hyperparameter; did you mean rounds?; old: gone; rounds: required, but not given"
    )


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "", "1,5", "0x1", "None"])
def test_what_is_no_finite_number_is_refused(text):
    with pytest.raises(ClientError, match="rate"):
        parse(Params, {"rounds": "1", "rate": text})


def test_rules_between_hyperparameters_are_checked_last():
    with pytest.raises(ClientError, match="rounds: odd"):
        parse(Params, {"rounds": "3"}, check=lambda params: ["rounds: odd"] if params.rounds % 2 else [])


@given(st.dictionaries(st.sampled_from(["rounds", "rate", "rule", "stop", "limit", "other"]), st.text()))
def test_any_text_gives_params_or_a_client_error(values):
    try:
        rounds = parse(Params, values).rounds
    except ClientError:
        rounds = 1
    assert rounds >= 1


@pytest.mark.parametrize("kind", [ImageParams, TreeParams])
def test_every_hyperparameter_says_what_it_means(kind):
    assert [row.name for row in table(kind) if not row.meaning] == []
