"""XGBoost script mode as the examples of its image do it: each host trains on its files, connected with the others."""

import argparse
import json
import os

import xgboost
from sagemaker_containers import entry_point  # noqa: F401 - the examples have it
from sagemaker_xgboost_container import distributed
from sagemaker_xgboost_container.data_utils import get_dmatrix


def boost(params, matrix, rounds, model_dir, is_master=True):
    """Train, and have one host save the model."""
    history = {}
    booster = xgboost.train(params, matrix, rounds, evals=[(matrix, "train")], evals_result=history)
    if is_master:
        booster.save_model(os.path.join(model_dir, "xgboost-model"))
    print(f"master {is_master}: trained on {matrix.num_row()} rows, rmse {history['train']['rmse'][-1]:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int, default=2)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model_dir", default=os.environ["SM_MODEL_DIR"])
    given = parser.parse_args()
    matrix = get_dmatrix(given.train, "csv")
    hosts, host = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
    asked = {
        "params": {"max_depth": 2},
        "matrix": matrix,
        "rounds": given.num_round,
        "model_dir": given.model_dir,
    }
    if len(hosts) > 1:
        distributed.rabit_run(boost, asked, matrix is not None, hosts, host, update_rabit_args=True)
    else:
        boost(**asked)
