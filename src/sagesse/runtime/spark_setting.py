"""The configuration of a Spark job (``configuration.json``, EMR's classifications), as far as the engine has it.

A property is *applied*, or *idle* (how a cluster works: memory, shuffles, log levels; results do not depend on it,
so the job's log names it as without effect), or *refused*, because without it results would not be what was asked
for. Every property that is not refused can be read back with ``spark.conf.get``. Source: "Configure applications" in
the Amazon EMR release guide; the classifications are those of SageMaker's Spark images.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

_PROPERTIES = {"spark-defaults": "", "core-site": "spark.hadoop."}
_IDLE_FILES = frozenset(
    "yarn-site spark-log4j hadoop-log4j hive-log4j hive-exec-log4j spark-metrics hadoop-env yarn-env hive-env".split()
)
_REFUSED_FILES = frozenset({"hive-site", "spark-hive-site"})
_ALLOWED = sorted({*_PROPERTIES, "spark-env", *_IDLE_FILES, *_REFUSED_FILES})

_CODEC = "spark.sql.parquet.compression.codec"
_CODECS = {
    "snappy": "snappy",
    "gzip": "gzip(6)",
    "zstd": "zstd(3)",
    "lz4": "lz4_raw",
    "uncompressed": "uncompressed",
    "none": "uncompressed",
}
_EXECUTOR_VARIABLE = "spark.executorEnv."
_APPLIED = frozenset(
    {
        _CODEC,
        "spark.app.name",
        "spark.sql.ansi.enabled",
        "spark.sql.caseSensitive",
        "spark.sql.session.timeZone",
        "spark.sql.warehouse.dir",
    }
)
_REFUSED = (
    "spark.archives",
    "spark.driver.extraClassPath",
    "spark.executor.extraClassPath",
    "spark.files",
    "spark.jars",
    "spark.plugins",
    "spark.pyspark.",
    "spark.remote",
    "spark.submit.pyFiles",
)
_REFUSED_OF_HADOOP = ("endpoint", "key", "credential", "token", "encryption", "defaultfs", "security")
_IDLE_OF_SQL = (
    "adaptive.",
    "autoBroadcastJoinThreshold",
    "broadcastTimeout",
    "cbo.",
    "codegen.",
    "debug.",
    "execution.arrow.",
    "files.maxPartitionBytes",
    "files.minPartitionNum",
    "files.openCostInBytes",
    "inMemoryColumnarStorage.",
    "join.",
    "optimizer.",
    "parquet.enableVectorizedReader",
    "parquet.filterPushdown",
    "parquet.fs.optimized.committer.",
    "parquet.output.committer.class",
    "shuffle.",
    "sources.commitProtocolClass",
    "statistics.",
    "ui.",
)


class SubmitError(Exception):
    """The job cannot be run as it was submitted; the text says what to change."""


class SparkSetting(NamedTuple):
    """What a job's configuration asks for.

    Attributes:
        session: properties for every session, by name.
        variables: for the environment of the script and its functions.
        codec: how Parquet is compressed where the script does not say, in the engine's words.
        idle: properties and files without effect here.
    """

    session: Mapping[str, str]
    variables: Mapping[str, str]
    codec: str
    idle: tuple[str, ...]


def read_spark_setting(path: Path) -> SparkSetting:
    """The setting in a ``configuration.json``, which need not exist.

    Raises:
        SubmitError: it is no configuration, or asks for what changes results and is not there; names it.
    """
    try:
        content: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        content = []
    except (ValueError, RecursionError) as error:
        raise SubmitError(f"{path.name} is not JSON: {error}") from error
    return _gather(cast(list[Any], content) if isinstance(content, list) else [content])


def _gather(files: list[Any]) -> SparkSetting:
    session: dict[str, str] = {}
    variables: dict[str, str] = {}
    idle: list[str] = []
    for file in files:
        name = _classification(file)
        if name in _IDLE_FILES:
            idle.append(name)
        elif name == "spark-env":
            variables |= _exports(file)
        else:
            session |= {_PROPERTIES[name] + key: value for key, value in _properties(file)}
    return _judge(session, variables, idle)


def _judge(session: dict[str, str], variables: dict[str, str], idle: list[str]) -> SparkSetting:
    for name, value in session.items():
        if _is_refused(name):
            raise SubmitError(
                f"the Spark property {name} is not supported here; without it, results could differ"
            )
        if name.startswith(_EXECUTOR_VARIABLE):
            variables[name.removeprefix(_EXECUTOR_VARIABLE)] = value
        elif name not in _APPLIED:
            idle.append(name)
    for name in variables:
        if not name or "=" in name:
            raise SubmitError(f"{name!r} is no name of a variable")
    return SparkSetting(session, variables, _codec(session), tuple(idle))


def _classification(file: Any) -> str:
    fields = cast(dict[str, Any], file) if isinstance(file, dict) else {}
    name = fields.get("Classification")
    if not isinstance(name, str) or name not in _ALLOWED:
        raise SubmitError(f"Invalid classification: {name!r}. Must be one of {', '.join(_ALLOWED)}.")
    if name in _REFUSED_FILES:
        raise SubmitError(f"the classification {name} is not supported here: there is no Hive")
    return name


def _properties(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    properties: Any = file.get("Properties", {})
    if not isinstance(properties, dict):
        raise SubmitError(f"Properties of {file['Classification']} must be an object of names and values")
    for name, value in cast(dict[str, Any], properties).items():
        if isinstance(value, dict | list) or value is None:
            raise SubmitError(f"the property {name} must be a string")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not _is_text(name + text):
            raise SubmitError(f"the property {name!r} is no text")
        yield name, text


def _is_text(text: str) -> bool:
    """Whether variables and messages can hold it."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _exports(file: Mapping[str, Any]) -> dict[str, str]:
    """The variables of an ``-env`` classification, taken literally: no shell reads them here."""
    inner: Any = file.get("Configurations")
    found: dict[str, str] = {}
    for part in cast(list[Any], inner) if isinstance(inner, list) else [None]:
        fields = cast(dict[str, Any], part) if isinstance(part, dict) else {}
        if fields.get("Classification") != "export":
            raise SubmitError(f"{file['Classification']} needs Configurations of the classification 'export'")
        found |= dict(_properties(fields))
    for name, value in found.items():
        if "$" in value or "`" in value:
            raise SubmitError(
                f"the variable {name} asks a shell to work out its value; give the value itself"
            )
    return found


def _is_refused(name: str) -> bool:
    if name.startswith("spark.sql."):
        return name not in _APPLIED and not name.removeprefix("spark.sql.").startswith(_IDLE_OF_SQL)
    if name.startswith("spark.hadoop."):
        return any(word in name.lower() for word in _REFUSED_OF_HADOOP)
    return name.startswith(_REFUSED)


def _codec(session: Mapping[str, str]) -> str:
    asked = session.get(_CODEC, "snappy").lower()
    if asked not in _CODECS:
        raise SubmitError(f"{_CODEC}: {asked!r} is not allowed; allowed: {', '.join(_CODECS)}")
    return _CODECS[asked]
