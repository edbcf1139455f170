"""Endpoints: the API and the states. What its servers are is in `deployment`."""

import re
from collections.abc import Iterable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.identifier import new_request_id
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result
from sagesse.core.state_event import StateEvent
from sagesse.services.sagemaker._error import already_existing, could_not_find, refuse_unsupported
from sagesse.services.sagemaker._family import Family
from sagesse.services.sagemaker.deployment import (
    DeployFailed,
    Deployments,
    plan_deployment,
    reweigh,
    server_ids,
)
from sagesse.services.sagemaker.endpoint_config import ENDPOINT_CONFIG

_START_POLL_S = 0.05
_END_POLL_S = 0.2
_WATCH_S = 5.0  # how often a running endpoint's servers are looked at, should nobody wake it
_REASON_LENGTH = 1024


def _extend(ctx: Context, record: Record) -> dict[str, Any]:
    """Output members read from the state: what is deployed, and what is about to be."""
    live, wished = record.state["live"], record.state["next"]
    members: dict[str, Any] = {}
    if reason := record.state.get("failure"):
        members["FailureReason"] = reason
    if live:
        members["ProductionVariants"] = _summaries(live, wished if _is_same(live, wished) else live)
    if wished and not _is_same(live, wished):
        members["PendingDeploymentSummary"] = _pending(wished)
    shown = live or wished
    return {**members, "EndpointConfigName": shown["config"] if shown else record.state["failed"]}


def _is_same(live: dict[str, Any] | None, wished: dict[str, Any] | None) -> bool:
    """Whether what is wished is what is there, with other weights and counts."""
    return live is not None and wished is not None and live["id"] == wished["id"]


def _summaries(current: dict[str, Any], desired: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **_named(now),
            "CurrentWeight": now["weight"],
            "DesiredWeight": then["weight"],
            "CurrentInstanceCount": now["count"],
            "DesiredInstanceCount": then["count"],
        }
        for now, then in zip(current["variants"], desired["variants"], strict=True)
    ]


def _pending(wished: dict[str, Any]) -> dict[str, Any]:
    variants = [
        {
            **_named(variant),
            "InstanceType": variant.get("type"),
            "DesiredWeight": variant["weight"],
            "DesiredInstanceCount": variant["count"],
        }
        for variant in wished["variants"]
    ]
    started = wished["variants"][0]["since"]
    return {"EndpointConfigName": wished["config"], "ProductionVariants": variants, "StartTime": started}


def _named(variant: dict[str, Any]) -> dict[str, Any]:
    image = variant["container"]["Image"]
    deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": variant["since"]}
    return {"VariantName": variant["name"], "DeployedImages": [deployed]}


def _worded(detail: dict[str, Any]) -> dict[str, Any]:
    """The states of endpoints as EventBridge words them: ``IN_SERVICE``."""
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", detail["EndpointStatus"]).upper()
    return {**detail, "EndpointStatus": status}


ENDPOINT = Kind(
    service="sagemaker",
    name="Endpoint",
    key="EndpointName",
    arn_path="endpoint/{name}",
    lifecycle=Lifecycle(
        initial="Creating",
        moves={
            "Creating": frozenset({"InService", "Failed", "Deleting"}),
            "InService": frozenset({"Updating", "Deleting"}),
            "Updating": frozenset({"InService", "Deleting"}),
            "Failed": frozenset({"Deleting"}),
            "Deleting": frozenset({"Deleting"}),  # until its servers are gone, and the record with them
        },
        rest=frozenset({"Failed"}),
    ),
    describe="DescribeEndpoint",
    listing="ListEndpoints",
    arn_member="EndpointArn",
    status_member="EndpointStatus",
    missing=could_not_find("endpoint"),
    duplicate=already_existing("endpoint"),
    extend=_extend,
    event=StateEvent(detail_type="SageMaker Endpoint State Change", worded=_worded),
)

_UNSUPPORTED = {
    "DeploymentConfig": "deployment guardrails are not built yet; an update switches when the new servers are healthy",
    "RetainAllVariantProperties": "state the weights and counts in the new endpoint configuration",
    "RetainDeploymentConfig": "deployment guardrails are not built yet",
}


