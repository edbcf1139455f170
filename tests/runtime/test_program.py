"""What is told of a program that ran as part of a job."""

import signal
import sys

import pytest

from sagesse.runtime.program import run_program


def test_the_end_of_its_complaints_is_kept_and_all_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    source = "import sys; sys.stderr.write('x' * 5000 + ' at last'); sys.exit(3)"
    code, said = run_program([sys.executable, "-c", source])
    assert code == 3
    assert said.endswith("x at last")
    assert len(said) < 1024
    assert len(capfd.readouterr().err) == 5008


def test_a_signal_counts_as_a_shell_counts_it() -> None:
    source = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
    assert run_program([sys.executable, "-c", source]) == (137, "")
