"""Quotas: what is used, what applies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.store_sqlite import SqliteStore
from sagesse.engines.quota import APPLIED, Quota, QuotaExceeded, Quotas, sagemaker_quotas

HERE, ELSEWHERE = Scope("123456789012", "us-east-1"), Scope("123456789012", "eu-west-1")
TRAINING = "ml.m5.large for training job usage"
RUNTIME = "Longest run time for a training job"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "records.db", durable=False)
    yield store
    store.close()


@pytest.fixture
def quotas(store: SqliteStore) -> Quotas:
    return Quotas(store, {TRAINING: 2, RUNTIME: 3600})


def test_each_quota_has_a_code_of_its_own() -> None:
    codes = {quota.code for quota in sagemaker_quotas().values()}
    assert len(codes) == len(sagemaker_quotas())


def test_more_than_the_quota_is_refused_in_the_words_of_aws(quotas: Quotas) -> None:
    quotas.take(HERE, "a", {TRAINING: 2})
    with pytest.raises(QuotaExceeded) as refusal:
        quotas.take(HERE, "b", {TRAINING: 1})
    assert str(refusal.value) == (
        "The account-level service limit 'ml.m5.large for training job usage' is 2 Instances, with current utilization "
        "of 2 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for "
        "this quota."
    )


def test_what_is_given_back_may_be_used_again(quotas: Quotas) -> None:
    quotas.take(HERE, "a", {TRAINING: 2})
    quotas.release("a")
    quotas.release("a")
    quotas.take(HERE, "b", {TRAINING: 2})


def test_a_refusal_counts_nothing(quotas: Quotas) -> None:
    with pytest.raises(QuotaExceeded):
        quotas.take(HERE, "a", {"Number of concurrent training jobs": 1, TRAINING: 3})
    quotas.take(HERE, "b", {TRAINING: 2})


def test_accounts_and_regions_have_quotas_of_their_own(quotas: Quotas) -> None:
    quotas.take(HERE, "a", {TRAINING: 2})
    quotas.take(ELSEWHERE, "b", {TRAINING: 2})


def test_what_survived_the_server_counts_even_above_the_quota(quotas: Quotas) -> None:
    quotas.hold(HERE, "a", {TRAINING: 5})
    with pytest.raises(QuotaExceeded, match="current utilization of 5"):
        quotas.take(HERE, "b", {TRAINING: 1})


def test_a_raised_value_applies_where_it_was_raised(quotas: Quotas, store: SqliteStore) -> None:
    quota = sagemaker_quotas()[TRAINING]
    store.insert(raised(quota, 7))
    assert (quotas.value(HERE, quota), quotas.value(ELSEWHERE, quota), quotas.default(quota)) == (7, 2, 2)


def raised(quota: Quota, value: float) -> Record:
    facts = {"arn": "arn:x", "created": 0.0, "modified": 0.0, "request": {}, "output": {"Value": value}}
    return Record(kind=APPLIED, account=HERE.account, region=HERE.region, name=quota.code, **facts)


def test_an_amount_that_nobody_holds_is_bounded(quotas: Quotas) -> None:
    quotas.check(HERE, RUNTIME, 3600)
    with pytest.raises(QuotaExceeded, match="is 3600 Seconds, with current utilization of 0 Seconds"):
        quotas.check(HERE, RUNTIME, 3601)


def test_an_unknown_name_in_the_settings_is_refused(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="unknown quotas"):
        Quotas(store, {"ml.m5.large for coffee": 1})
