"""Quotas: how much of something an account may use in a region, and who uses what.

What is used is kept in memory and taken up again from the open records when a server starts; a value that was
raised is a record.
"""

import hashlib
import threading
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sagesse.core.model import service_model
from sagesse.core.record import Key, Store
from sagesse.core.scope import Scope

APPLIED = "service-quotas:AppliedQuota"
"""The kind of the records of raised values; the value is ``output["Value"]``, the name the quota's code."""

_INSTANCES, _MOST_INSTANCES = 10_000, 1_000_000
_JOB_INSTANCES = 20  # AWS's default
_TRAINING_S, _PROCESSING_S = 2_419_200, 604_800  # the model's bounds of MaxRuntimeInSeconds


class Quota(NamedTuple):
    """A quota as Service Quotas shows it.

    Attributes:
        name: AWS's name, as its errors quote it.
        default: generous; the settings may replace it.
        most: up to this an increase is granted.
        unit: of the value, as errors name it ("Instances").
    """

    name: str
    default: float
    most: float
    unit: str = "Instances"

    @property
    def code(self) -> str:
        """Its code, made of its name; AWS's own codes are not published."""
        return f"L-{hashlib.sha256(self.name.encode()).hexdigest()[:8].upper()}"


@cache
def sagemaker_quotas() -> Mapping[str, Quota]:
    """Every quota that SageMaker has here, by name."""
    shapes = service_model("sagemaker").shapes
    training: list[str] = shapes["TrainingInstanceType"]["enum"]
    processing: list[str] = shapes["ProcessingInstanceType"]["enum"]
    names = [f"{kind} for {use}" for kind in training for use in _TRAINING_USES]
    names += [f"{kind} for processing job usage" for kind in processing]
    names += [f"Number of instances across all {jobs} jobs" for jobs in ("training", "processing")]
    quotas = [Quota(name, _INSTANCES, _MOST_INSTANCES) for name in names]
    for jobs, longest_s in (("training", _TRAINING_S), ("processing", _PROCESSING_S)):
        quotas.append(Quota(f"Number of concurrent {jobs} jobs", _INSTANCES, _MOST_INSTANCES, "Jobs"))
        quotas.append(Quota(f"Number of instances for a {jobs} job", _JOB_INSTANCES, _JOB_INSTANCES))
        quotas.append(Quota(f"Longest run time for a {jobs} job", longest_s, longest_s, "Seconds"))
    return {quota.name: quota for quota in sorted(quotas)}


_TRAINING_USES = ("training job usage", "spot training job usage", "training warm pool usage")


class QuotaExceeded(Exception):  # noqa: N818 - reads as the fact it states
    """More than a quota allows was asked for; the text is AWS's."""

    def __init__(self, quota: Quota, limit: float, used: float, delta: float) -> None:
        super().__init__(
            f"The account-level service limit '{quota.name}' is {limit:.15g} {quota.unit}, with current utilization of "
            f"{used:.15g} {quota.unit} and a request delta of {delta:.15g} {quota.unit}. Please use AWS Service "
            "Quotas to request an increase for this quota."
        )


class Quotas:
    """The quotas of every account and region, and what is used of them.

    Args:
        store: holds the raised values.
        defaults: values by quota name, in place of ours.

    Raises:
        ValueError: a name in `defaults` is no quota.
    """

    def __init__(self, store: Store, defaults: Mapping[str, float] | None = None) -> None:
        self._store = store
        self._defaults = dict(defaults or {})
        if unknown := set(self._defaults) - sagemaker_quotas().keys():
            raise ValueError(f"unknown quotas {sorted(unknown)}; ListServiceQuotas names them")
        self._guard = threading.Lock()
        self._held: dict[str, tuple[Scope, Mapping[str, float]]] = {}
        self._used: dict[tuple[Scope, str], float] = {}

    def default(self, quota: Quota) -> float:
        """The value of an account that has not asked for more."""
        return self._defaults.get(quota.name, quota.default)

    def value(self, scope: Scope, quota: Quota) -> float:
        """The value that applies in that account and region."""
        raised = self._store.get(Key(APPLIED, *scope, quota.code))
        return float(raised.output["Value"]) if raised is not None else self.default(quota)

    def check(self, scope: Scope, name: str, amount: float) -> None:
        """Refuse an amount that nobody holds, such as a run time.

        Raises:
            QuotaExceeded: it is above the quota.
        """
        quota = sagemaker_quotas()[name]
        limit = self.value(scope, quota)
        if amount > limit:
            raise QuotaExceeded(quota, limit, 0, amount)

    def take(self, scope: Scope, holder: str, uses: Mapping[str, float]) -> None:
        """Count what `holder` uses, all or nothing, until `release`.

        Raises:
            QuotaExceeded: a quota does not allow it; nothing is counted.
        """
        limits = {name: self.value(scope, sagemaker_quotas()[name]) for name in uses}
        with self._guard:
            for name, amount in uses.items():
                used = self._used.get((scope, name), 0.0)
                if used + amount > limits[name]:
                    raise QuotaExceeded(sagemaker_quotas()[name], limits[name], used, amount)
            self._hold(scope, holder, uses)

    def hold(self, scope: Scope, holder: str, uses: Mapping[str, float]) -> None:
        """Count what is used already, whatever the quotas say: work of the last server, or handed on."""
        with self._guard:
            self._hold(scope, holder, uses)

    def release(self, holder: str) -> None:
        """Give back what `holder` uses; idempotent."""
        with self._guard:
            self._drop(holder)

    def wipe(self) -> None:
        """Nobody uses anything."""
        with self._guard:
            self._held.clear()
            self._used.clear()

    def _hold(self, scope: Scope, holder: str, uses: Mapping[str, float]) -> None:
        self._drop(holder)
        self._held[holder] = (scope, uses)
        for name, amount in uses.items():
            self._used[scope, name] = self._used.get((scope, name), 0.0) + amount

    def _drop(self, holder: str) -> None:
        scope, uses = self._held.pop(holder, (Scope("", ""), {}))
        for name, amount in uses.items():
            self._used[scope, name] -= amount
