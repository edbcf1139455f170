"""DuckDB's httpfs. It does not know AWS_ENDPOINT_URL, so one statement tells it; keys and region it reads itself."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import duckdb
import duckdb_extension_httpfs

ROWS = 1_200_000

s3 = boto3.client("s3")
s3.create_bucket(Bucket="data-duck")
httpfs = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
db = duckdb.connect()
db.execute(f"LOAD '{httpfs}'")  # by path: INSTALL would go to DuckDB's own site
endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
db.execute(f"SET s3_endpoint = '{endpoint}'; SET s3_url_style = 'path'; SET s3_use_ssl = false")


def ask(query: str) -> list[list[object]]:
    return [list(row) for row in db.execute(query).fetchall()]


def error_of(query: str) -> list[str]:
    try:
        db.execute(query)
    except duckdb.Error as error:
        return [type(error).__name__, str(error)]
    return []


db.execute("CREATE TABLE t AS SELECT 2020 + i % 3 AS year, i AS size, 'ü' || i AS name FROM range(300) r(i)")
db.execute("COPY t TO 's3://data-duck/one + ü.parquet'")
db.execute("COPY t TO 's3://data-duck/set' (FORMAT parquet, PARTITION_BY (year))")
db.execute("COPY t TO 's3://data-duck/text/t.csv.gz'")
db.execute("COPY (SELECT [1, 2] AS pair) TO 's3://data-duck/text/t.json'")
db.execute("COPY t TO 's3://data-duck/again' (FORMAT parquet, PARTITION_BY (year))")
db.execute(
    "COPY (FROM t WHERE year = 2021) TO 's3://data-duck/again' (FORMAT parquet, PARTITION_BY (year), OVERWRITE)"
)
db.execute("SET s3_uploader_max_filesize = '50GB'")  # of 10,000 parts: makes the smallest parts, of 5 MiB
db.execute(
    f"COPY (SELECT i, hash(i) AS h FROM range({ROWS}) r(i)) TO 's3://data-duck/large.parquet'"
    " (COMPRESSION uncompressed, ROW_GROUP_SIZE 100000)"
)
large = s3.head_object(Bucket="data-duck", Key="large.parquet")
answer = {
    "one": ask("SELECT count(*), sum(size), max(name) FROM 's3://data-duck/one + ü.parquet'"),
    "set": ask(
        "SELECT year, count(*) FROM read_parquet('s3://data-duck/set/*/*.parquet', hive_partitioning = true)"
        " WHERE year > 2020 GROUP BY year ORDER BY year"
    ),
    "overwritten": ask("SELECT count(*) FROM 's3://data-duck/again/**/*.parquet'"),
    "text": ask("SELECT count(*) FROM 's3://data-duck/text/t.csv.gz'"),
    "json": ask("SELECT content FROM read_text('s3://data-duck/text/*.json')"),
    "glob": ask(
        "SELECT file FROM glob('s3://data-duck/**/*.parquet') WHERE file NOT LIKE '%/set/%' ORDER BY 1"
    ),
    "large": ask("SELECT count(*), bool_and(h = hash(i)) FROM 's3://data-duck/large.parquet'"),
    "one_row": ask("SELECT i FROM 's3://data-duck/large.parquet' WHERE i = 777777"),
    "parts": large["ETag"].rpartition("-")[2].strip('"'),
    "size": large["ContentLength"],
    "no_key": error_of("FROM 's3://data-duck/none.parquet'"),
    "no_match": error_of("FROM 's3://data-duck/none/*.parquet'"),
    "no_bucket": error_of("FROM 's3://data-duck-none/none.parquet'"),
    "put_no_bucket": error_of("COPY t TO 's3://data-duck-none/none.parquet'"),
}
print("\n" + json.dumps(answer))
