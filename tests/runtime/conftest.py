"""What several tests of the runtime need: an engine that runs jobs for real."""

from collections.abc import Iterator

import pytest

from sagesse.engines.jobs.local import LocalJobs


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJobs]:
    jobs = LocalJobs(tmp_path_factory.mktemp("jobs"))
    yield jobs
    for run_id in jobs.runs():
        jobs.discard(run_id)
    jobs.stop_zygotes()
    jobs.close()
