"""A run followed on a cluster whose actors come and go as the test says; no Ray."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sagesse.engines.jobs.base import Command, Plan
from sagesse.engines.jobs.ray import following
from sagesse.engines.jobs.ray.following import Following
from sagesse.engines.jobs.ray.home import Home
from sagesse.engines.jobs.ray.host import News
from sagesse.engines.jobs.ray.mirror import Mirror
from sagesse.runtime import run_folder
from sagesse.runtime.run_folder import Outcome

PLAN = Plan("run", Command(("true",)))
ENDED = b'{"reason":"exit","ended":2.0,"exit_code":0,"started":1.0,"level":1}'


class Gone(Exception):
    """The actor is."""


class Unavailable(Gone):
    """The actor does not answer now."""


class Remote:
    """A method of an actor."""

    def __init__(self, do: Callable[..., Any]) -> None:
        self._do = do

    def remote(self, *arguments: Any) -> Awaitable[Any]:
        async def answer() -> Any:
            return self._do(*arguments)

        return answer()


class Host:
    """An actor that answers what the test wants; an exception among the answers is raised."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = {"shares_files": [True], "start": [None], "clean": [None], **answers}
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Remote:
        return Remote(lambda *_: self._answer(name))

    def _answer(self, name: str) -> Any:
        self.asked.append(name)
        answers = self._answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Cluster:
    """Makes the actors that the test has ready, one after the other."""

    host_gone, host_unavailable = Gone, Unavailable

    def __init__(self, *hosts: Host, living: Host | None = None) -> None:
        self.ready = list(hosts)
        self.living = living
        self.killed: list[Host] = []

    def find(self, _run_id: str) -> Host | None:
        return self.living

    def create(self, *_: Any) -> Host:
        return self.ready.pop(0)

    def kill(self, host: Host) -> None:
        self.killed.append(host)

    async def addresses(self, _place: Any) -> list[str]:
        return ["10.0.0.1"]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    (tmp_path / "run").mkdir()
    mirror = Mirror(tmp_path / "run")
    mirror.ask(PLAN)
    return mirror


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_AGAIN_S", 0.0)


def follow(mirror: Mirror, cluster: Cluster, root: Path) -> None:
    home = Home(root=str(root), id="0")
    asyncio.run(Following("run", PLAN, mirror, cluster, home).run())  # type: ignore[arg-type]


def test_log_and_end_of_a_run_elsewhere_are_kept(mirror: Mirror, tmp_path: Path) -> None:
    files = {"exit.json": ENDED}
    news = [News("running", b"1 one\n"), News("exited", b"2 two\n", files), News("exited", files=files)]
    follow(mirror, Cluster(Host(news=news)), tmp_path)
    run = mirror.look()
    assert (run.state, run.exit_code, run.log.read_bytes()) == ("exited", 0, b"1 one\n2 two\n")


def test_a_run_whose_actor_is_gone_is_lost(mirror: Mirror, tmp_path: Path) -> None:
    follow(mirror, Cluster(Host(news=[Gone()])), tmp_path)
    assert mirror.look().state == "lost"


def test_a_run_that_was_placed_by_a_driver_that_is_gone_is_not_started_again(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.place()
    cluster = Cluster(Host())
    follow(mirror, cluster, tmp_path)
    assert (mirror.look().state, len(cluster.ready)) == ("lost", 1)


def test_a_run_whose_actor_lives_is_taken_up(mirror: Mirror, tmp_path: Path) -> None:
    mirror.place()
    host = Host(news=[News("exited", files={"exit.json": ENDED})])
    cluster = Cluster(living=host)
    follow(mirror, cluster, tmp_path)
    assert mirror.look().exit_code == 0
    assert cluster.killed == [host]


def test_an_actor_that_ended_before_it_was_placed_is_made_again(mirror: Mirror, tmp_path: Path) -> None:
    good = Host(news=[News("exited", files={"exit.json": ENDED})])
    follow(mirror, Cluster(Host(shares_files=[Gone()]), good), tmp_path)
    assert mirror.look().exit_code == 0


def test_a_run_that_no_node_can_take_could_not_be_set_up(mirror: Mirror, tmp_path: Path) -> None:
    broken = [Host(shares_files=[Gone("no module named sagesse")]) for _ in range(3)]
    follow(mirror, Cluster(*broken), tmp_path)
    run = mirror.look()
    assert (run.state, run.reason, run.exit_code) == ("exited", "setup", None)
    assert "no module named sagesse" in run.message


def test_an_actor_that_does_not_answer_for_a_while_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    host = Host(news=[Unavailable(), News("exited", files={"exit.json": ENDED})])
    follow(mirror, Cluster(living=host), tmp_path)
    assert mirror.look().exit_code == 0


def test_an_end_written_by_the_node_itself_is_the_end(mirror: Mirror, tmp_path: Path) -> None:
    outcome = Outcome(reason="exit", ended=2.0, exit_code=7)
    run_folder.write(tmp_path / "run" / run_folder.EXIT, outcome)
    follow(mirror, Cluster(), tmp_path)
    assert mirror.look().exit_code == 7
