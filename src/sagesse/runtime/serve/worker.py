"""The process of one endpoint instance: load a model, then serve it until SIGTERM.

Run as a `PythonEntry` with the arguments `source`, `socket_path`, `model_dir`. The socket is there once the model is
loaded, so being able to connect is the first health check. With SAGEMAKER_BIND_TO_PORT set, ``/ping`` and
``/invocations`` are served over HTTP on that port of the loopback interface as well.
"""

import gc
import importlib
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import cast

from sagesse.algorithms.base import ClientError, Model
from sagesse.algorithms.registry import ALGORITHMS, algorithm
from sagesse.runtime.serve import address
from sagesse.runtime.serve.batch import BatchAnswerer
from sagesse.runtime.serve.connection import FrameConnection, HttpConnection
from sagesse.runtime.serve.message import EXIT_BAD_MODEL, Answerer, said
from sagesse.runtime.serve.script import ScriptAnswerer
from sagesse.runtime.serve.server import Listener, ModelServer


def main(source: str, socket_path: str, model_dir: str) -> int:
    """Serve; returns the exit code.

    Args:
        source: ``algorithm:<repository>`` for a built-in one; ``script:<framework>`` (also whenever SAGEMAKER_PROGRAM
            is set, as in framework images) for the user's inference code in the model's folder; or
            ``<module>:<function>``, a function that takes the folder and answers a `Model`.
        socket_path: where to listen for frames.
        model_dir: the unpacked model.
    """
    started = time.monotonic()
    try:
        answerer = load(source, Path(model_dir))
        listeners = [Listener(address.listen(Path(socket_path)), FrameConnection), *_http_listener()]
    except ClientError as error:
        return _fail(f"ClientError: {error}", EXIT_BAD_MODEL)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return _fail(said(error), 1)
    server = ModelServer(answerer, listeners)
    server.stop_on(signal.SIGTERM)
    gc.collect()
    gc.freeze()  # the model is never garbage
    _say(f"serving {source} after {time.monotonic() - started:.3f} s")
    server.run()
    return 0


def load(source: str, model_dir: Path) -> Answerer:
    """What answers requests for `source` (see `main`).

    Raises:
        ClientError: the folder holds no model of that kind.
    """
    kind, _, name = source.partition(":")
    if kind == "script" or os.environ.get("SAGEMAKER_PROGRAM"):
        return ScriptAnswerer(model_dir, os.environ, name)
    if kind == "algorithm":
        if name not in ALGORITHMS:
            raise ClientError(
                f"no built-in algorithm is called {name!r}; known: {', '.join(sorted(ALGORITHMS))}"
            )
        model = algorithm(name).load(model_dir)
    else:
        make = cast("Callable[[Path], Model]", getattr(importlib.import_module(kind), name))
        model = make(model_dir)
    return BatchAnswerer(model, default_accept=os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", ""))


def _http_listener() -> list[Listener]:
    port = os.environ.get("SAGEMAKER_BIND_TO_PORT", "")
    if not port:
        return []
    server = socket.create_server(("127.0.0.1", int(port)))
    return [Listener(server, HttpConnection)]


def _fail(reason: str, code: int) -> int:
    """Say why in the log and, for the platform, in the ``failure`` file."""
    _say(reason)
    folder = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure").write_text(reason, "utf-8", "replace")
    return code


def _say(line: str) -> None:
    print(f"sagesse: {line}", flush=True)  # noqa: T201 - stdout is the endpoint's log
