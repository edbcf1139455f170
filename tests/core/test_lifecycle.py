import pytest

from sagesse.core.lifecycle import Lifecycle

JOB = Lifecycle("Running", {"Running": {"Done", "Stopping"}, "Stopping": {"Done"}}, rest={"Stopping"})


def test_a_state_without_moves_is_final() -> None:
    assert JOB.is_final("Done")
    assert not JOB.is_final("Running")


def test_final_and_resting_states_are_not_open() -> None:
    assert [state for state in sorted(JOB.states) if JOB.is_open(state)] == ["Running"]


def test_only_declared_moves_are_allowed() -> None:
    assert JOB.allows("Running", "Done")
    assert not JOB.allows("Done", "Running")


def test_an_initial_state_without_moves_is_refused() -> None:
    with pytest.raises(ValueError, match="'Start' has no moves"):
        Lifecycle("Start", {"Running": {"Done"}})


def test_states_nothing_leads_to_are_refused() -> None:
    with pytest.raises(ValueError, match="Lost"):
        Lifecycle("Running", {"Running": {"Done"}, "Lost": {"Done"}})
