"""The hyperparameters of XGBoost, with SageMaker's names, defaults and ranges."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

MetricName = Literal[
    "rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "merror", "mlogloss", "auc", "aucpr", "map", "ndcg",
    "poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik", "cox-nloglik",
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro",
    "precision_micro", "r2", "recall", "recall_macro", "recall_micro",
]  # fmt: skip
# Of these more is better; a metric with a parameter (`error@0.7`) goes by the name before the `@`.
GAINS = frozenset(
    {"auc", "aucpr", "map", "ndcg", "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision",
     "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"}
)  # fmt: skip
UNSUPPORTED = {
    "process_type": "only 'default' is done here, leave it out",
    "refresh_leaf": "belongs to process_type=update, which is not supported",
    "updater": "tree_method chooses it, leave it out",
    "dsplit": "belongs to training on several hosts, which is not supported yet",
    "use_dask_gpu_training": "no GPU training, leave it out",
    "sketch_eps": "belongs to tree_method approx of XGBoost before 1.6, use max_bin",
    "single_precision_histogram": "gone since XGBoost 1.6, leave it out",
    "deterministic_histogram": "gone since XGBoost 1.6: histograms are deterministic",
    "predictor": "gone since XGBoost 2, leave it out",
    "aft_loss_distribution": "survival:aft is not supported",
    "aft_loss_distribution_scale": "survival:aft is not supported",
    "prob_buffer_row": "no training with accelerators, leave it out",
}


class Params(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a training job may set; None leaves the library's default."""

    num_round: Annotated[int, Meta(ge=1, description="rounds of boosting")]
    num_class: Annotated[int, Meta(ge=2, description="number of classes, of multi:* objectives")] | None = (
        None
    )
    objective: Annotated[
        Literal[
            "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror",
            "reg:absoluteerror", "reg:gamma", "reg:tweedie", "binary:logistic", "binary:logitraw", "binary:hinge",
            "count:poisson", "survival:cox", "multi:softmax", "multi:softprob",
        ],
        Meta(description="what is learnt"),
    ] = "reg:squarederror"  # fmt: skip
    eval_metric: Annotated[str, Meta(description="metrics to report, separated by commas")] | None = None
    early_stopping_rounds: (
        Annotated[int, Meta(ge=1, description="rounds to wait for a better one")] | None
    ) = None
    eta: Annotated[float, Meta(ge=0, le=1, description="shrinkage of each round")] = 0.3
    gamma: Annotated[float, Meta(ge=0, description="least gain of a split")] = 0.0
    max_depth: Annotated[int, Meta(ge=0, description="depth of a tree, 0 for no limit")] = 6
    min_child_weight: Annotated[float, Meta(ge=0, description="least weight of a leaf")] = 1.0
    max_delta_step: Annotated[float, Meta(ge=0, description="largest step of a leaf, 0 for no limit")] = 0.0
    subsample: Annotated[float, Meta(gt=0, le=1, description="share of rows for each tree")] = 1.0
    colsample_bytree: Annotated[float, Meta(gt=0, le=1, description="share of columns for each tree")] = 1.0
    colsample_bylevel: Annotated[float, Meta(gt=0, le=1, description="share of columns for each level")] = 1.0
    colsample_bynode: Annotated[float, Meta(gt=0, le=1, description="share of columns for each split")] = 1.0
    alpha: Annotated[float, Meta(ge=0, description="L1 penalty")] = 0.0
    lambda_: Annotated[float, Meta(ge=0, description="L2 penalty")] = msgspec.field(
        default=1.0, name="lambda"
    )
    lambda_bias: Annotated[float, Meta(ge=0, le=1, description="L2 penalty of the bias, gblinear")] | None = (
        None
    )
    scale_pos_weight: Annotated[float, Meta(ge=0, description="weight of positive rows")] = 1.0
    base_score: Annotated[float, Meta(description="prediction before the first round")] | None = None
    booster: Annotated[Literal["gbtree", "gblinear", "dart"], Meta(description="kind of model")] = "gbtree"
    tree_method: Annotated[
        Literal["auto", "exact", "approx", "hist"], Meta(description="how splits are found")
    ] = "auto"
    grow_policy: Annotated[
        Literal["depthwise", "lossguide"], Meta(description="which leaf is split next")
    ] = "depthwise"
    max_leaves: Annotated[int, Meta(ge=0, description="leaves of a tree, 0 for no limit")] = 0
    max_bin: Annotated[int, Meta(ge=2, description="histogram bins of a column")] = 256
    num_parallel_tree: Annotated[int, Meta(ge=1, description="trees of one round")] = 1
    sampling_method: Annotated[Literal["uniform"], Meta(description="how rows are sampled")] = "uniform"
    sample_type: (
        Annotated[Literal["uniform", "weighted"], Meta(description="dart: which trees drop")] | None
    ) = None
    normalize_type: (
        Annotated[Literal["tree", "forest"], Meta(description="dart: weight of new trees")] | None
    ) = None
    rate_drop: Annotated[float, Meta(ge=0, le=1, description="dart: share of trees that drop")] | None = None
    one_drop: Annotated[Literal[0, 1], Meta(description="dart: at least one tree drops")] | None = None
    skip_drop: Annotated[float, Meta(ge=0, le=1, description="dart: chance that none drops")] | None = None
    tweedie_variance_power: Annotated[float, Meta(gt=1, lt=2, description="of reg:tweedie")] | None = None
    huber_slope: Annotated[float, Meta(gt=0, description="of reg:pseudohubererror")] | None = None
    monotone_constraints: Annotated[str, Meta(description="direction of each column: (1,0,-1)")] | None = None
    interaction_constraints: Annotated[str, Meta(description="columns that may meet: [[0,1],[2]]")] | None = (
        None
    )
    csv_weights: Annotated[
        Literal[0, 1], Meta(description="the second csv column is the weight of the row")
    ] = 0
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="of all random choices")] | None = None
    nthread: (
        Annotated[int, Meta(ge=1, description="upper limit of threads; the platform's share rules")] | None
    ) = None
    verbosity: Annotated[int, Meta(ge=0, le=3, description="the library's own messages")] = 1
    device: Annotated[Literal["cpu"], Meta(description="where training runs")] = "cpu"
    save_model_on_termination: Annotated[
        Literal["true", "false"], Meta(description="keep the model of a stopped job; always done here")
    ] = "true"


