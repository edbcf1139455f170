"""Acting as an execution role: SageMaker assumes the role, then everything it does is the role's doing."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.principal import Credential, Credentials
from sagesse.core.record import ChangeOf
from sagesse.services.sagemaker._job import Job

_LEAST_S = 3600
_MARGIN_S = 300


class RoleError(Exception):
    """The role cannot be assumed; the text is for FailureReason."""


def role_session(
    ctx: Context, credentials: Credentials, role_arn: str, state: Mapping[str, Any], *, needed_s: float = 0
) -> Credential:
    """Credentials of a session of the role: the one named in `state` if it lasts, else a new one.

    Args:
        needed_s: how long it must last at least; some minutes more are added.

    Raises:
        RoleError: there is no such role, or it does not trust sagemaker.amazonaws.com.
    """
    known = credentials.find(str(state.get("access_key_id", "")))
    if known is not None and known.expires is not None and known.expires > ctx.now() + needed_s + _MARGIN_S:
        return known
    duration_s = max(_LEAST_S, ceil(needed_s) + 2 * _MARGIN_S)
    try:
        answer = ctx.call(
            "sts",
            "AssumeRole",
            {"RoleArn": role_arn, "RoleSessionName": "SageMaker", "DurationSeconds": duration_s},
        )
    except ServiceError as error:
        raise RoleError(
            f"ClientError: Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'sagemaker.amazonaws.com' to assume the role. ({error.code}: {error.message})"
        ) from error
    session = credentials.find(answer["Credentials"]["AccessKeyId"])
    if session is None:
        raise RoleError(f"ClientError: The session of role {role_arn} ended before it was used.")
    return session


class JobSessions:
    """The sessions in which jobs act as their roles; the record of a job names its own.

    Args:
        credentials: where sessions are looked up.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def begin(self, job: Job) -> dict[str, Any]:
        """See that the job has a session; what its record must say of a new one, with whatever else it says next.

        Raises:
            RoleError: see `role_session`.
        """
        return self._noted(job, self._find(job, 0))

    def of(self, job: Job, *, needed_s: float = 0) -> Credential:
        """A session that lasts so long; a new one is noted on the record.

        Raises:
            RoleError: see `role_session`.
        """
        session = self._find(job, needed_s)
        if state := self._noted(job, session):
            job.kind.amend(job.ctx, job.record, state=state)
        return session

    def ending(self, job: Job) -> Sequence[ChangeOf]:
        """What is written with the job's end: what acted for it acts no more. Then `ended` is called."""
        return self._credentials.ending(_access_key_id(job))

    def ended(self, job: Job) -> None:
        """The end of the job is written."""
        self._credentials.ended(_access_key_id(job))

    def _find(self, job: Job, needed_s: float) -> Credential:
        role, state = job.record.request["RoleArn"], job.record.state
        return role_session(job.ctx, self._credentials, role, state, needed_s=needed_s)

    def _noted(self, job: Job, session: Credential) -> dict[str, Any]:
        if session.access_key_id == job.record.state.get("access_key_id"):
            return {}
        job.record.state["access_key_id"] = session.access_key_id
        return {"access_key_id": session.access_key_id}


def _access_key_id(job: Job) -> str:
    return str(job.record.state.get("access_key_id", ""))
