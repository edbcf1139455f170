"""Inference scripts: which functions are called with what, and what comes back."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from sagesse.algorithms.base import ClientError
from sagesse.runtime.serve import script as script_module
from sagesse.runtime.serve.frame import FrameReader, read_reply, write_reply
from sagesse.runtime.serve.message import Reply, Request
from sagesse.runtime.serve.script import ScriptAnswerer

_numbers = itertools.count()
Ask = Callable[..., Reply]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptAnswerer]:
    """Makes an answerer of a script; each script is a module of its own name."""

    def make(source: str, **environment: str) -> ScriptAnswerer:
        name = f"inference_{next(_numbers)}.py"
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / name).write_text(textwrap.dedent(source))
        return ScriptAnswerer(tmp_path, {"SAGEMAKER_PROGRAM": name, **environment})

    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    return make


def _ask(answerer: ScriptAnswerer, body: bytes, content_type: str = "", accept: str = "") -> Reply:
    (reply,) = answerer.answer([Request(body, content_type, accept)])
    return reply


DOUBLE = """
    def model_fn(model_dir):
        return 2
    def predict_fn(data, model):
        return data * model
"""


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "answer"),
    [
        (b"[1, 2]", "application/json", "", b"[2, 4]"),
        (b"[1, 2]", "", "*/*", b"[2, 4]"),
        (b"1,2\n3,4", "text/csv", "application/json", b"[[2.0, 4.0], [6.0, 8.0]]"),
        (b"[1, 2]", "application/json; charset=utf-8", "text/csv", b"2\n4\n"),
    ],
)
def test_the_default_codecs(serve: Ask, body: bytes, content_type: str, accept: str, answer: bytes) -> None:
    reply = _ask(serve(DOUBLE), body, content_type, accept)

    assert (reply.status, reply.body) == (200, answer)


def test_an_array_goes_in_and_out_as_npy(serve: Ask) -> None:
    answerer = serve(DOUBLE)
    array = _ask(answerer, b"[1.5]", "application/json", "application/x-npy").body

    assert _ask(answerer, array, "application/x-npy").body == b"[6.0]"


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status"),
    [
        (b"[1", "application/json", "", 400),
        (b"\xff", "application/json", "", 400),
        (b"x", "application/x-npy", "", 400),
        (b"x", "image/png", "", 415),
        (b"[1]", "application/json", "image/png", 406),
    ],
)
def test_bad_requests_are_refused(
    serve: Ask, body: bytes, content_type: str, accept: str, status: int
) -> None:
    assert _ask(serve(DOUBLE), body, content_type, accept).status == status


def test_the_users_functions_are_called_in_order(serve: Ask) -> None:
    answerer = serve("""
        def model_fn(model_dir):
            return "M"
        def input_fn(data, content_type):
            return f"in({data!r},{content_type})"
        def predict_fn(data, model):
            return f"predict({data},{model})"
        def output_fn(prediction, accept):
            return f"out({prediction},{accept})", "text/plain"
    """)

    reply = _ask(answerer, b"a", "text/csv", "x/y")

    assert reply.body == b"out(predict(in('a',text/csv),M),x/y)"
    assert reply.content_type == "text/plain"


def test_binary_types_arrive_as_bytes(serve: Ask) -> None:
    answerer = serve("""
        def model_fn(model_dir):
            return None
        def transform_fn(model, data, content_type, accept):
            return repr(data)
    """)

    assert _ask(answerer, b"\x89PNG", "image/png", "text/plain").body == rb"b'\x89PNG'"


def test_functions_may_take_the_context(serve: Ask) -> None:
    answerer = serve("""
        def model_fn(model_dir, context):
            return context.model_dir == model_dir
        def transform_fn(model, data, content_type, accept, context):
            context.set_response_header("X-Amzn-SageMaker-Custom-Attributes", "mine")
            return f"{model} {context.get_request_header('Content-Type')}"
    """)

    reply = _ask(answerer, b"a", "text/csv")

    assert (reply.body, reply.custom_attributes) == (b"True text/csv", "mine")


def test_an_exception_of_the_script_fails_its_request_alone(serve: Ask) -> None:
    replies = serve(DOUBLE).answer([Request(b'["a"]'), Request(b"[1]")])

    assert [reply.status for reply in replies] == [500, 200]


def test_the_default_accept_comes_from_the_environment(serve: Ask) -> None:
    answerer = serve(DOUBLE, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")

    assert _ask(answerer, b"[1]").body == b"2\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", "defines no model_fn"),
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
        (
            "model_fn = transform_fn = predict_fn = lambda *a: None",
            "defines transform_fn and predict_fn; choose one way",
        ),
    ],
)
def test_a_script_that_cannot_serve_is_refused(serve: Ask, source: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        serve(source)


def test_a_model_without_a_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match=r"no code/inference\.py"):
        ScriptAnswerer(tmp_path, {})


def test_packages_the_script_asks_for_are_found(
    serve: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "venv"
    monkeypatch.setattr(script_module, "install_requirements", lambda _: str(home / "bin/python"))
    (tmp_path / "code").mkdir()
    (tmp_path / "code/requirements.txt").write_text("asked-for")
    packages = Path(script_module._packages(tmp_path / "code/requirements.txt"))
    packages.mkdir(parents=True)
    (packages / "asked_for_package.py").write_text("ANSWER = 42")

    answerer = serve("""
        import asked_for_package
        def model_fn(model_dir):
            return asked_for_package.ANSWER
        def transform_fn(model, data, content_type, accept):
            return str(model)
    """)

    assert _ask(answerer, b"").body == b"42"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise ValueError('\\udc80')", "ValueError: ?"),
        ("raise Silent()", "Silent"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_whatever_a_script_raises_is_an_answer(serve: Ask, line: str, said: str) -> None:
    answerer = serve(
        f"""
        class Silent(Exception):
            def __str__(self):
                raise RuntimeError
        def model_fn(folder):
            pass
        def predict_fn(data, model):
            {line}
        """
    )
    reply = _ask(answerer, b"1")

    assert (reply.status, reply.body.decode()) == (500, said)


@pytest.mark.parametrize("value", ["5", "None", "'\\udc80'"])
def test_whatever_a_script_gives_as_a_header_can_be_sent(serve: Ask, value: str) -> None:
    answerer = serve(
        f"""
        def model_fn(folder):
            pass
        def transform_fn(model, data, content_type, accept, context):
            context.set_response_header("X-Amzn-SageMaker-Custom-Attributes", {value})
            return "x", {value}
        """
    )
    reply = _ask(answerer, b"1")

    assert read_reply(FrameReader().feed(write_reply(1, reply))[0]).status == 200


def test_a_script_with_the_name_of_a_loaded_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/json.py").write_text("def model_fn(folder): pass")

    with pytest.raises(ClientError, match=r"json.py has the name of a module that is loaded already"):
        ScriptAnswerer(tmp_path, {"SAGEMAKER_PROGRAM": "json.py"})


def test_the_first_format_that_can_be_had_is_taken(serve: Ask) -> None:
    reply = _ask(serve(DOUBLE), b"[1, 2]", "application/json", "image/png, text/csv, application/json")

    assert (reply.body, reply.content_type) == (b"2\n4\n", "text/csv")
