"""Serving with the user's own functions, as the inference toolkit of AWS calls them.

The script (SAGEMAKER_PROGRAM, default ``inference.py``) lies in the model's ``code`` folder and may define
``model_fn``, ``input_fn``, ``predict_fn``, ``output_fn`` or, instead of the last three, ``transform_fn``; each may take
one more argument, the context. Requests are answered one at a time: nobody promised that the code is row-wise.
"""

import contextlib
import importlib
import inspect
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.runtime.requirement import install_requirements
from sagesse.runtime.serve.codec import JSON, text_or_bytes
from sagesse.runtime.serve.framework import Steps, steps_of
from sagesse.runtime.serve.message import Reply, Request, refusal, said

Function: TypeAlias = Callable[..., Any]
_STEPS = ("input_fn", "predict_fn", "output_fn")


class Context:
    """What a function may know of the request it answers. Header names are lower-case."""

    def __init__(self, model_dir: Path, request: Request | None = None) -> None:
        self.model_dir = str(model_dir)
        self.system_properties = {"model_dir": self.model_dir, "gpu_id": None}
        self.request_headers = _headers(request)
        self.response_headers: dict[str, str] = {}

    def get_request_header(self, name: str) -> str | None:
        """A header of the request."""
        return self.request_headers.get(name.lower())

    def set_response_header(self, name: str, value: str) -> None:
        """Set a header of the reply; only the custom attributes reach the caller."""
        self.response_headers[name.lower()] = value


class ScriptAnswerer:
    """Answers through the functions of the user's script.

    Args:
        framework: whose image it is, which says what happens where the script has no function.

    Raises:
        ClientError: there is no script, it cannot be imported, or its functions do not fit together.
    """

    max_batch = 1  # each reply leaves before the next request is begun

    def __init__(self, model_dir: Path, environment: Mapping[str, str], framework: str = "") -> None:
        self._model_dir = model_dir
        self._default_accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        steps = steps_of(framework)
        module = _import_script(model_dir, environment, is_optional=steps.load is not None)
        self._functions = _functions_of(module, steps)
        model_fn = getattr(module, "model_fn", steps.load)
        if model_fn is None:
            raise ClientError(f"{module.__name__}.py defines no model_fn(model_dir).")
        self._model = _calling(model_fn, 1)(str(model_dir), Context(model_dir))

    def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply for each request, each computed alone."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Reply:
        started = time.perf_counter_ns()
        try:
            reply = self._transform(request)
        except RequestError as error:
            reply = Reply(204) if error.status == 204 else refusal(error.status, error.message)
        except (Exception, SystemExit) as error:  # a script that gives up gives up this request
            traceback.print_exc()
            reply = refusal(500, said(error))
        reply.latency_us = (time.perf_counter_ns() - started) // 1000
        return reply

    def _transform(self, request: Request) -> Reply:
        content_type = request.content_type or JSON
        accept = self._default_accept if request.accept in ("", "*/*") else request.accept
        context = Context(self._model_dir, request)
        data = text_or_bytes(request.body, content_type)
        functions = self._functions
        if "transform_fn" in functions:
            answer = functions["transform_fn"](self._model, data, content_type, accept, context)
        else:
            content = functions["input_fn"](data, content_type, context)
            prediction = functions["predict_fn"](content, self._model, context)
            answer = functions["output_fn"](prediction, accept, context)
        body, kind = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, accept)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        attributes = context.response_headers.get("x-amzn-sagemaker-custom-attributes", "")
        kind = _header(accept if kind is None else kind)  # pyright: ignore[reportUnknownArgumentType]
        return Reply(200, _bytes(body), kind, custom_attributes=_header(attributes))


def _import_script(model_dir: Path, environment: Mapping[str, str], *, is_optional: bool) -> ModuleType:
    program = environment.get("SAGEMAKER_PROGRAM", "inference.py")
    submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    code = model_dir / "code"
    folder = Path(submitted) if submitted.startswith("/") and not code.is_dir() else code
    file = folder / program
    if not file.is_file():
        if is_optional and "SAGEMAKER_PROGRAM" not in environment:
            return ModuleType("inference")
        raise ClientError(f"The model has no code/{program}; name the script in SAGEMAKER_PROGRAM.")
    if (folder / "requirements.txt").is_file():
        sys.path.insert(0, _packages(folder / "requirements.txt"))
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(program.removesuffix(".py").replace("/", "."))
    except Exception as error:
        traceback.print_exc()
        raise ClientError(f"{program} cannot be imported: {said(error)}") from error
    if not file.samefile(getattr(module, "__file__", None) or folder):
        raise ClientError(f"{program} has the name of a module that is loaded already; rename it.")
    return module


def _packages(requirements: Path) -> str:
    """The folder that has what the script asks for, installed now if it was not yet."""
    with contextlib.chdir(requirements.parent):  # from where it names wheels that lie beside it
        home = str(Path(install_requirements(requirements)).parent.parent)
    return sysconfig.get_path("purelib", vars={"base": home, "platbase": home})


def _functions_of(module: ModuleType, steps: Steps) -> dict[str, Function]:
    given: dict[str, Function] = {
        name: getattr(module, name) for name in (*_STEPS, "transform_fn") if hasattr(module, name)
    }
    if "transform_fn" in given:
        if extra := [name for name in _STEPS if name in given]:
            raise ClientError(
                f"{module.__name__}.py defines transform_fn and {', '.join(extra)}; choose one way."
            )
        return {"transform_fn": _calling(given["transform_fn"], 4)}
    return {
        "input_fn": _calling(given.get("input_fn", steps.read), 2),
        "predict_fn": _calling(given.get("predict_fn", steps.predict), 2),
        "output_fn": _calling(given.get("output_fn", steps.write), 2),
    }


def _calling(function: Function, arguments: int) -> Function:
    """`function` called with `arguments` and the context; those who do not take the context do not get it."""
    parameters = inspect.signature(function).parameters.values()
    takes = sum(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in parameters
    )
    takes_all = any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters)
    if takes > arguments or takes_all:
        return function
    return lambda *given: function(*given[:arguments])


def _headers(request: Request | None) -> dict[str, str]:
    if request is None:
        return {}
    return {
        "content-type": request.content_type,
        "accept": request.accept,
        "x-amzn-sagemaker-custom-attributes": request.custom_attributes,
        "x-amzn-sagemaker-inference-id": request.inference_id,
    }


def _header(value: object) -> str:
    """What a script gave as a header, as text that can be sent."""
    return str(value).encode("utf-8", "replace").decode()


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    raise TypeError(
        f"the script answered a {type(body).__name__}; allowed: str, bytes, or (one of them, content type)"
    )
