"""A training job's record: its secondary states, and the time it has and takes."""

from collections.abc import Mapping
from typing import Any

from sagesse.core.record import Record
from sagesse.services.sagemaker._ending import HostRun
from sagesse.services.sagemaker._job import Job
from sagesse.services.sagemaker._place import pending_left_s
from sagesse.services.sagemaker._run import JobRun
from sagesse.services.sagemaker._spot import times
from sagesse.services.sagemaker._training_state import PENDING_TOO_LONG, in_use_s, transition
from sagesse.services.sagemaker.log import Definition, final_metrics, metric_definitions


class TrainingRecord(JobRun):
    """What is written of training jobs on their way."""

    # Time

    def _runtime_s(self, job: Job) -> float:
        """What is left of MaxRuntimeInSeconds after earlier runs, and of MaxWaitTimeInSeconds."""
        return max(1.0, min(self._allowed_s(job), self._time_left_s(job)))

    def _allowed_s(self, job: Job) -> float:
        return super()._runtime_s(job) - job.record.state.get("trained_s", 0.0)

    def _time_left_s(self, job: Job) -> float:
        return _deadline(job.record) - job.ctx.now()

    def _must_end(self, job: Job) -> str:
        if self._time_left_s(job) <= 0:
            return "MaxWaitTimeExceeded"
        return "Stopped" if self._pending_left_s(job) <= 0 else super()._must_end(job)

    def _pending_left_s(self, job: Job) -> float:
        return pending_left_s(job.record, job.ctx.now())

    def _outcome(self, job: Job, end: HostRun) -> tuple[str, str]:
        status, reason = super()._outcome(job, end)
        allowed_until = (end.run.started or 0) + self._allowed_s(job)
        if status == "MaxRuntimeExceeded" and allowed_until > _deadline(job.record):
            status = "MaxWaitTimeExceeded"
        return status, reason

    def _trained_s(self, job: Job) -> float:
        """How long all runs took, up to now."""
        state = job.record.state
        now = job.ctx.now()
        begun = state["run_started"] if state["phase"] in {"run", "upload"} else now
        return state.get("trained_s", 0.0) + now - begun

    # The record

    def _entered(self, job: Job, status: str) -> Mapping[str, Any]:
        return transition(_history(job.record), status, job.ctx.now())

    def _note(
        self,
        job: Job,
        status: str,
        *,
        message: str = "",
        state: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        last = _history(job.record)[-1]
        if state or output or (last["Status"], last["StatusMessage"]) != (status, message):
            state = {**job.unwritten.state, **(state or {})}
            changed = {**transition(_history(job.record), status, job.ctx.now(), message), **(output or {})}
            job.kind.amend(job.ctx, job.record, output=changed, state=state, passed=job.unwritten.passed)

    def _finish(self, job: Job, status: str, reason: str, output: dict[str, Any]) -> bool:
        record, now = job.record, job.ctx.now()
        is_tired = status == "Stopped" and not job.is_stopping and self._pending_left_s(job) <= 0
        message = PENDING_TOO_LONG if is_tired else ""
        output |= transition(_history(record), status, now, message)
        output["TrainingEndTime"] = now
        if self.started_member in record.output:
            logs = [run.log for _, run in self._look(job)]
            output |= times(record.request, in_use_s(output["SecondaryStatusTransitions"]))
            if metrics := final_metrics(logs, definitions(record)):
                output["FinalMetricDataList"] = metrics
        final = status if status in {"Completed", "Failed"} else "Stopped"
        moved = job.kind.move(
            job.ctx,
            record,
            final,
            when={"InProgress", "Stopping"},
            output=output,
            state=job.unwritten.state,
            passed=job.unwritten.passed,
            others=self._sessions.ending(job),
        )
        return moved is not None


def definitions(record: Record) -> list[Definition]:
    """The metrics that a training job's log is searched for."""
    return metric_definitions(record.request["AlgorithmSpecification"].get("MetricDefinitions", ()))


def _history(record: Record) -> list[dict[str, Any]]:
    return record.output["SecondaryStatusTransitions"]


def _deadline(record: Record) -> float:
    """When a job must have ended, however long it waited and ran (epoch seconds)."""
    wait_s = record.request.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    return record.created + wait_s if wait_s is not None else float("inf")
