"""``output/intermediate``: stored while the job runs, where the hyperparameter `sagemaker_s3_output` says.

Source: aws/sagemaker-training-toolkit 5.1, which does it for framework images and never deletes what it stored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._mirror import Mirror, folder_place
from sagesse.services.sagemaker._plan import plain
from sagesse.services.sagemaker._transfer import BadLocation, Location, parse_location

_FOLDER = "output/intermediate"
_LEDGER = "intermediate.json"


def intermediate_mirror(request: Mapping[str, Any], run_folder: Path) -> Mirror | None:
    """The mirror of a run's intermediate output, if the job asks for one.

    Raises:
        ChannelError: the hyperparameter names no place in S3.
    """
    uri = plain(request.get("HyperParameters", {}).get("sagemaker_s3_output", ""))
    if not uri:
        return None
    try:
        base = folder_place(parse_location(uri))
    except BadLocation as error:
        raise ChannelError(f"ClientError: sagemaker_s3_output: {error}") from error
    root = run_folder / "ml"
    return Mirror(
        root=root,
        folder=root / _FOLDER,
        target=Location(base.bucket, f"{base.key}{request['TrainingJobName']}/{_FOLDER}/"),
        ledger=run_folder / _LEDGER,
        keeps_removed=True,
    )
