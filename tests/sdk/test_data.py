"""pyarrow, s3fs, DuckDB's httpfs, AWS SDK for pandas and Polars, unmodified. Seconds, once they are installed."""

from pathlib import Path
from typing import Any

import pytest

from .client import Client

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(1800)]  # the first test installs all of them

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def arrow(client: Client, data: Path) -> Answer:
    return client.flow("data_pyarrow", data)


@pytest.fixture(scope="module")
def fsspec(client: Client, data: Path) -> Answer:
    return client.flow("data_s3fs", data)


@pytest.fixture(scope="module")
def duck(client: Client, data: Path) -> Answer:
    return client.flow("data_duckdb", data)


@pytest.fixture(scope="module")
def wrangler(client: Client, data: Path) -> Answer:
    return client.flow("data_wrangler", data)


@pytest.fixture(scope="module")
def polars(client: Client, data: Path) -> Answer:
    return client.flow("data_polars", data)


def test_arrow_reads_the_parquet_it_wrote_and_moved(arrow: Answer) -> None:
    assert arrow["same"] is True


def test_arrow_prunes_partitions(arrow: Answer) -> None:
    assert arrow["names_of_2023"] == ["a", "ü"]


def test_arrow_reads_ranges_across_the_parts_it_uploaded(arrow: Answer) -> None:
    assert (arrow["size"], arrow["ranges"]) == (23 << 20, ["0001", "090a", "1314"])
    assert arrow["content_type"] == "text/plain"


def test_arrow_sees_folders(arrow: Answer) -> None:
    assert arrow["listed"] == [
        "data-arrow/copies",
        "data-arrow/copies/large",
        "data-arrow/large",
        "data-arrow/moved with ü + %.parquet",
        "data-arrow/set",
        "data-arrow/set/year=2023",
        "data-arrow/set/year=2023/part-0.parquet",
        "data-arrow/set/year=2024",
        "data-arrow/set/year=2024/part-0.parquet",
    ]
    assert arrow["kinds"] == ["NotFound", "Directory", "File"]


def test_arrow_is_told_what_is_missing(arrow: Answer) -> None:
    assert arrow["errors"] == ["FileNotFoundError"] * 4


def test_arrow_deletes_files_folders_and_the_bucket(arrow: Answer) -> None:
    assert arrow["left"] == ["moved with ü + %.parquet"]
    assert arrow["bucket"] == "NotFound"


def test_pandas_reads_what_it_wrote_through_s3fs(fsspec: Answer) -> None:
    assert (fsspec["same"], fsspec["csv"]) == (True, [1.5, 2.5])


def test_s3fs_uploads_parts_and_appends_by_copying_a_part(fsspec: Answer) -> None:
    assert (fsspec["put"], fsspec["parts"]) == (True, "3")
    assert fsspec["appended"] == "0c0c" + b"more".hex()


def test_s3fs_reads_ranges(fsspec: Answer) -> None:
    assert fsspec["across"] == "0405"
    assert fsspec["ranges"] == ["name", "size"]


def test_s3fs_lists_and_globs(fsspec: Answer) -> None:
    folders = ("copies", "frame.parquet", "large", "many", "put", "text")
    assert fsspec["listed"] == [f"data-fsspec/{name}" for name in folders]
    assert fsspec["found"] == 10
    many = [f"data-fsspec/many/{number}" for number in (1, 2, 3)]
    assert fsspec["glob"] == ["data-fsspec/text/name with ü + %.csv", *many]


def test_s3fs_keeps_metadata_and_tags(fsspec: Answer) -> None:
    assert (fsspec["xattr"], fsspec["tags"]) == ("red", {"kind": "small"})


def test_s3fs_signs_urls(fsspec: Answer) -> None:
    assert fsspec["signed"] == "x"


def test_s3fs_is_told_what_is_missing(fsspec: Answer) -> None:
    assert fsspec["errors"] == ["FileNotFoundError"] * 2
    assert fsspec["exists"] == [False, True, True]


