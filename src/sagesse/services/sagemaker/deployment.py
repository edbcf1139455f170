"""What an endpoint runs: model servers for each variant, and the route that leads to them.

A deployment is plain data kept in the endpoint's record: ``{"id", "config", "variants": [{"name", "type", "weight",
"count", "startup_s", "container", "role", "isolate", "since"}]}``. It is a copy of the models as they were when it was
wished, so deleting a model does not hurt an endpoint. Server ids are made from it, so every step can be repeated.
"""

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.identifier import new_request_id
from sagesse.core.principal import Credentials
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.engines.image import ImageProblem, Recipe
from sagesse.engines.image_registry import Images
from sagesse.engines.serving.base import ServerPlan, ServerState, ServingEngine
from sagesse.engines.serving.routing import RoutingTable, Variant
from sagesse.services.sagemaker._error import refuse_unsupported
from sagesse.services.sagemaker._home import Home, region_variables
from sagesse.services.sagemaker._model_fetch import ModelNotFetched, fetch_model, is_fetched
from sagesse.services.sagemaker._model_session import SHOWN, VARIABLES, lend
from sagesse.services.sagemaker._session import RoleError, role_session
from sagesse.services.sagemaker.endpoint_config import ENDPOINT_CONFIG, MAX_INSTANCES
from sagesse.services.sagemaker.log import LogShipper
from sagesse.services.sagemaker.model import MODEL, container_of

_NOT_HEALTHY = (
    "The primary container for production variant {variant} did not pass the ping health check. Please check "
    "CloudWatch logs for this endpoint. {reason}"
)
_log = logging.getLogger(__name__)
_STARTUP_S = 600  # how long a server may take until it is healthy, unless its variant says


class DeployFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The deployment cannot run; the text is the FailureReason."""


def plan_deployment(ctx: Context, config_name: str) -> dict[str, Any]:
    """The deployment that an endpoint configuration and its models ask for now.

    Raises:
        ServiceError: the configuration or one of its models does not exist.
    """
    config = ENDPOINT_CONFIG.get(ctx, config_name)
    variants: list[dict[str, Any]] = []
    for variant in config.request["ProductionVariants"]:
        model = MODEL.get(ctx, variant["ModelName"])
        variants.append(
            {
                "name": variant["VariantName"],
                "type": variant["InstanceType"],
                "weight": variant.get("InitialVariantWeight", 1.0),
                "count": variant.get("InitialInstanceCount", 1),
                "startup_s": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_S),
                "container": container_of(model.request),
                "role": model.request.get("ExecutionRoleArn", ""),
                "isolate": bool(model.request.get("EnableNetworkIsolation")),
                "since": ctx.now(),
            }
        )
    return {"id": new_request_id()[:8], "config": config_name, "variants": variants}


def reweigh(live: Mapping[str, Any], wishes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The live deployment with other weights and instance counts.

    Raises:
        ServiceError: a variant that is not there, or more instances than the machine offers.
    """
    variants = {variant["name"]: dict(variant) for variant in live["variants"]}
    names = [wish["VariantName"] for wish in wishes]
    if len(set(names)) < len(names):
        raise validation_error(
            f"DesiredWeightsAndCapacities must have different VariantName values; got {names}."
        )
    for wish in wishes:
        refuse_unsupported(wish, {"ServerlessUpdateConfig": "serverless endpoints are not built yet"})
        variant = variants.get(wish["VariantName"])
        if variant is None:
            raise validation_error(
                f"The variant name {wish['VariantName']!r} is not present within endpoint configuration "
                f"{live['config']!r}; allowed: {', '.join(variants)}."
            )
        variant["weight"] = wish.get("DesiredWeight", variant["weight"])
        variant["count"] = wish.get("DesiredInstanceCount", variant["count"])
        if not 1 <= variant["count"] <= MAX_INSTANCES:
            raise validation_error(
                f"DesiredInstanceCount {variant['count']} is not between 1 and {MAX_INSTANCES}."
            )
    if not any(variant["weight"] for variant in variants.values()):
        raise validation_error("At least one variant needs a DesiredWeight above 0.")
    return {**live, "variants": list(variants.values())}


