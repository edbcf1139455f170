"""``smspark-submit``, the entry point of SageMaker's Spark images: a PySpark script on an engine inside the job.

The engine is Sail (package pysail): a Spark Connect server without a JVM, in the script's own process on a loopback
port. ``SPARK_REMOTE`` leads the script's ``SparkSession.builder.getOrCreate()`` to it.
"""

import argparse
import atexit
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sagesse.runtime.contract import base_folder, write_failure
from sagesse.runtime.python_file import run_python_file
from sagesse.runtime.script import user_script_failure
from sagesse.runtime.spark_file import place_files, place_modules
from sagesse.runtime.spark_setting import SparkSetting, SubmitError, read_spark_setting

_CONFIGURATION = "processing/input/conf/configuration.json"
_REFUSED = 2  # a mistake of the customer's, in the images' own exit codes
_HINTS = {  # part of an error -> what to do
    "JVM_ATTRIBUTE_NOT_SUPPORTED": "This job runs on Sail, which has no JVM and no RDDs: use the DataFrame API. "
    "Instead of sparkContext: spark.conf for settings; setLogLevel and hadoopConfiguration are not needed.",
    "'SparkContext'": "This job runs on Sail over Spark Connect: use SparkSession, not SparkContext.",
    "'pyspark.context'": "This job runs on Sail over Spark Connect: use SparkSession, not SparkContext.",
    "CANNOT_CONFIGURE_SPARK_CONNECT_MASTER": "This job runs on Sail: leave out .master(...).",
    "UnsupportedOperationException": "This job runs on Sail, which does not have this part of Spark (as pyspark.ml).",
}


class Submission(NamedTuple):
    """What was submitted; files are comma-separated, empty for none."""

    app: str
    arguments: tuple[str, ...]
    modules: str
    files: str
    keeps_events: bool


def main(*arguments: str) -> int:
    """Run what was submitted; its exit code is ours, and a failure is explained in ``output/failure``."""
    base = base_folder()
    try:
        submission = read_submission(arguments)
        setting = read_spark_setting(base / _CONFIGURATION)
        if not _is_first_host(base):
            _log("this host has nothing to do: the script runs on the first host alone")
            return 0
        _lay_out(submission, setting)
        _start_engine(setting)
        _open_session(submission.app)
    except SubmitError as error:
        _log(str(error))
        write_failure(base, f"ClientError: smspark-submit: {error}")
        return _REFUSED
    app = Path(submission.app)
    code, message = run_python_file(app, submission.arguments)
    if code != 0:
        if hint := next((hint for sign, hint in _HINTS.items() if sign in message), ""):
            _log(hint)
        command = ["smspark-submit", submission.app, *submission.arguments]
        write_failure(base, user_script_failure(code, f"{hint} {message}".strip(), command))
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SubmitError(message)