_OURS = {
    "num_round", "eval_metric", "early_stopping_rounds", "csv_weights", "nthread", "seed", "save_model_on_termination",
}  # fmt: skip


def booster_params(params: Params) -> dict[str, object]:
    """The part that goes to the library, under its names."""
    given = msgspec.to_builtins(params)
    rest = {name: value for name, value in given.items() if name not in _OURS}
    if params.objective == "reg:linear":
        rest["objective"] = "reg:squarederror"
    return rest


def metrics_of(params: Params) -> list[str]:
    """The metrics asked for, in order; the last one decides about early stopping."""
    text = (params.eval_metric or "").strip("[] ")
    return [name.strip(" '\"") for name in text.split(",") if name.strip(" '\"")]


def check(params: Params) -> list[str]:
    """What is wrong with the combination, one sentence each."""
    wrong = list[str]()
    if params.objective.startswith("multi:") and params.num_class is None:
        wrong.append(f"num_class: required for objective {params.objective}")
    if params.num_class is not None and not params.objective.startswith("multi:"):
        wrong.append(f"num_class: only for multi:softmax and multi:softprob, not {params.objective}")
    known = get_args(MetricName)
    for name in metrics_of(params):
        if name.partition("@")[0] not in known:
            wrong.append(f"eval_metric: {name!r} is not known; known are {', '.join(known)}")
        if name in ("map", "ndcg") or name.startswith(("map@", "ndcg@")):
            wrong.append(f"eval_metric: {name!r} belongs to ranking, which is not supported")
    if params.booster == "gblinear" and params.num_parallel_tree != 1:
        wrong.append("num_parallel_tree: booster gblinear has no trees")
    return wrong