class Deployments:
    """Keeps the servers and routes of endpoints as their records wish.

    Args:
        engine: runs the model servers.
        routes: where the runtime finds an endpoint's variants.
        credentials: where role sessions are looked up.
        folder: where unpacked models are kept, one folder per deployed variant.
        shipper: takes the log lines of the servers.
        images: what runs an image here.
        home: where a model's own AWS clients find this server.
    """

    def __init__(
        self,
        *,
        engine: ServingEngine,
        routes: RoutingTable,
        credentials: Credentials,
        folder: Path,
        shipper: LogShipper,
        images: Images,
        home: Home,
    ) -> None:
        self._engine = engine
        self._routes = routes
        self._credentials = credentials
        self._folder = folder
        self._shipper = shipper
        self._images = images
        self._home = home
        self._log_places: dict[str, tuple[Scope, str, str]] = {}
        engine.watch(self._ship_end)

    def keep(self, ctx: Context, record: Record) -> None:
        """Have the live deployment run and be reached."""
        if live := record.state["live"]:
            for variant in live["variants"]:
                try:
                    self._ensure(ctx, record, live, variant)
                except DeployFailed as failure:  # what runs goes on, and an update may help
                    _log.warning("endpoint %s, variant %s: %s", record.name, variant["name"], failure)
            self._route(record, live)

    def bring_up(self, ctx: Context, record: Record) -> bool:
        """Start what is wished; once all of it is healthy, lead requests there.

        Returns:
            Whether it answers requests now.

        Raises:
            DeployFailed: it cannot run.
        """
        wished = record.state["next"]
        is_healthy = True
        for variant in wished["variants"]:
            for state in self._ensure(ctx, record, wished, variant):
                if state.phase == "failed":
                    raise DeployFailed(_NOT_HEALTHY.format(variant=variant["name"], reason=state.reason))
                is_healthy = is_healthy and state.phase == "healthy"
        if not is_healthy:
            return False
        self._route(record, wished)
        return True

    def close_route(self, record: Record) -> None:
        """Take no more requests for the endpoint."""
        self._routes.remove(_address(record))

    def end(self, server_ids: Sequence[str]) -> bool:
        """End servers once their requests under way are answered; idempotent.

        Returns:
            Whether nothing is left of them; ask again otherwise.
        """
        left = [server_id for server_id in server_ids if not self._engine.retire(server_id)]
        for server_id in set(server_ids) - set(left):
            shutil.rmtree(self._folder / server_id, ignore_errors=True)
            self._log_places.pop(server_id, None)
        return not left

    def _ship_end(self, server_id: str, run_id: str, log: Path) -> None:
        """Ship what is left of the log of a server's run that has ended."""
        if place := self._log_places.get(server_id):
            scope, group, variant = place
            self._shipper.ship(scope, group, f"{variant}/{run_id}", log)

    def _ensure(
        self, ctx: Context, record: Record, deployment: Mapping[str, Any], variant: Mapping[str, Any]
    ) -> list[ServerState]:
        group = f"/aws/sagemaker/Endpoints/{record.name}"
        states: list[ServerState] = []
        for server_id in _variant_servers(record, deployment, variant):
            self._log_places[server_id] = (record.scope, group, variant["name"])
            state = self._engine.ensure(server_id, self._plan(ctx, variant, server_id))
            if state.log is not None:
                self._shipper.ship(record.scope, group, f"{variant['name']}/{state.run_id}", state.log)
            states.append(state)
        return states

    def _plan(self, ctx: Context, variant: Mapping[str, Any], server_id: str) -> ServerPlan:
        container = variant["container"]
        recipe = self._recipe(container["Image"])
        folder = self._folder / server_id
        return ServerPlan(
            source=f"{recipe.kind}:{recipe.name}",
            model_dir=self._fetch(ctx, variant, folder),
            environment={**self._surroundings(ctx, variant), **container.get("Environment", {})},
            mounts=self._sessions(ctx, variant, folder),
            preload=recipe.preload,
            isolate_network=variant["isolate"],
            startup_timeout_s=variant.get("startup_s", _STARTUP_S),
        )

    def _surroundings(self, ctx: Context, variant: Mapping[str, Any]) -> dict[str, str]:
        """What leads a model's own AWS clients here; one that is cut off only learns where it is."""
        if variant["isolate"]:
            return region_variables(ctx.region)
        return {**self._home.variables(ctx.region), **(VARIABLES if variant["role"] else {})}

    def _sessions(self, ctx: Context, variant: Mapping[str, Any], folder: Path) -> dict[str, Path]:
        """Where a model's AWS clients find keys of its role."""
        if variant["isolate"] or not variant["role"]:
            return {}
        try:
            return {SHOWN: lend(ctx, self._credentials, variant["role"], folder)}
        except (RoleError, OSError) as error:
            raise DeployFailed(str(error)) from error

    def _recipe(self, image: str) -> Recipe:
        try:
            recipe = self._images.ready(image)
        except ImageProblem as error:
            raise DeployFailed(f"The image cannot be served: {error}") from error
        if recipe.python or recipe.command:
            raise DeployFailed(
                f"The image {image!r} is registered for jobs; endpoints of own images are not built yet."
            )
        return recipe

    def _fetch(self, ctx: Context, variant: Mapping[str, Any], folder: Path) -> Path:
        """The unpacked model in `folder`; fetched once, it appears whole or not at all."""
        model_dir = folder / "model"
        if model_dir.is_dir():
            return model_dir
        try:
            acting = self._as_role(ctx, variant) if is_fetched(variant["container"]) else ctx
            return fetch_model(acting, variant["container"], folder)
        except (ModelNotFetched, RoleError) as error:
            raise DeployFailed(f"Failed to download model data: {error}") from error

    def _as_role(self, ctx: Context, variant: Mapping[str, Any]) -> Context:
        """SageMaker reads nothing in its own right, so nobody reaches by a model what they could not read.

        Raises:
            RoleError: there is no role, or it cannot be assumed.
        """
        role_arn = variant["role"]
        if not role_arn:
            raise RoleError("the model has no ExecutionRoleArn, whose permissions reading it would need.")
        return ctx.acting_as(role_session(ctx, self._credentials, role_arn, {}).principal)

    def _route(self, record: Record, deployment: Mapping[str, Any]) -> None:
        self._routes.set(_address(record), _variants(record, deployment))


def live_variants(record: Record) -> list[Variant] | None:
    """Where requests for an endpoint go; None when it has no live deployment, or is being deleted."""
    live = record.state["live"]
    return _variants(record, live) if live and record.status != "Deleting" else None


def server_ids(record: Record, deployment: Mapping[str, Any] | None) -> list[str]:
    """The servers of a deployment; none for None."""
    if deployment is None:
        return []
    return [
        server
        for variant in deployment["variants"]
        for server in _variant_servers(record, deployment, variant)
    ]


def _variant_servers(record: Record, deployment: Mapping[str, Any], variant: Mapping[str, Any]) -> list[str]:
    stem = f"endpoint-{record.state['id']}-{deployment['id']}-{variant['name']}"
    return [f"{stem}-{number}" for number in range(1, variant["count"] + 1)]


def _variants(record: Record, deployment: Mapping[str, Any]) -> list[Variant]:
    return [
        Variant(
            variant["name"], float(variant["weight"]), tuple(_variant_servers(record, deployment, variant))
        )
        for variant in deployment["variants"]
    ]


def _address(record: Record) -> tuple[str, str, str]:
    return (record.account, record.region, record.name)
