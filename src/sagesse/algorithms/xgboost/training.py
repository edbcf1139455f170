"""Boosting rounds: log lines, early stopping, checkpoints, the saved model."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingSuperCall=false, reportUnknownParameterType=false
# xgboost types boosters and callbacks only partly.

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xgboost
from xgboost.callback import TrainingCallback
from xgboost.core import XGBoostError

from sagesse.algorithms.base import ClientError, Job
from sagesse.algorithms.parameter import parse
from sagesse.algorithms.xgboost.params import GAINS, UNSUPPORTED, Params, booster_params, check, metrics_of
from sagesse.algorithms.xgboost.rows import Rows, read_channel, widen
from sagesse.algorithms.xgboost.score import SCORES, combined

MODEL_FILE = "xgboost-model"
CHECKPOINT_FILE = "xgboost-checkpoint"
_CHECKPOINT_ROUNDS = 10
_HISTORY = "sagesse_history"  # the deciding metric of every round, kept in the booster's own attributes
# What the library says when the data do not fit the hyperparameters.
_CLIENT_FAULTS = (
    "label must be",
    "Label must be",
    "num_class",
    "base_score must",
    "Check failed: preds.Size",
)


def train(job: Job) -> None:
    """Run a training job from its channels to its model folder.

    Raises:
        ClientError: hyperparameters or rows are wrong.
    """
    params = parse(Params, job.hyperparameters, unsupported=UNSUPPORTED, check=check)
    parts = _load(job, params)
    settings = booster_params(params) | {
        "nthread": min(job.num_threads, params.nthread or job.num_threads),
        "seed": job.seed if params.seed is None else params.seed,
    }
    asked = metrics_of(params)
    own = [name for name in asked if name not in SCORES]
    if own:
        settings["eval_metric"] = own
    elif asked:
        settings["disable_default_eval_metric"] = 1
    booster = _boost(job, params, settings, parts)
    job.model_dir.mkdir(parents=True, exist_ok=True)
    _write(job.model_dir / MODEL_FILE, booster)


def _load(job: Job, params: Params) -> dict[str, xgboost.DMatrix]:
    if "train" not in job.channels:
        raise ClientError("The channel 'train' is missing.")
    found = {
        name: read_channel(job.channels[name], csv_weights=bool(params.csv_weights))
        for name in ("train", "validation")
        if name in job.channels
    }
    columns = found["train"].features.shape[1]
    for name, rows in found.items():
        if rows.features.shape[1] > columns:
            raise ClientError(
                f"The channel {name!r} has {rows.features.shape[1]} features, the channel 'train' has {columns}."
            )
        _check_labels(name, rows, params)
    return {
        name: xgboost.DMatrix(
            widen(rows.features, columns), rows.labels, weight=rows.weights, nthread=job.num_threads
        )
        for name, rows in found.items()
    }


def _check_labels(name: str, rows: Rows, params: Params) -> None:
    labels = rows.labels
    if (
        params.num_class is not None
        and not ((labels >= 0) & (labels < params.num_class) & (labels % 1 == 0)).all()
    ):
        raise ClientError(
            f"The channel {name!r} has labels that are not classes 0 to {params.num_class - 1}."
        )
    if np.isnan(labels).any():
        raise ClientError(f"The channel {name!r} has rows without a label.")


def _boost(
    job: Job, params: Params, settings: dict[str, object], parts: dict[str, xgboost.DMatrix]
) -> xgboost.Booster:
    asked = metrics_of(params)
    custom = [name for name in asked if name in SCORES]
    before = _resume(job)
    done = before.num_boosted_rounds() if before is not None else 0
    if done:
        job.report(f"Resuming after round {done - 1}")
    rounds = _Rounds(job, _Watch(params.early_stopping_rounds, asked[-1] if asked else None, done))
    if before is not None and (done >= params.num_round or rounds.has_settled(before)):
        return rounds.best(before)
    try:
        booster = xgboost.train(
            settings,
            parts["train"],
            params.num_round - done,
            evals=[(part, name) for name, part in parts.items()],
            custom_metric=combined(custom) if custom else None,
            xgb_model=before,
            verbose_eval=False,
            callbacks=[rounds],
        )
    except XGBoostError as error:
        if any(text in str(error) for text in _CLIENT_FAULTS):
            raise ClientError(f"XGBoost refuses the data: {str(error).splitlines()[0]}") from error
        raise
    if job.checkpoint_dir is not None:
        _checkpoint(job.checkpoint_dir, booster)
    return rounds.best(booster)


def _resume(job: Job) -> xgboost.Booster | None:
    file = job.checkpoint_dir / CHECKPOINT_FILE if job.checkpoint_dir is not None else None
    if file is None or not file.exists():
        return None
    try:
        return xgboost.Booster(model_file=bytearray(file.read_bytes()))
    except XGBoostError as error:
        raise ClientError(f"The checkpoint {CHECKPOINT_FILE} cannot be read.") from error


def _checkpoint(folder: Path, booster: xgboost.Booster) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / CHECKPOINT_FILE, booster)


def _write(file: Path, booster: xgboost.Booster) -> None:
    """The library's own binary JSON, whole or not at all."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(bytes(booster.save_raw("ubj")))
    part.replace(file)


