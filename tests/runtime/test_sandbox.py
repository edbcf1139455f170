"""Paths rewritten for a job without a view of its own."""

from pathlib import Path

import pytest

from sagesse.runtime.sandbox import rewrite

_MOUNTS = {"/opt/ml": Path("/data/r1/ml"), "/opt/ml/cache": Path("/data/cache")}


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/opt/ml", "/data/r1/ml"),
        ("/opt/ml/model", "/data/r1/ml/model"),
        ("/opt/ml/cache/x", "/data/cache/x"),
        ("--in=/opt/ml/input:/opt/ml/code", "--in=/data/r1/ml/input:/data/r1/ml/code"),
        ('{"dir":"/opt/ml"}', '{"dir":"/data/r1/ml"}'),
        ("cd /opt/ml/code && ls", "cd /data/r1/ml/code && ls"),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/opt/ml-old/x", "/opt/ml-old/x"),
        ("/srv/opt/ml/x", "/srv/opt/ml/x"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
    ],
)
def test_only_whole_paths_are_rewritten(text: str, rewritten: str) -> None:
    assert rewrite(text, _MOUNTS) == rewritten
