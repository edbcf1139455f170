"""Paths rewritten for a job without a view of its own; layers where the machine has none."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from sagesse.runtime import linux, sandbox
from sagesse.runtime.sandbox import Layer, Level, SandboxRefused, View, flatten, rewrite
from tests.runtime.namespaces import inside

_MOUNTS = {"/opt/ml": Path("/data/r1/ml"), "/opt/ml/cache": Path("/data/cache")}


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/opt/ml", "/data/r1/ml"),
        ("/opt/ml/model", "/data/r1/ml/model"),
        ("/opt/ml/cache/x", "/data/cache/x"),
        ("--in=/opt/ml/input:/opt/ml/code", "--in=/data/r1/ml/input:/data/r1/ml/code"),
        ('{"dir":"/opt/ml"}', '{"dir":"/data/r1/ml"}'),
        ("cd /opt/ml/code && ls", "cd /data/r1/ml/code && ls"),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/opt/ml-old/x", "/opt/ml-old/x"),
        ("/srv/opt/ml/x", "/srv/opt/ml/x"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
    ],
)
def test_only_whole_paths_are_rewritten(text: str, rewritten: str) -> None:
    assert rewrite(text, _MOUNTS) == rewritten


def test_where_there_are_no_layers_a_private_folder_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("ml", "given", "changes", "work")
    ml, given, changes, work = (tmp_path / name for name in names)
    for folder in (ml, given, changes, work):
        folder.mkdir()
    (given / "file").write_text("original")
    mounts = {"/opt/ml": ml, "/opt/ml/data": given}
    hosts = Path("/dev/null")
    view = View(mounts, (), (), hosts, "h", layers={"/opt/ml/data": Layer(changes, work)})
    monkeypatch.setattr(linux, "mount", _without_layers(linux.mount))

    def change() -> None:
        sandbox.build(Level.FULL, view)
        Path("/opt/ml/data/file").write_text("changed")

    if sandbox.probe(tmp_path) != Level.FULL:
        pytest.skip("this machine offers no namespaces")
    inside(change)
    assert ((given / "file").read_text(), (changes / "file").read_text()) == ("original", "changed")


def _without_layers(mount: Callable[..., None]) -> Callable[..., None]:
    def refuse(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
        if kind == "overlay":
            raise OSError(errno.ENODEV, "no overlay")
        mount(source, target, kind, flags, options)

    return refuse


def test_without_namespaces_a_private_folder_needs_one_above_it(tmp_path: Path) -> None:
    layer = Layer(tmp_path / "c", tmp_path / "w")
    view = View({"/data": tmp_path}, (), (), tmp_path, "h", layers={"/data": layer})
    with pytest.raises(SandboxRefused, match="/data is below no other folder"):
        flatten(view)
