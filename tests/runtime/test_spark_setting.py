"""What a Spark job's configuration.json asks for, and what of it is applied, idle or refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.runtime.spark_setting import SparkSetting, SubmitError, read_spark_setting


def read(tmp_path: Path, *files: Any) -> SparkSetting:
    path = tmp_path / "configuration.json"
    path.write_text(json.dumps(list(files)))
    return read_spark_setting(path)


def file(name: str, **properties: Any) -> dict[str, Any]:
    return {"Classification": name, "Properties": properties}


def defaults(**properties: Any) -> dict[str, Any]:
    return file("spark-defaults", **{name.replace("_", "."): value for name, value in properties.items()})


def test_no_file_is_no_setting(tmp_path: Path) -> None:
    assert read_spark_setting(tmp_path / "none.json") == SparkSetting({}, {}, "snappy", ())


def test_properties_are_for_every_session_and_those_without_effect_are_named(tmp_path: Path) -> None:
    setting = read(tmp_path, defaults(spark_executor_memory="2g"), file("yarn-site", a="b"))
    assert setting.session == {"spark.executor.memory": "2g"}
    assert setting.idle == ("yarn-site", "spark.executor.memory")


def test_one_file_need_not_be_in_a_list(tmp_path: Path) -> None:
    path = tmp_path / "configuration.json"
    path.write_text(json.dumps(file("spark-defaults", **{"spark.sql.session.timeZone": "Asia/Tokyo"})))
    assert read_spark_setting(path).session == {"spark.sql.session.timeZone": "Asia/Tokyo"}


def test_parquet_is_compressed_as_asked(tmp_path: Path) -> None:
    assert read(tmp_path, defaults(spark_sql_parquet_compression_codec="GZIP")).codec == "gzip(6)"


def test_variables_come_from_the_executors_and_from_spark_env(tmp_path: Path) -> None:
    exported = {
        "Classification": "spark-env",
        "Properties": {},
        "Configurations": [file("export", COLOUR="red")],
    }
    setting = read(tmp_path, exported, defaults(spark_executorEnv_SHAPE="round"))
    assert setting.variables == {"COLOUR": "red", "SHAPE": "round"}
    assert setting.idle == ()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (file("spark-defaults", **{"spark.jars.packages": "a:b:1"}), "spark.jars.packages"),
        (
            file("spark-defaults", **{"spark.sql.sources.partitionOverwriteMode": "dynamic"}),
            "spark.sql.sources.partitionOverwriteMode",
        ),
        (file("core-site", **{"fs.s3a.endpoint": "http://x"}), "spark.hadoop.fs.s3a.endpoint"),
        (file("hive-site", a="b"), "hive-site"),
        (file("nonsense"), "Invalid classification: 'nonsense'"),
        (file("spark-defaults", **{"spark.sql.parquet.compression.codec": "lzo"}), "'lzo' is not allowed"),
        ({"Classification": "spark-env", "Properties": {}}, "export"),
        (
            {"Classification": "spark-env", "Configurations": [file("export", X="$(date)")]},
            "X asks a shell",
        ),
        (file("spark-defaults", **{"spark.executorEnv.": "x"}), "no name of a variable"),
        ({"Classification": "spark-defaults", "Properties": []}, "must be an object"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(tmp_path: Path, content: Any, named: str) -> None:
    with pytest.raises(SubmitError) as refusal:
        read(tmp_path, content)
    assert named in str(refusal.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FILES = st.fixed_dictionaries(
    {
        "Classification": st.sampled_from(["spark-defaults", "spark-env", "core-site", "export"]) | _VALUES,
        "Properties": _VALUES,
        "Configurations": st.lists(
            st.fixed_dictionaries({"Classification": st.just("export"), "Properties": _VALUES}), max_size=2
        )
        | _VALUES,
    }
)


@given(content=st.binary(max_size=40) | st.lists(_FILES, max_size=2).map(lambda it: json.dumps(it).encode()))
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        setting = read_spark_setting(path)
    except SubmitError:
        return
    assert all(name and "=" not in name for name in setting.variables)
