import re

import numpy as np
import pytest
import xgboost

from sagesse.algorithms.base import ClientError, Job
from sagesse.algorithms.xgboost import METRICS
from sagesse.algorithms.xgboost.training import CHECKPOINT_FILE, MODEL_FILE, train
from tests.algorithms.xgboost import sample


def _booster(job):
    return xgboost.Booster(model_file=bytearray((job.model_dir / MODEL_FILE).read_bytes()))


def _rounds(job):
    return [line for line in sample.log(job) if line.startswith("[")]


def test_each_round_prints_tab_separated_values_of_both_channels(tmp_path):
    job = sample.job(tmp_path)
    train(job)
    assert len(_rounds(job)) == 6
    assert re.fullmatch(r"\[0\]\ttrain-logloss:0\.\d{5}\tvalidation-logloss:0\.\d{5}", _rounds(job)[0])


ASKED = "auc,logloss,error,accuracy,f1,balanced_accuracy,precision,recall,mse,r2,rmse,mae,aucpr"


def test_the_metric_definitions_find_every_asked_metric_in_the_escaped_log(tmp_path):
    job = sample.job(tmp_path, eval_metric=ASKED, num_round=2)
    train(job)
    line = _rounds(job)[1].replace("\t", "#011")
    found = {metric.name for metric in METRICS if re.search(metric.regex, line)}
    assert found == {f"{channel}:{name}" for channel in ("train", "validation") for name in ASKED.split(",")}


def test_only_own_metrics_may_be_asked_for(tmp_path):
    job = sample.job(tmp_path, eval_metric="accuracy", num_round=1)
    train(job)
    assert re.fullmatch(r"\[0\]\ttrain-accuracy:\S+\tvalidation-accuracy:\S+", _rounds(job)[0])


@pytest.mark.filterwarnings("ignore:.*Unknown file format")  # it has no suffix, as on AWS
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_model_is_a_file_that_the_library_reads(tmp_path):
    job = sample.job(tmp_path)
    train(job)
    assert xgboost.Booster(model_file=str(job.model_dir / MODEL_FILE)).num_boosted_rounds() == 6


def test_a_job_learns(tmp_path):
    job = sample.job(tmp_path, num_round=30, eval_metric="auc")
    train(job)
    assert float(_rounds(job)[-1].rpartition(":")[2]) > 0.93


def test_a_seed_gives_the_same_model_again(tmp_path):
    jobs = [sample.job(tmp_path / name, subsample=0.5, seed=3) for name in "ab"]
    for job in jobs:
        train(job)
    assert (jobs[0].model_dir / MODEL_FILE).read_bytes() == (jobs[1].model_dir / MODEL_FILE).read_bytes()


def test_early_stopping_keeps_the_rounds_up_to_the_best_one(tmp_path):
    job = sample.job(
        tmp_path, num_round=300, early_stopping_rounds=3, eta=1, max_depth=8, eval_metric="auc,logloss"
    )
    train(job)
    losses = [float(line.rpartition(":")[2]) for line in _rounds(job)]
    best = int(np.argmin(losses))
    assert len(losses) == best + 4
    assert _booster(job).num_boosted_rounds() == best + 1
    assert _booster(job).attr("best_iteration") == str(best)


def _stopping(job, after):
    asked = iter([False] * (after - 1) + [True])
    return Job(**{n: getattr(job, n) for n in job.__struct_fields__} | {"should_stop": lambda: next(asked)})


@pytest.mark.parametrize(
    "given", [{}, {"early_stopping_rounds": 3, "eta": 1, "max_depth": 8, "num_round": 40}]
)
def test_an_interrupted_job_ends_with_the_model_of_an_uninterrupted_one(tmp_path, given):
    given = {"num_round": 9} | given
    whole, broken = sample.job(tmp_path / "a", **given), sample.job(tmp_path / "b", checkpoints=True, **given)
    train(whole)
    train(_stopping(broken, after=4))
    train(broken)
    rows = xgboost.DMatrix(np.random.default_rng(0).normal(size=(50, 4)))
    assert "Resuming after round 3" in sample.log(broken)
    assert np.allclose(_booster(whole).predict(rows), _booster(broken).predict(rows), atol=1e-6)
    assert _booster(whole).num_boosted_rounds() == _booster(broken).num_boosted_rounds()


def test_round_numbers_go_on_after_a_resume(tmp_path):
    job = sample.job(tmp_path, checkpoints=True)
    train(_stopping(job, after=2))
    train(job)
    assert [line.partition("]")[0][1:] for line in _rounds(job)] == ["0", "1", "2", "3", "4", "5"]


