"""All that we ask of Ray itself. Only the driver process imports Ray."""

import importlib
import logging
from typing import Any

from sagesse.engines.jobs.ray.home import Home
from sagesse.engines.jobs.ray.host import RunHost
from sagesse.engines.jobs.ray.placement import Place

_CALLS_AT_ONCE = 8


class Cluster:
    """A connection to a Ray cluster of which this machine is a node.

    Args:
        address: ``auto``, or host and port of its head.
        home: its id is the namespace of our actors and placement groups.

    Raises:
        ConnectionError: there is no cluster at the address.
    """

    def __init__(self, address: str, home: Home) -> None:
        self._ray: Any = importlib.import_module("ray")
        self._groups: Any = importlib.import_module("ray.util.placement_group")
        self._strategies: Any = importlib.import_module("ray.util.scheduling_strategies")
        self._home = home
        errors: Any = importlib.import_module("ray.exceptions")
        self.host_gone: type[Exception] = errors.RayActorError
        self.host_unavailable: type[Exception] = errors.ActorUnavailableError
        self._ray.init(
            address=address, namespace=home.namespace, log_to_driver=False, logging_level=logging.WARNING
        )
        self._host_class: Any = self._ray.remote(RunHost)

    def hosts(self) -> list[str]:
        """The run ids of the actors that live or will."""
        return list(self._ray.util.list_named_actors())

    def find(self, run_id: str) -> Any:
        """The actor of the run, whose methods have a ``remote``; None when there is none (any more)."""
        try:
            return self._ray.get_actor(run_id)
        except ValueError:
            return None

    def create(self, run_id: str, place: Place) -> Any:
        """The actor of the run, made when there is none; it begins when its place is free."""
        strategy = self._strategies.PlacementGroupSchedulingStrategy(
            self._group(place), placement_group_bundle_index=place.bundle
        )
        options = {
            "name": run_id,
            "lifetime": "detached",
            "max_restarts": 0,
            "max_concurrency": _CALLS_AT_ONCE,
            "num_cpus": 0,  # the bundle has them
            "scheduling_strategy": strategy,
        }
        try:
            return self._host_class.options(**options).remote(run_id, self._home)
        except ValueError:  # someone was faster
            return self.find(run_id)

    def kill(self, host: Any) -> None:
        """End an actor, and with it what it runs."""
        self._ray.kill(host)

    async def addresses(self, place: Place) -> list[str]:
        """The machines of a group's bundles, in their order; waits until the group is placed."""
        group = self._group(place)
        await group.ready()
        nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in self._ray.nodes()}
        at: dict[int, str] = self._groups.placement_group_table(group)["bundles_to_node_id"]
        return [nodes[at[index]] for index in range(place.bundles)]

    def free(self, group: str) -> None:
        """Give the cores of a group back, and end the actors in it."""
        try:
            self._groups.remove_placement_group(self._groups.get_placement_group(self._group_name(group)))
        except ValueError:
            return

    def _group(self, place: Place) -> Any:
        name = self._group_name(place.group)
        try:
            return self._groups.get_placement_group(name)
        except ValueError:
            cores = min(place.cores, self._largest_node())
            bundles = [{"CPU": cores}] * place.bundles
            return self._groups.placement_group(bundles, strategy="PACK", name=name, lifetime="detached")

    def _group_name(self, group: str) -> str:
        return f"{self._home.id}-{group}"

    def _largest_node(self) -> float:
        """Cores of the largest node: a run that asks for more gets those, as on one machine."""
        nodes: list[Any] = self._ray.nodes()
        return max((node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]), default=0) or 1