def read_submission(arguments: tuple[str, ...]) -> Submission:
    """What the command line asks for.

    Raises:
        SubmitError: an option that smspark-submit does not have, or one that needs a JVM.
    """
    parser = _Parser(prog="smspark-submit", add_help=False, allow_abbrev=False)
    for option in ("--class", "--jars", "--py-files", "--files"):
        parser.add_argument(option, default="")
    for option in ("--local-spark-event-logs-dir", "--spark-event-logs-s3-uri"):
        parser.add_argument(option, default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("app")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    found, unknown = parser.parse_known_args(arguments)
    given: dict[str, Any] = vars(found)
    if unknown:
        raise SubmitError(f"no such option: {', '.join(unknown)}; Spark is configured by {_CONFIGURATION}")
    for option in ("class", "jars"):
        if given[option]:
            raise SubmitError(f"--{option} {given[option]!r} is not supported: Spark runs without a JVM here")
    app = given["app"].removeprefix("file://")
    if not app.endswith(".py"):
        raise SubmitError(f"{app!r} is not supported: only Python scripts (.py) run here, without a JVM")
    if not Path(app).is_file():
        raise SubmitError(f"there is no script {app!r}")
    keeps_events = bool(given["local_spark_event_logs_dir"] or given["spark_event_logs_s3_uri"])
    return Submission(app, tuple(given["arguments"]), given["py_files"], given["files"], keeps_events)


def _is_first_host(base: Path) -> bool:
    """Whether this host runs the script.

    Raises:
        SubmitError: the hosts have different input, of which the script would see a part.
    """
    hosts: dict[str, Any] = json.loads((base / "config/resourceconfig.json").read_text())
    job: dict[str, Any] = json.loads((base / "config/processingjobconfig.json").read_text())
    for item in job.get("ProcessingInputs", ()):
        is_shared_out = item.get("S3Input", {}).get("S3DataDistributionType") == "ShardedByS3Key"
        if is_shared_out and len(hosts["hosts"]) > 1:
            raise SubmitError(
                f"the input {item['InputName']!r} is ShardedByS3Key, but one host runs the script; use FullyReplicated"
            )
    return hosts["current_host"] == sorted(hosts["hosts"])[0]


def _lay_out(submission: Submission, setting: SparkSetting) -> None:
    """Become what the script expects: its files in the working folder, its modules to be imported."""
    home = Path(tempfile.mkdtemp(prefix="spark-", dir=os.environ.get("TMPDIR")))
    place_files(submission.files, home / "work")
    if submission.modules:
        sys.path[0:0] = place_modules(submission.modules, home / "modules")
    os.environ.update(setting.variables)
    os.chdir(home / "work")
    for name in setting.idle:
        _log(f"{name} has no effect here")
    if submission.keeps_events:
        _log("no Spark event logs are written: the engine has none")


def _start_engine(setting: SparkSetting) -> None:
    """Start the engine in this process; it is stopped after everything else, at its end.

    Raises:
        SubmitError: it is not installed in the user's own environment.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    session = {
        "spark.sql.ansi.enabled": "false",  # as in the Spark 3 of the images; the engine's own default is Spark 4's
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(Path.cwd() / "spark-warehouse"),
        **setting.session,
    }
    defaults = {
        "AWS_ALLOW_HTTP": "true",  # the endpoint that the job was told of
        "RUST_LOG": "error",
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": threads,
        "SAIL_PARQUET__COMPRESSION": setting.codec,
        "TOKIO_WORKER_THREADS": threads,
    }
    os.environ.update({**defaults, **os.environ})
    os.environ["PYSPARK_REMOTE_INIT_CONF_LEN"] = "1"  # how pyspark itself passes properties to every session
    os.environ["PYSPARK_REMOTE_INIT_CONF_0"] = json.dumps(session)

    missing = [
        name for name in ("pysail", "pyspark", "grpc", "pandas") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise SubmitError(
            f"the environment of the job has no {', '.join(missing)}; install pysail, pyspark-client and pandas"
        )
    engine: Any = importlib.import_module("pysail.spark")  # heavy, and it reads its variables now
    server = engine.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    atexit.register(server.stop)  # pyspark's threads still talk to it until then
    address, port = server.listening_address
    os.environ["SPARK_REMOTE"] = f"sc://{address}:{port}"


def _open_session(app: str) -> None:
    """Make the session that the script will get, and have each of its writes make one file, not four at random.

    Without this, ``coalesce(1)`` and ``repartition(1)`` before a write have no effect.
    """
    program: Any = sys.modules["__main__"]
    program.__file__ = app  # pyspark takes a program without one for its own tests
    sql: Any = importlib.import_module("pyspark.sql")
    session = sql.SparkSession.builder.getOrCreate()
    session.sql("SET datafusion.execution.minimum_parallel_output_files = 1").collect()


def _log(text: str) -> None:
    print(f"smspark-submit: {text}", file=sys.stderr)  # noqa: T201 - the job's log
