"""Which server the demo takes, and on which port it starts one."""

from pathlib import Path

import pytest

from sagesse.cli import background, demo
from sagesse.cli.background import Started, at_its_old_port
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import publish
from sagesse.cli.main import main
from sagesse.config import Settings

from .test_instance import facts


class Starts:
    """Stands for `background.ensure`: refuses the taken port, notes those asked for."""

    def __init__(self, taken: int) -> None:
        self.taken = taken
        self.ports: list[int] = []

    def __call__(self, settings: Settings) -> Started:
        self.ports.append(settings.port)
        if settings.port == self.taken:
            raise CommandFailed("taken", code=Exit.CANNOT_LISTEN)
        return Started(facts(port=settings.port), is_new=True)


def start(folder: Path, monkeypatch: pytest.MonkeyPatch, *, taken: int, has_port: bool) -> list[int]:
    starts = Starts(taken)
    monkeypatch.setattr(background, "ensure", starts)
    demo._have_server(Settings(data_dir=str(folder), port=4577), has_port=has_port)
    return starts.ports


def test_the_usual_port_is_taken_when_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(tmp_path, monkeypatch, taken=1, has_port=False) == [4577]


def test_any_port_will_do_when_the_usual_one_is_not_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(tmp_path, monkeypatch, taken=4577, has_port=False) == [4577, 0]


def test_a_port_that_was_asked_for_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandFailed):
        start(tmp_path, monkeypatch, taken=4577, has_port=True)


def test_the_port_of_the_server_before_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, facts(port=4711))
    assert start(tmp_path, monkeypatch, taken=1, has_port=False) == [4711]


def test_without_a_server_before_the_settings_stay(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    assert at_its_old_port(settings) is settings


def test_the_demo_names_the_extra_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    assert main(["demo", "--data-dir", str(tmp_path)]) == Exit.FAILED
    assert "pip install 'sagesse[deep]'" in capsys.readouterr().err
