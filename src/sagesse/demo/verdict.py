"""How well and how fast the endpoint tells marbles apart."""

import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.demo.album import Picture
from sagesse.demo.cloud import Cloud
from sagesse.demo.marble import Label


class Prediction(NamedTuple):
    """What the endpoint said of one photo."""

    picture: Picture
    ok_probability: float
    latency_s: float

    @property
    def label(self) -> Label:
        """The more probable label."""
        return "ok" if self.ok_probability >= 0.5 else "ko"

    @property
    def is_right(self) -> bool:
        """Whether that is what the photo shows."""
        return self.label == self.picture.label


def classify(cloud: Cloud, endpoint: str, folder: Path, pictures: Sequence[Picture]) -> Iterator[Prediction]:
    """Send photos to the endpoint, one after the other as a camera would."""
    for picture in pictures:
        body = (folder / picture.part / picture.file).read_bytes()
        began = time.perf_counter()
        answer: bytes = cloud.attempt(
            lambda clients, body=body: (
                clients("sagemaker-runtime")
                .invoke_endpoint(EndpointName=endpoint, ContentType="application/x-image", Body=body)["Body"]
                .read()
            )
        )
        latency_s = time.perf_counter() - began
        probabilities: list[float] = json.loads(answer)
        yield Prediction(picture, probabilities[1], latency_s)


def judge(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Accuracy, confusion (truth, said), mistakes by what was on the photo, latency in milliseconds."""
    latencies = sorted(prediction.latency_s * 1000 for prediction in predictions)
    confusion = Counter((item.picture.label, item.label) for item in predictions)
    missed = Counter(item.picture.kind for item in predictions if not item.is_right)
    return {
        "photos": len(predictions),
        "accuracy": sum(item.is_right for item in predictions) / len(predictions),
        "confusion": {
            truth: {said: confusion[truth, said] for said in ("ok", "ko")} for truth in ("ok", "ko")
        },
        "mistakes_by_kind": dict(missed),
        "latency_ms": {
            "p50": round(percentile(latencies, 50), 2),
            "p95": round(percentile(latencies, 95), 2),
        },
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the ordered values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
