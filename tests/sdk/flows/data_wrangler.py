"""AWS SDK for pandas (awswrangler) from environment variables alone: its S3 half."""

import json
from pathlib import Path

import awswrangler as wr
import boto3
import pandas as pd
from awswrangler.exceptions import NoFilesFound
from botocore.exceptions import ClientError

boto3.client("s3").create_bucket(Bucket="data-wrangler")
frame = pd.DataFrame({"year": [2023, 2024], "name": ["a", "ü"], "size": [1.5, 2.5]})
root = "s3://data-wrangler"
wr.s3.to_parquet(frame, f"{root}/one.parquet")
wr.s3.to_parquet(frame, f"{root}/set/", dataset=True, partition_cols=["year"])
wr.s3.to_parquet(frame, f"{root}/set/", dataset=True, partition_cols=["year"], mode="append")
wr.s3.to_csv(frame, f"{root}/text/frame.csv", index=False)
wr.s3.to_json(frame, f"{root}/text/frame.json", orient="records", lines=True)
Path("large").write_bytes(bytes(20 << 20))
wr.s3.upload("large", f"{root}/large")
wr.s3.download(f"{root}/large", "back")
copied = wr.s3.copy_objects([f"{root}/large"], root, f"{root}/copies")
wr.s3.merge_datasets(f"{root}/text/", f"{root}/merged/", mode="overwrite")


def error_of(path: str) -> str:
    try:
        wr.s3.read_parquet(path)
    except (NoFilesFound, ClientError) as error:
        return type(error).__name__
    return ""


answer = {
    "same": wr.s3.read_parquet(f"{root}/one.parquet").to_dict("list") == frame.to_dict("list"),
    "set": len(wr.s3.read_parquet(f"{root}/set/", dataset=True)),
    "of_2024": wr.s3.read_parquet(
        f"{root}/set/", dataset=True, partition_filter=lambda part: part["year"] == "2024"
    )["name"].to_list(),
    "csv": wr.s3.read_csv(f"{root}/text/frame.csv")["size"].to_list(),
    "json": wr.s3.read_json(f"{root}/text/frame.json", lines=True)["size"].to_list(),
    "glob": wr.s3.list_objects(f"{root}/text/*.csv"),
    "folders": wr.s3.list_directories(f"{root}/"),
    "selected": len(
        wr.s3.select_query("SELECT * FROM s3object s", f"{root}/one.parquet", "Parquet", {}).index
    ),
    "merged": wr.s3.list_objects(f"{root}/merged/"),
    "copied": copied,
    "sizes": list(wr.s3.size_objects([f"{root}/large", f"{root}/copies/large"]).values()),
    "exists": [wr.s3.does_object_exist(f"{root}/{key}") for key in ("large", "none")],
    "types": wr.s3.read_parquet_metadata(f"{root}/set/", dataset=True),
    "errors": [
        error_of(f"{root}/none.parquet"),
        error_of(f"{root}/none/"),
        error_of("s3://data-wrangler-none/x/"),
    ],
}
wr.s3.delete_objects(f"{root}/set/")
answer["left"] = wr.s3.list_objects(f"{root}/set/")
print("\n" + json.dumps(answer))
