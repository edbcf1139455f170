"""SageMaker SDK v2: the built-in image classification, from folders of pictures to an answer for one of them."""

import json
import struct
import zlib
from pathlib import Path

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import IdentitySerializer

SIDE = 32
COLOURS = (bytes((200, 40, 40)), bytes((40, 40, 200)))


def png(colour: bytes) -> bytes:
    """A square of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    header = struct.pack("!IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * SIDE) * SIDE
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


Path("images").mkdir()
for number in range(16):
    Path(f"images/{number}.png").write_bytes(png(COLOURS[number % 2]))
Path("images.lst").write_text("".join(f"{number}\t{number % 2}\t{number}.png\n" for number in range(16)))

session = sagemaker.Session()
kind = "application/x-image"
pictures = TrainingInput(session.upload_data("images", key_prefix="image/all"), content_type=kind)
labels = TrainingInput(session.upload_data("images.lst", key_prefix="image/list"), content_type=kind)
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("image-classification", session.boto_region_name),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.p3.2xlarge",
    hyperparameters={
        "num_layers": 18,
        "image_shape": f"3,{SIDE},{SIDE}",
        "num_classes": 2,
        "num_training_samples": 16,
        "mini_batch_size": 8,
        "epochs": 1,
    },
)
channels = {"train": pictures, "validation": pictures, "train_lst": labels, "validation_lst": labels}
estimator.fit(channels, wait=False)
job = session.wait_for_job(estimator.latest_training_job.name, poll=1)
predictor = estimator.deploy(
    1, "ml.m5.large", serializer=IdentitySerializer(kind), deserializer=JSONDeserializer(), wait=False
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
scores = [predictor.predict(png(colour)) for colour in COLOURS]
predictor.delete_endpoint()
metric = next(
    entry["MetricName"] for entry in job["FinalMetricDataList"] if "validation" in entry["MetricName"]
)
print("\n" + json.dumps({"scores": scores, "metric": metric}))
