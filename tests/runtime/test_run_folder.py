"""The claim on a run, and files that are whole or absent."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sagesse.runtime import run_folder
from sagesse.runtime.run_folder import Status


def test_a_run_is_claimed_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(run_folder.claim, [tmp_path] * 32) if claim is not None]
    assert len(claims) == 1
    claims[0].release()
    assert run_folder.claim(tmp_path) is None


def test_the_holder_is_known_while_it_holds(tmp_path: Path) -> None:
    assert run_folder.holder(tmp_path) is None
    claim = run_folder.claim(tmp_path)
    assert claim is not None
    assert run_folder.holder(tmp_path) == os.getpid()
    claim.release()
    assert run_folder.holder(tmp_path) is None


def test_claiming_leaves_nothing_but_the_marker(tmp_path: Path) -> None:
    run_folder.claim(tmp_path)
    run_folder.claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [run_folder.STARTED]


def test_a_value_comes_back(tmp_path: Path) -> None:
    path = tmp_path / run_folder.STATUS
    assert run_folder.read(path, Status) is None
    run_folder.write(path, Status(started=1.5, level=1), durable=True)
    assert run_folder.read(path, Status) == Status(started=1.5, level=1)
    assert list(tmp_path.iterdir()) == [path]
