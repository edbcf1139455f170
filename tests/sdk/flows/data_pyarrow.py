"""pyarrow's S3FileSystem from environment variables alone: Parquet, ranges, large files, selections, moves, errors."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

LARGE = 23 << 20  # three parts of the size that Arrow uploads in

# S3FileSystem() does not read AWS_ENDPOINT_URL (apache/arrow#49643); what a URI names does.
s3, _ = fs.FileSystem.from_uri("s3://data-arrow?allow_bucket_creation=true&allow_bucket_deletion=true")
s3.create_dir("data-arrow")
table = pa.table({"year": [2023, 2023, 2024], "name": ["a", "ü", "c"], "size": [1.5, 2.5, 3.5]})
pq.write_table(table, "data-arrow/one.parquet", filesystem=s3)
ds.write_dataset(
    table,
    "data-arrow/set",
    filesystem=s3,
    format="parquet",
    partitioning=ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive"),
)
read = ds.dataset("data-arrow/set", filesystem=s3, format="parquet", partitioning="hive")

with s3.open_output_stream("data-arrow/large", metadata={"Content-Type": "text/plain"}) as stream:
    for number in range(LARGE >> 20):
        stream.write(bytes([number]) * (1 << 20))
with s3.open_input_file("data-arrow/large") as file:
    ranges = [file.read_at(2, (place << 20) - 1).hex() for place in (1, 10, 20)]
    size = file.size()
with s3.open_input_stream("data-arrow/large") as stream:
    content_type = stream.metadata()["Content-Type"].decode()

s3.copy_file("data-arrow/large", "data-arrow/copies/large")
s3.move("data-arrow/one.parquet", "data-arrow/moved with ü + %.parquet")
listed = sorted(info.path for info in s3.get_file_info(fs.FileSelector("data-arrow", recursive=True)))
errors = []
for attempt in (
    lambda: s3.open_input_file("data-arrow/none"),
    lambda: s3.get_file_info(fs.FileSelector("data-arrow/none")),
    lambda: s3.delete_file("data-arrow/none"),
    lambda: s3.open_input_file("data-arrow-none/none"),
):
    try:
        attempt()
    except OSError as error:
        errors.append(type(error).__name__)
kinds = [
    info.type.name for info in s3.get_file_info(["data-arrow/none", "data-arrow/set", "data-arrow/large"])
]

answer = {
    "same": pq.read_table("data-arrow/moved with ü + %.parquet", filesystem=s3).equals(table),
    "names_of_2023": read.to_table(columns=["name"], filter=pc.field("year") == 2023)["name"].to_pylist(),
    "ranges": ranges,
    "size": size,
    "content_type": content_type,
    "listed": listed,
    "kinds": kinds,
    "errors": errors,
}
s3.delete_dir_contents("data-arrow/set")
s3.delete_file("data-arrow/large")
answer["left"] = [info.base_name for info in s3.get_file_info(fs.FileSelector("data-arrow")) if info.is_file]
s3.delete_dir("data-arrow")
answer["bucket"] = s3.get_file_info("data-arrow").type.name
print("\n" + json.dumps(answer))
