"""Polars from environment variables alone: Parquet, partitions, a file of 19 MB in one upload, errors."""

import json

import boto3
import polars as pl

ROWS = 1_200_000

s3 = boto3.client("s3")
s3.create_bucket(Bucket="data-polars")
frame = pl.DataFrame({"year": [2023, 2023, 2024], "name": ["a", "ü", "c"]})
frame.write_parquet("s3://data-polars/one + ü.parquet")
frame.write_csv("s3://data-polars/text/t.csv")
frame.write_parquet("s3://data-polars/set/", partition_by="year")
large = pl.LazyFrame({"i": range(ROWS)}).with_columns(h=pl.col("i").hash())
large.sink_parquet("s3://data-polars/large.parquet", compression="uncompressed")


def error_of(path: str) -> str:
    try:
        pl.scan_parquet(path).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


scan = pl.scan_parquet("s3://data-polars/large.parquet")
answer = {
    "same": pl.read_parquet("s3://data-polars/one + ü.parquet").equals(frame),
    "csv": pl.read_csv("s3://data-polars/text/*.csv").equals(frame),
    "set": pl.scan_parquet("s3://data-polars/set/**/*.parquet", hive_partitioning=True)
    .filter(pl.col("year") == 2023)
    .sort("name")
    .collect()["name"]
    .to_list(),
    "one_row": scan.filter(pl.col("i") == 777_777).collect()["i"].to_list(),
    "rows": scan.select(pl.len()).collect().item(),
    "errors": [error_of("s3://data-polars/none.parquet"), error_of("s3://data-polars-none/none.parquet")],
}
print("\n" + json.dumps(answer))