class _Watch(NamedTuple):
    """What decides about early stopping."""

    patience: int | None
    metric: str | None  # None: the last one that the objective brings along
    rounds_before: int  # in the checkpoint that this run goes on from


class _Rounds(TrainingCallback):
    """After each round: one log line, the history, a checkpoint, and whether to go on."""

    def __init__(self, job: Job, watch: _Watch) -> None:
        self._job, self._watch = job, watch

    def after_iteration(
        self, model: xgboost.Booster, epoch: int, evals_log: TrainingCallback.EvalsLog
    ) -> bool:
        number = self._watch.rounds_before + epoch
        shown = [
            f"{channel}-{name}:{_last(values):.5f}"
            for channel, series in evals_log.items()
            for name, values in series.items()
        ]
        self._job.report("\t".join([f"[{number}]", *shown]))
        if self._watch.patience is not None:
            series = evals_log.get("validation") or evals_log["train"]
            name = self._watch.metric if self._watch.metric in series else list(series)[-1]
            history = [*_history(model), _last(series[name]) * (1 if _is_gain(name) else -1)]
            model.set_attr(**{_HISTORY: json.dumps(history)})
        if self._job.checkpoint_dir is not None and (number + 1) % _CHECKPOINT_ROUNDS == 0:
            _checkpoint(self._job.checkpoint_dir, model)
        return self._job.should_stop() or self.has_settled(model)

    def has_settled(self, model: xgboost.Booster) -> bool:
        history = _history(model)
        patience = self._watch.patience
        return patience is not None and len(history) > 0 and len(history) - 1 - _best(history) >= patience

    def best(self, model: xgboost.Booster) -> xgboost.Booster:
        """The rounds up to the best one, when early stopping watches; a linear model cannot be cut."""
        history = _history(model)
        is_linear = "gblinear" in model.save_config()
        if self._watch.patience is None or not history or is_linear:
            return model
        best = _best(history)
        self._job.report(f"Best round {best}")
        cut = model[: best + 1]
        cut.set_attr(best_iteration=str(best), **{_HISTORY: None})
        return cut


def _last(values: Sequence[float] | Sequence[tuple[float, float]]) -> float:
    """The newest value; cross-validation, which is not done here, would pair it with a deviation."""
    value = values[-1]
    return value[0] if isinstance(value, tuple) else value


def _is_gain(metric: str) -> bool:
    return metric.partition("@")[0] in GAINS


def _history(model: xgboost.Booster) -> list[float]:
    """Signed so that more is better."""
    return json.loads(model.attr(_HISTORY) or "[]")


def _best(history: list[float]) -> int:
    return max(range(len(history)), key=history.__getitem__)
