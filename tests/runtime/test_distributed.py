"""Scripts over several processes of one host, run as real jobs; over several hosts: tests/services/sagemaker."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from sagesse.engines.jobs.base import Plan, PythonEntry, Run
from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime import contract
from sagesse.testing.job_engine import output
from tests.runtime.script_folder import place_script

EXAMPLES = Path(__file__).parents[2] / "examples/training"
_DEADLINE_S = 110.0  # busy machines load torch slowly
ONLY_OURS = str(Path(sys.executable).parent)  # a PATH without mpirun


def run(
    engine: LocalJobs,
    program: str,
    source: str,
    *,
    path: str = ONLY_OURS,
    ending: str = "py",
    **framework: object,
) -> Run:
    """The end of a job that runs `source`, by two MPI processes unless `framework` says otherwise."""
    given = {
        "sagemaker_mpi_enabled": "true",
        "sagemaker_mpi_num_of_processes_per_host": "2",
        **{name: str(value) for name, value in framework.items()},
    }
    run_id = f"distributed-{program}-{len(engine.runs())}"
    base = engine.folder(run_id) / "ml"
    contract.write_training_input(
        base,
        hyperparameters={"sagemaker_program": f"{program}.{ending}", **given},
        resource=contract.resource_config(instance_type="ml.m5.large"),
        channels={},
    )
    (base / "code" / f"{program}.{ending}").write_text(source)
    entry = PythonEntry("sagesse.runtime.script", preload=("numpy", "torch", "PIL"))
    # By its name a job finds a port of its own: other tests run jobs on this machine at the same time.
    named = {"PATH": path, "TRAINING_JOB_ARN": f"{run_id} of process {os.getpid()}"}
    engine.ensure(Plan(run_id, entry, environment=named))
    ended = engine.wait(run_id, _DEADLINE_S)
    assert ended.is_final, output(ended)
    return ended


def lines(run: Run) -> list[str]:
    assert run.exit_code == 0, output(run)
    return sorted(line for line in output(run) if "rank " in line)


def test_data_parallel_processes_learn_what_one_learns(engine: LocalJobs) -> None:
    two = lines(run(engine, "ddp", (EXAMPLES / "ddp.py").read_text()))
    one = lines(
        run(engine, "ddp", (EXAMPLES / "ddp.py").read_text(), sagemaker_mpi_num_of_processes_per_host=1)
    )
    losses = [float(re.search(r"loss=([\d.]+)", line)[1]) for line in two + one]  # type: ignore[index]
    assert [line.partition(": loss")[0] for line in two] == [
        "[1,mpirank:0,algo-1]<stdout>:rank 0 of 2 on algo-1",
        "[1,mpirank:1,algo-1]<stdout>:rank 1 of 2 on algo-1",
    ]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-3)


_MEETING = (  # at a port that scripts and ModelTrainer's driver have built in, while the other job is there too
    "import os, pathlib, time, torch, torch.distributed as dist\n"
    "dist.init_process_group('gloo', init_method='tcp://localhost:7777', rank=0, world_size=1)\n"
    "place = pathlib.Path(os.environ['MEETING'])\n"
    "(place / os.environ['TRAINING_JOB_ARN']).touch()\n"
    "end = time.monotonic() + 60\n"
    "while len(list(place.iterdir())) < 2 and time.monotonic() < end:\n"
    "    time.sleep(0.05)\n"
    "print('rank', dist.get_rank(), 'with', len(list(place.iterdir())))\n"
)


def test_two_jobs_use_one_port_at_once(engine: LocalJobs, tmp_path: Path) -> None:
    plans: list[Plan] = []
    for number in (1, 2):
        run_id = f"meeting-{number}"
        place_script(engine, run_id, _MEETING)
        entry = PythonEntry("sagesse.runtime.script", preload=("numpy", "torch", "PIL"))
        address = f"127.77.{os.getpid() % 250}.{number}"
        named = {"TRAINING_JOB_ARN": run_id, "MEETING": str(tmp_path), "SAGESSE_HOST_ADDRESS": address}
        plans.append(Plan(run_id, entry, environment=named))
    for plan in plans:
        engine.ensure(plan)
    for plan in plans:
        assert lines(engine.wait(plan.run_id, _DEADLINE_S)) == ["rank 0 with 2"]


def test_torchrun_shows_lines_as_they_are(engine: LocalJobs) -> None:
    mode = {"sagemaker_mpi_enabled": "false", "sagemaker_torch_distributed_enabled": "true"}
    source = "import os\nprint('rank', os.environ['RANK'], 'of', os.environ['WORLD_SIZE'])"
    assert lines(run(engine, "torchrun", source, **mode)) == ["rank 0 of 1"]


def test_horovod_scripts_run_without_horovod(engine: LocalJobs) -> None:
    assert lines(run(engine, "horovod_ddp", (EXAMPLES / "horovod_ddp.py").read_text())) == [
        "[1,mpirank:0,algo-1]<stdout>:rank 0 of 2, 0 of 2 on algo-1: same weights True, loss True",
        "[1,mpirank:1,algo-1]<stdout>:rank 1 of 2, 1 of 2 on algo-1: same weights True, loss True",
    ]


@pytest.mark.slow  # torch's parts for it take long to load
def test_layers_are_shared_out_with_fsdp(engine: LocalJobs) -> None:
    found = lines(run(engine, "fsdp", (EXAMPLES / "fsdp.py").read_text()))
    held = [int(re.search(r"holds (\d+) of 161", line)[1]) for line in found]  # type: ignore[index]
    assert sum(held) == 161
    assert all(line.endswith("learns True") for line in found)


@pytest.mark.slow  # torch's parts for it take long to load
def test_stages_make_a_pipeline(engine: LocalJobs) -> None:
    (last,) = lines(run(engine, "pipeline", (EXAMPLES / "pipeline.py").read_text()))
    assert last == "[1,mpirank:1,algo-1]<stdout>:rank 1 of 2 on algo-1: learns True"


def test_the_first_process_that_fails_ends_the_others_with_its_code(engine: LocalJobs) -> None:
    source = (
        "import os, signal, sys\n"
        "if os.environ['RANK'] == '1':\n"
        "    print('cannot go on', file=sys.stderr)\n"
        "    sys.exit(7)\n"
        "signal.pause()\n"
    )
    failed = run(engine, "fails", source)
    assert failed.exit_code == 7
    assert "[1,mpirank:1,algo-1]<stderr>:cannot go on" in output(failed)


def test_a_shell_script_is_run_for_each_rank(engine: LocalJobs) -> None:
    source = "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE $1\n"
    assert lines(run(engine, "each", source, ending="sh", word="-k")) == [
        "[1,mpirank:0,algo-1]<stdout>:rank 0 of 2 --word",
        "[1,mpirank:1,algo-1]<stdout>:rank 1 of 2 --word",
    ]


def test_torchrun_takes_python_files_only(engine: LocalJobs) -> None:
    mode = {"sagemaker_mpi_enabled": "false", "sagemaker_torch_distributed_enabled": "true"}
    refused = run(engine, "shell", "echo ran\n", ending="sh", **mode)
    assert refused.exit_code == 1
    assert any("use a Python script as the entry point" in line for line in output(refused))


@pytest.mark.skipif(not shutil.which("mpirun"), reason="Open MPI is not installed")
def test_mpirun_starts_the_processes_where_it_is_installed(engine: LocalJobs) -> None:
    source = (
        "import os\n"
        "line = f\"rank {os.environ['OMPI_COMM_WORLD_RANK']} {'OMPI_UNIVERSE_SIZE' in os.environ}\\n\"\n"
        "os.write(1, line.encode())\n"
    )
    path = f"{ONLY_OURS}:{Path(shutil.which('mpirun') or '').parent}:/bin"
    assert lines(run(engine, "mpi", source, path=path)) == [
        "[1,0]<stdout>:rank 0 True",
        "[1,1]<stdout>:rank 1 True",
    ]


@pytest.mark.parametrize(
    ("framework", "told"),
    [
        ({"sagemaker_parameter_server_enabled": "true"}, "parameter servers are not built"),
        ({"sagemaker_distributed_dataparallel_enabled": "true"}, "data-parallel library is AWS's own"),
        (
            {"sagemaker_mpi_num_of_processes_per_host": "no"},
            "'no' is no number of processes; allowed: 1 and more",
        ),
        ({"sagemaker_mpi_num_of_processes_per_host": "0"}, "allowed: 1 and more"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    engine: LocalJobs, framework: dict[str, object], told: str
) -> None:
    refused = run(engine, "refused", "print('ran')", **framework)
    assert refused.exit_code == 1
    assert any(told in line for line in output(refused))
