"""What every job goes through: start, download, run, upload, end.

`JobRun.advance` takes one step; each step is idempotent and may be interrupted anywhere: what is done is on
disk or in the record, and the processes belong to the job engine, which never runs a run twice. A job has a run for
each of its hosts. What differs between training and processing is in `JobKind`.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.principal import Credential
from sagesse.core.record import Record
from sagesse.engines.jobs.base import Run
from sagesse.services.sagemaker._admission import assume_role
from sagesse.services.sagemaker._ending import HostRun, decisive, ends_the_others
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._hosts import Host
from sagesse.services.sagemaker._job import Job, JobFailed, Known, Unwritten
from sagesse.services.sagemaker._job_hosts import GRACE_S, JobHosts
from sagesse.services.sagemaker._job_kind import MAX_RUNTIME_S
from sagesse.services.sagemaker._place import pending_message, pending_pause_s
from sagesse.services.sagemaker._quota import holder, instances
from sagesse.services.sagemaker._session import RoleError
from sagesse.services.sagemaker._stoppable import StopAsked, stoppable
from sagesse.services.sagemaker._transfer import StorageUnavailable

_REASON_LENGTH = 1024
_MOST_FAILURES = 8  # of the steps before a job runs; a minute, as the reconciler waits longer each time
_AGAIN = "We encountered an internal error. Please try again."
_POLL_S = 0.25  # how often a running job's log is shipped
_SYNC_S = 1.0  # how often the folders that are stored while it runs are looked at
_log = logging.getLogger(__name__)


class JobRun(JobHosts):
    """Brings the jobs of one kind to their end."""

    def admit(self, ctx: Context, request: Mapping[str, Any]) -> Credential:
        """A session of the role of a job that is asked for.

        Raises:
            ServiceError: the job cannot have that role.
        """
        runtime_s = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", MAX_RUNTIME_S)
        needed_s = runtime_s + GRACE_S
        return assume_role(ctx, self._credentials, request["RoleArn"], needed_s=needed_s)

    def advance(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """One step; see `Service.advance`."""
        job = Job(ctx, kind, record, Unwritten(), Known())
        self._wakes[job.run_id] = lambda: ctx.wake(record)
        try:
            match record.state["phase"]:
                case "start":
                    return self._start(job)
                case "download":
                    return self._download(job)
                case "run":
                    return self._run(job)
                case "restart":
                    return self._restart(job)
                case _:
                    return self._upload(job)
        except (JobFailed, ChannelError, RoleError) as failure:
            return self._end(job, "Failed", reason=str(failure))
        except StopAsked:
            return 0
        except StorageUnavailable:
            raise  # tried again as long as the job may last
        except Exception as error:
            if not self._gives_up(job):
                raise  # the reconciler tells the log, and tries again
            _log.exception("job %s cannot be prepared", record.name)
            return self._end(job, "Failed", reason=f"InternalServerError: {_AGAIN} ({error!r})")

    def _gives_up(self, job: Job) -> bool:
        """Whether a step has failed too often; never where something could be lost that the job has made."""
        if job.record.state["phase"] not in {"start", "download"}:
            return False
        self._failures[job.run_id] = failures = self._failures.get(job.run_id, 0) + 1
        return failures >= _MOST_FAILURES

    # The steps

    def _start(self, job: Job) -> float | None:
        """Wait for cores; a job that can only fail does so before it waits."""
        if status := self._must_end(job):
            return self._end(job, status)
        self._check_image(job)
        session = self._sessions.begin(job)
        place = self._place
        demand = place.demand(instances(self._resources(job.record.request)))
        pool = self._take_warm(job)
        claim = place.claim(job.record, demand)
        if not claim.threads:
            pending = place.pending_state(job.record, demand, job.ctx.now())
            self._note(job, "Pending", message=pending_message(claim), state={**session, **pending})
            return min(pending_pause_s(claim), self._time_left_s(job), self._pending_left_s(job))
        state = {"phase": "download", "pool": pool, **session, **place.held_state(claim)}
        if self._downloads_little(job):
            self._pass(job, "Downloading", state=state, output=self._placed(job, pool))
            return self._download(job)
        self._note(job, "Downloading", state=state, output=self._placed(job, pool))
        return 0

    def _download(self, job: Job) -> float | None:
        """Lay out the ``/opt/ml`` of each host."""
        if status := self._must_end(job):
            return self._end(job, status)
        acting = stoppable(self._as_role(job), job)
        for host in self._hosts(job):
            self._fetch(job, host, acting)
        now, state = job.ctx.now(), job.record.state
        begun = self._free_epoch(job, max(int(now), state.get("stream_epoch", 0) + 1))
        self._note(
            job,
            "Training",
            state={"phase": "run", "stream_epoch": begun, "run_started": now},
            output={self.started_member: job.record.output.get(self.started_member, now)},
        )
        return 0

    def _run(self, job: Job) -> float | None:
        """Have the processes run, and ship their logs while they do."""
        ends = self._drive(job)
        self._ship(job, ends)
        self._ship_metrics(job)
        if not all(run.is_final for _, run in ends):
            self._watch(job, ends)
            if time.monotonic() - self._synced.get(job.run_id, 0) >= _SYNC_S:
                for host in self._hosts(job):
                    self._keep_access(job, host)
                self._sync(job, is_over=False)
                self._synced[job.run_id] = time.monotonic()
            return _POLL_S
        self._sync(job, is_over=True)
        if not self._stays_warm(job):
            self._capacity.release(job.run_id)
        if again := self._again(job, ends):
            self._note(job, again, state={"phase": "restart", **self._used(job)})
        elif self._stores_little(job):
            self._pass(job, "Uploading", state={"phase": "upload"})
            return self._upload(job)
        else:
            self._note(job, "Uploading", state={"phase": "upload"})
        return 0

    def _drive(self, job: Job) -> list[HostRun]:
        """Where the hosts stand, each started, or told to stop where one of them ended the job."""
        ends = self._look(job)
        if job.is_stopping or ends_the_others(run for _, run in ends):
            if any(not run.is_final for _, run in ends):
                self._stop(job)
                ends = self._look(job)
            return ends
        return [
            HostRun(host, self._begin(job, host) if run.state == "preparing" else run) for host, run in ends
        ]

    def _begin(self, job: Job, host: Host) -> Run:
        self._keep_access(job, host)
        return self._engine.ensure(self._plan(job, host))

    def _restart(self, job: Job) -> float | None:
        """Begin again with a new run; what the old one left on this machine is gone."""
        attempt = job.record.state.get("attempt", 1) + 1
        run_id = f"{job.run_id.partition('.')[0]}.{attempt}"
        self._capacity.release(job.run_id)
        self._forget(job)
        self._discard(job)
        state = {"phase": "start", "run_id": run_id, "attempt": attempt, "threads": 0, "demand": None}
        self._note(job, "Starting", state=state)
        return 0

    def _upload(self, job: Job) -> float | None:
        """Store what the job left, whatever way it ended, and say how it ended."""
        ends = self._look(job)
        end = decisive(ends)
        status, reason = self._outcome(job, end)
        output = self._salvage(job, end.run) if status == "Failed" else self._store(job, self._as_role(job))
        return self._end(job, status, reason=reason, output=output)

    def _end(
        self, job: Job, status: str, *, reason: str = "", output: Mapping[str, Any] | None = None
    ) -> None:
        """Move to the final state with everything a description then shows; free what the job held."""
        facts = {**(output or {}), **self._keep_warm(job, reason)}
        self._capacity.release(job.run_id)
        self._forget(job)
        if reason:
            facts["FailureReason"] = reason[:_REASON_LENGTH]
        if self._finish(job, status, reason, facts):
            self._sessions.ended(job)
            self._discard(job)
        self._quotas.release(holder(job.record))

    def _free_epoch(self, job: Job, epoch: int) -> int:
        """`epoch` (seconds) or a later one that makes the log streams of a run its own.

        A job may have the name of one that was deleted a moment ago.
        """
        hosts = [f"{job.record.name}/{host.name}" for host in self._hosts(job)]
        while any(self._shipper.has(job.ctx.scope, self.log_group, f"{host}-{epoch}") for host in hosts):
            epoch += 1
        return epoch

    def _pass(
        self, job: Job, status: str, *, state: Mapping[str, Any], output: Mapping[str, Any] | None = None
    ) -> None:
        """Enter a state that will be over in a moment: it is written with the next one.

        A server that is killed meanwhile finds the job where it was before, and takes the same steps.
        """
        entered = {**self._entered(job, status), **(output or {})}
        job.record.output.update(entered)
        job.record.state.update(state)
        job.unwritten.passed.append(entered)
        job.unwritten.state.update(state)