class Endpoints(Family):
    """Create, update and delete; describe and list follow from the kind."""

    kinds = (ENDPOINT,)

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    def create_endpoint(self, ctx: Context, req: Params) -> Result:
        """Record the wish for an endpoint of a configuration that exists."""
        refuse_unsupported(req, _UNSUPPORTED)
        wished = plan_deployment(ctx, req["EndpointConfigName"])
        return ENDPOINT.create(
            ctx, req, state={"id": new_request_id()[:8], "live": None, "next": wished, "ending": []}
        )

    def update_endpoint(self, ctx: Context, req: Params) -> Result:
        """Record the wish for another configuration; the present one answers until the new one is healthy."""
        refuse_unsupported(req, _UNSUPPORTED)
        record = ENDPOINT.get(ctx, req["EndpointName"])
        return _change(ctx, record, plan_deployment(ctx, req["EndpointConfigName"]))

    def update_endpoint_weights_and_capacities(self, ctx: Context, req: Params) -> Result:
        """Record new weights and instance counts of the present variants."""
        record = ENDPOINT.get(ctx, req["EndpointName"])
        if record.status != "InService":
            raise _in_progress(record)
        live = record.state["live"]
        return _change(ctx, record, reweigh(live, req["DesiredWeightsAndCapacities"]))

    def delete_endpoint(self, ctx: Context, req: Params) -> Result:
        """Record the wish; requests in flight end, then the servers do."""
        record = ENDPOINT.get(ctx, req["EndpointName"])
        ENDPOINT.move(ctx, record, "Deleting", when={"Creating", "InService", "Updating", "Failed"})
        return None

    def advance(self, ctx: Context, record: Record) -> float | None:
        """One step towards what is wished."""
        if record.status == "Deleting":
            return self._delete(ctx, record)
        self._deployments.keep(ctx, record)
        pause_s = self._end_old(ctx, record)
        if record.status == "InService":
            return pause_s
        if reason := record.state.get("reason"):
            return self._give_up(ctx, record, reason)
        try:
            is_up = self._deployments.bring_up(ctx, record)
        except DeployFailed as failure:
            return self._give_up(ctx, record, str(failure)[:_REASON_LENGTH])
        if not is_up:
            return _START_POLL_S
        live, wished = record.state["live"], record.state["next"]
        ending = [*record.state["ending"], *_only_in(record, live, wished)]
        ENDPOINT.move(ctx, record, "InService", state={"live": wished, "next": None, "ending": ending})
        return None

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        yield from super()._grants(operation, params, scope)
        if config := params.get("EndpointConfigName"):
            yield Grant(f"sagemaker:{operation}", ENDPOINT_CONFIG.arn(scope, str(config)))

    def _delete(self, ctx: Context, record: Record) -> float | None:
        """End every server, then remove the record."""
        self._deployments.close_route(record)
        state = record.state
        everything = {
            *state["ending"],
            *server_ids(record, state["live"]),
            *server_ids(record, state["next"]),
        }
        if not self._deployments.end(sorted(everything)):
            return _END_POLL_S
        ctx.store.delete(record.key)
        return None

    def _end_old(self, ctx: Context, record: Record) -> float:
        """End the servers nothing leads to any more; answers when to look again."""
        ending = record.state["ending"]
        if not ending:
            return _WATCH_S
        if not self._deployments.end(ending):
            return _END_POLL_S
        ENDPOINT.amend(ctx, record, state={"ending": []})
        return _WATCH_S

    def _give_up(self, ctx: Context, record: Record, reason: str) -> float | None:
        """The wished deployment cannot run: back to the present one, or failed when there is none."""
        live, wished = record.state["live"], record.state["next"]
        ending = [*record.state["ending"], *_only_in(record, wished, live)]
        if live is None:
            if not self._deployments.end(ending):
                ENDPOINT.amend(
                    ctx, record, state={"reason": reason}
                )  # so that no later step starts them again
                return _END_POLL_S
            ending = []
        state = {"next": None, "ending": ending, "failed": wished["config"], "failure": reason}
        ENDPOINT.move(ctx, record, "InService" if live else "Failed", state=state)
        return None


def _only_in(record: Record, one: dict[str, Any] | None, other: dict[str, Any] | None) -> list[str]:
    """The servers of one deployment that the other does not have."""
    kept = set(server_ids(record, other))
    return [server for server in server_ids(record, one) if server not in kept]


def _change(ctx: Context, record: Record, wished: dict[str, Any]) -> Result:
    state = {"next": wished, "failure": ""}
    if ENDPOINT.move(ctx, record, "Updating", when={"InService"}, state=state) is None:
        raise _in_progress(ENDPOINT.get(ctx, record.name))
    return {"EndpointArn": record.arn}


def _in_progress(record: Record) -> ServiceError:
    if record.status == "Failed":
        return validation_error(
            f'Cannot update failed endpoint "{record.arn}": delete it and create it again.'
        )
    return validation_error(f'Cannot update in-progress endpoint "{record.arn}".')