def test_s3fs_removes_trees_and_buckets(fsspec: Answer) -> None:
    assert (fsspec["left"], fsspec["bucket"]) == (False, False)


def test_duckdb_reads_what_it_wrote(duck: Answer) -> None:
    assert duck["one"] == [[300, 44850, "ü99"]]
    assert (duck["text"], duck["json"]) == ([[300]], [['{"pair":[1,2]}\n']])


def test_duckdb_prunes_partitions(duck: Answer) -> None:
    assert duck["set"] == [[2021, 100], [2022, 100]]


def test_duckdb_deletes_what_it_overwrites(duck: Answer) -> None:
    assert duck["overwritten"] == [[100]]


def test_duckdb_globs(duck: Answer) -> None:
    names = ("again/year=2021/data_0.parquet", "large.parquet", "one + ü.parquet")
    assert duck["glob"] == [[f"s3://data-duck/{name}"] for name in names]


def test_duckdb_uploads_parts_and_reads_row_groups(duck: Answer) -> None:
    assert int(str(duck["size"])) > 16 << 20
    assert (duck["parts"], duck["large"], duck["one_row"]) == ("4", [[1_200_000, True]], [[777_777]])


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        ("no_key", "404"),
        ("no_match", "No files found"),
        ("no_bucket", "404"),
        ("put_no_bucket", "NoSuchBucket"),
    ],
)
def test_duckdb_is_told_what_is_missing(duck: Answer, attempt: str, words: str) -> None:
    assert words in str(duck[attempt])


def test_wrangler_reads_what_it_wrote(wrangler: Answer) -> None:
    assert wrangler["same"] is True
    assert (wrangler["csv"], wrangler["json"]) == ([1.5, 2.5], [1.5, 2.5])


def test_wrangler_appends_to_partitions(wrangler: Answer) -> None:
    assert (wrangler["set"], wrangler["of_2024"]) == (4, ["ü", "ü"])
    assert wrangler["types"] == [{"name": "string", "size": "double"}, {"year": "string"}]


def test_wrangler_selects(wrangler: Answer) -> None:
    assert wrangler["selected"] == 2


def test_wrangler_lists(wrangler: Answer) -> None:
    assert wrangler["glob"] == ["s3://data-wrangler/text/frame.csv"]
    folders = ("copies", "merged", "set", "text")
    assert wrangler["folders"] == [f"s3://data-wrangler/{name}/" for name in folders]


def test_wrangler_copies_and_merges(wrangler: Answer) -> None:
    assert wrangler["copied"] == ["s3://data-wrangler/copies/large"]
    assert wrangler["sizes"] == [20 << 20, 20 << 20]
    merged = ("frame.csv", "frame.json")
    assert wrangler["merged"] == [f"s3://data-wrangler/merged/{name}" for name in merged]


def test_wrangler_is_told_what_is_missing(wrangler: Answer) -> None:
    assert wrangler["exists"] == [True, False]
    assert wrangler["errors"] == ["NoFilesFound", "NoFilesFound", "NoSuchBucket"]


def test_wrangler_deletes_trees(wrangler: Answer) -> None:
    assert wrangler["left"] == []


def test_polars_reads_what_it_wrote(polars: Answer) -> None:
    assert (polars["same"], polars["csv"]) == (True, True)


def test_polars_prunes_partitions_and_row_groups(polars: Answer) -> None:
    assert polars["set"] == ["a", "ü"]
    assert (polars["rows"], polars["one_row"]) == (1_200_000, [777_777])


def test_polars_is_told_what_is_missing(polars: Answer) -> None:
    no_key, no_bucket = polars["errors"]
    assert ("FileNotFoundError" in no_key, "NoSuchKey" in no_key) == (True, True)
    assert ("FileNotFoundError" in no_bucket, "NoSuchBucket" in no_bucket) == (True, True)