def test_a_finished_job_that_starts_again_boosts_no_more(tmp_path):
    job = sample.job(tmp_path, checkpoints=True)
    train(job)
    sample.log(job).clear()
    train(job)
    assert _rounds(job) == []
    assert _booster(job).num_boosted_rounds() == 6


def test_a_broken_checkpoint_is_refused(tmp_path):
    job = sample.job(tmp_path, checkpoints=True)
    job.checkpoint_dir.mkdir()
    (job.checkpoint_dir / CHECKPOINT_FILE).write_bytes(b"junk")
    with pytest.raises(ClientError, match="checkpoint"):
        train(job)


@pytest.mark.parametrize(
    "given",
    [
        {"objective": "reg:linear"},
        {"objective": "reg:pseudohubererror", "huber_slope": 2},
        {"objective": "reg:tweedie", "tweedie_variance_power": 1.4},
        {"objective": "count:poisson", "max_delta_step": 0.7},
        {"objective": "binary:hinge"},
        {"booster": "dart", "rate_drop": 0.2, "one_drop": 1, "sample_type": "weighted"},
        {"booster": "gblinear", "lambda_bias": 0.1, "max_depth": 6},
        {"tree_method": "exact"},
        {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 5, "max_bin": 16},
        {"monotone_constraints": "(1,0,0,-1)", "interaction_constraints": "[[0,1],[2,3]]"},
        {"num_parallel_tree": 3, "subsample": 0.5, "early_stopping_rounds": 2},
        {"alpha": 0.5, "lambda": 3, "gamma": 0.1, "scale_pos_weight": 2, "base_score": 0.4},
    ],
)
@pytest.mark.filterwarnings(
    "ignore::UserWarning"
)  # the library's own remarks about settings of another booster
def test_each_choice_trains(tmp_path, given):
    job = sample.job(tmp_path, num_round=3, **given)
    train(job)
    assert _booster(job).num_boosted_rounds() == 3


def test_several_classes_are_told_apart(tmp_path):
    inputs = sample.channels(tmp_path / "data", classes=3, content_type="text/libsvm")
    job = sample.job(tmp_path, inputs=inputs, objective="multi:softprob", num_class=3, num_round=20)
    train(job)
    assert float(_rounds(job)[-1].rpartition("mlogloss:")[2]) < 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_round": "0"}, "num_round: '0' is not allowed, expected whole number at least 1"),
        ({"eta": "1.5"}, "eta: '1.5'"),
        ({"objective": "multi:softmax"}, "num_class: required for objective multi:softmax"),
        ({"num_class": "3"}, "num_class: only for multi:softmax"),
        ({"objective": "rank:pairwise"}, "objective: 'rank:pairwise' is not allowed"),
        ({"eval_metric": "auc,foo"}, "eval_metric: 'foo' is not known"),
        ({"eval_metric": "ndcg@5"}, "belongs to ranking"),
        ({"tree_method": "gpu_hist"}, "tree_method: 'gpu_hist' is not allowed, expected one of"),
        ({"process_type": "update"}, "process_type: only 'default'"),
        ({"csv_weights": "2"}, "csv_weights: '2'"),
        ({"num_rounds": "3"}, "num_rounds: no such hyperparameter; did you mean num_round?"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(tmp_path, given, message):
    with pytest.raises(ClientError) as caught:
        train(sample.job(tmp_path, inputs={}, **given))
    assert message in str(caught.value)


def test_labels_that_are_no_classes_are_refused(tmp_path):
    inputs = sample.channels(tmp_path / "data", classes=4)
    with pytest.raises(ClientError, match="labels that are not classes 0 to 2"):
        train(sample.job(tmp_path, inputs=inputs, objective="multi:softmax", num_class=3))


def test_labels_that_the_objective_cannot_have_are_refused(tmp_path):
    inputs = sample.channels(tmp_path / "data", classes=4)
    with pytest.raises(ClientError, match="XGBoost refuses the data"):
        train(sample.job(tmp_path, inputs=inputs))


def test_a_missing_train_channel_is_named(tmp_path):
    with pytest.raises(ClientError, match="'train' is missing"):
        train(sample.job(tmp_path, inputs={}))


def test_a_validation_channel_with_more_columns_is_refused(tmp_path):
    inputs = sample.channels(tmp_path / "data")
    (inputs["validation"].path / "rows.csv").write_text("1,2,3,4,5,6\n")
    with pytest.raises(ClientError, match="'validation' has 5 features, the channel 'train' has 4"):
        train(sample.job(tmp_path, inputs=inputs))
