"""Generated sequences of operations in a bucket with versions against lists that do the same."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import (
    NULL_VERSION,
    Address,
    Attributes,
    Condition,
    Deleted,
    ObjectInfo,
    Versioning,
)
from sagesse.testing import object_store as suite
from sagesse.testing import object_version as versions
from tests.engines.objects.test_model import BODIES, INLINE_BYTES, Body

KEYS = st.sampled_from(["a", "a/b", "é"])


class VersionedStore(RuleBasedStateMachine):
    """`model` maps keys to (version, bytes or None for a marker), the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[str, list[tuple[str, bytes | None]]] = {}
        self.versioning: Versioning = ""
        self.open()
        suite.new_bucket(self.store)

    def open(self) -> None:
        self.store = LocalObjectStore(
            self.folder, durable=False, grace_s=0, inline_bytes=INLINE_BYTES, min_part_bytes=0
        )

    def add(self, key: str, version: str, body: bytes | None) -> None:
        """What a write does to the model."""
        past = self.model.get(key, [])
        assert (version == NULL_VERSION) == (self.versioning != "Enabled")
        if version == NULL_VERSION:
            past = [entry for entry in past if entry[0] != NULL_VERSION]
        self.model[key] = [(version, body), *past]

    @rule(versioning=st.sampled_from(["Enabled", "Suspended"]))
    def switch(self, versioning: Versioning) -> None:
        versions.version(self.store, versioning)
        self.versioning = versioning

    @rule(key=KEYS, body=BODIES)
    def put(self, key: str, body: Body) -> None:
        self.add(key, suite.put(self.store, key, body.data).version, body.data)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        outcome = versions.delete(self.store, key)
        if self.versioning:
            assert outcome.is_marker
            self.add(key, outcome.version or "", None)
        else:
            self.model.pop(key, None)

    @rule(key=KEYS, data=st.data())
    def delete_version(self, key: str, data: Any) -> None:
        if not self.model.get(key):
            return
        version, body = data.draw(st.sampled_from(self.model[key]))
        assert versions.delete(self.store, key, version) == Deleted(version, is_marker=body is None)
        self.model[key] = [entry for entry in self.model[key] if entry[0] != version]

    @rule(key=KEYS, to=KEYS, data=st.data())
    def copy_version(self, key: str, to: str, data: Any) -> None:
        kept = [entry for entry in self.model.get(key, []) if entry[1] is not None]
        if not kept:
            return
        version, body = data.draw(st.sampled_from(kept))

        async def work() -> ObjectInfo:
            found = await self.store.get(Address(suite.BUCKET, key), version)
            target = Address(suite.BUCKET, to)
            return await self.store.copy(found, target, Attributes(), algorithm=None, condition=Condition())

        self.add(to, suite.run(work()).version, body)

    @rule(key=KEYS, bodies=st.lists(BODIES, min_size=1, max_size=3))
    def multipart(self, key: str, bodies: list[Body]) -> None:
        upload = suite.new_upload(self.store, key)
        pieces = [body.data for body in bodies]
        parts = [suite.put_part(self.store, upload, at, piece) for at, piece in enumerate(pieces, start=1)]
        self.add(key, suite.complete(self.store, upload, *parts).version, b"".join(pieces))

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.open()

    @rule()
    def sweep(self) -> None:
        self.store.sweep()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        wanted = [
            (key, version, at == 0, body is None)
            for key in sorted(self.model, key=str.encode)
            for at, (version, body) in enumerate(self.model[key])
        ]
        for limit in (1, 2, 1000):
            assert versions.listed(self.store, limit=limit) == wanted
        current = {key: past[0][1] for key, past in self.model.items() if past and past[0][1] is not None}
        assert suite.keys(suite.page(self.store)) == sorted(current, key=str.encode)
        assert {key: suite.read(self.store, key) for key in current} == current
        for key, past in self.model.items():
            for version, body in past:
                if body is not None:
                    assert versions.read_version(self.store, key, version) == body

    def teardown(self) -> None:
        self.store.sweep()
        files = {str(file.relative_to(self.folder / "blobs")) for file in self.folder.glob("blobs/*/*/*")}
        reader = self.store._database.reader
        blobs = {row[0] for row in reader.execute("SELECT id FROM blob")}
        bodies = {row[0] for row in reader.execute("SELECT id FROM body")}
        named = {
            row[0]
            for table in ("object", "version")
            for row in reader.execute(f"SELECT body FROM {table} WHERE body IS NOT NULL")
        }
        self.store.close()
        shutil.rmtree(self.folder)
        assert files == blobs
        assert bodies == named


VersionedStore.TestCase.settings = settings(
    max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestVersionModel = pytest.mark.timeout(120)(
    VersionedStore.TestCase
)  # some seconds: each example opens a store
