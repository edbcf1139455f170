"""The entry point of a built-in algorithm's training job: contract files in, `Algorithm.train`, failure file out."""

import re
import signal
import sys
import traceback
from pathlib import Path

from sagesse.algorithms.base import Channel, ClientError, Job
from sagesse.algorithms.registry import ALGORITHMS, algorithm
from sagesse.runtime.contract import base_folder, lay_out, read_config, write_failure, write_success
from sagesse.runtime.script_setting import decode_hyperparameter, read_setting


class _StopAsked:
    """Turns SIGTERM into a question that the algorithm asks between two rounds."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, _number: int, _frame: object) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def main(repository: str) -> int:
    """Train the algorithm behind an image repository; 0, or 1 with the reason in ``output/failure``.

    The first words of the failure file say whose fault it is: ``ClientError:`` (hyperparameters or data),
    ``AlgorithmError:`` (ours).
    """
    base = base_folder()
    lay_out(base)
    try:
        if repository not in ALGORITHMS:
            raise ClientError(
                f"there is no built-in algorithm {repository}; known are {', '.join(sorted(ALGORITHMS))}"
            )
        algorithm(repository).train(read_job(base, _StopAsked()))
    except ClientError as error:
        return _fail(base, f"ClientError: {error}")
    except MemoryError:
        traceback.print_exc()
        return _fail(base, "AlgorithmError: the job ran out of memory")
    except Exception as error:
        traceback.print_exc()
        return _fail(base, f"AlgorithmError: {type(error).__name__}: {error}")
    write_success(base)
    return 0


def read_job(base: Path, should_stop: _StopAsked) -> Job:
    """The training job that the contract files under `base` describe."""
    setting = read_setting(base)
    raw = read_config(base, "hyperparameters")
    own = {
        name: _plain(text) for name, text in raw.items() if name not in setting.platform | setting.framework
    }
    channels = {name: _channel(base, name, config) for name, config in setting.channels.items()}
    seed = own.get("seed", "")
    return Job(
        hyperparameters=own,
        channels=channels,
        model_dir=base / "model",
        output_dir=base / "output/data",
        checkpoint_dir=base / "checkpoints",
        num_threads=setting.cpu_count,
        seed=int(seed) if re.fullmatch(r"\d{1,9}", seed) else 0,
        should_stop=should_stop,
    )


def _plain(text: object) -> str:
    """A hyperparameter's text; the SDK's script-mode clients quote it once more."""
    value = decode_hyperparameter(text)
    return value if isinstance(value, str) else str(text)


def _channel(base: Path, name: str, config: dict[str, str]) -> Channel:
    return Channel(name, base / "input/data" / name, config.get("ContentType"), config["TrainingInputMode"])


def _fail(base: Path, text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201 - the job's log
    write_failure(base, text)
    return 1
