"""Which services there are, by target prefix, signing name and endpoint prefix, without loading their models.

The metadata stands at the head of each model file, so a few kilobytes of each are inflated: all services
together cost a few milliseconds, where loading the models would cost a second.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore  # pyright: ignore[reportMissingTypeStubs]

from sagesse.core.model import service_model

_HEAD_BYTES = 8192


class Catalog:
    """An index over the metadata of `services`, which are botocore's names."""

    def __init__(self, services: Iterable[str]) -> None:
        self.services = tuple(services)
        self.metadata = {name: _metadata(name) for name in self.services}
        self._by_target = self._index(lambda entry: entry.get("targetPrefix"))
        self._by_signing_name = self._index(lambda entry: entry.get("signingName") or entry["endpointPrefix"])
        self._by_endpoint = self._index(lambda entry: entry["endpointPrefix"])
        self._by_version = self._index(lambda entry: entry["apiVersion"])

    def by_target(self, prefix: str) -> tuple[str, ...]:
        """Services whose `x-amz-target` starts with `prefix`."""
        return self._by_target.get(prefix, ())

    def by_signing_name(self, name: str) -> tuple[str, ...]:
        """Services signed as `name`."""
        return self._by_signing_name.get(name, ())

    def by_endpoint(self, prefix: str) -> tuple[str, ...]:
        """Services whose host starts with `prefix`."""
        return self._by_endpoint.get(prefix, ())

    def by_version(self, version: str) -> tuple[str, ...]:
        """Services whose API has that version."""
        return self._by_version.get(version, ())

    def is_rest(self, service: str) -> bool:
        """Whether the service is addressed by paths."""
        return str(self.metadata[service]["protocol"]).startswith("rest")

    def signing_name(self, service: str) -> str:
        """The service's name in a credential scope."""
        entry = self.metadata[service]
        return entry.get("signingName") or entry["endpointPrefix"]

    def _index(self, key: Callable[[Mapping[str, Any]], str | None]) -> dict[str, tuple[str, ...]]:
        index: dict[str, tuple[str, ...]] = {}
        for name, entry in self.metadata.items():
            if value := key(entry):
                index[value] = (*index.get(value, ()), name)
        return index


@cache
def _metadata(service: str) -> Mapping[str, Any]:
    folder = Path(str(botocore.__file__)).parent / "data" / service
    newest = max(child for child in folder.iterdir() if child.is_dir())
    packed = newest / "service-2.json.gz"
    if not packed.exists():
        return service_model(service).metadata
    with packed.open("rb") as file:
        head = zlib.decompressobj(wbits=31).decompress(file.read(_HEAD_BYTES)).decode("utf-8", "ignore")
    try:
        metadata: Mapping[str, Any] = json.JSONDecoder().raw_decode(
            head, head.index("{", head.index('"metadata"'))
        )[0]
    except ValueError:
        return service_model(service).metadata
    return metadata
