"""Generated sequences of operations against a dictionary that does the same."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Condition, Deletion, ListQuery
from sagesse.testing import object_store as suite


class Body(NamedTuple):
    """Bytes by a short name, so that a failing example can be read."""

    letter: str
    size_bytes: int

    @property
    def data(self) -> bytes:
        return self.letter.encode() * self.size_bytes


KEYS = st.sampled_from(["a", "a/", "a/b", "a/b/c", "b", "é", "😀"])
BODIES = st.tuples(st.sampled_from("xy"), st.sampled_from([0, 1, 50, 70_000, 200_000])).map(
    lambda wish: Body(*wish)
)
INLINE_BYTES = 64


class Store(RuleBasedStateMachine):
    """`model` maps keys to (bytes, tags); every step leaves store and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.open()
        suite.new_bucket(self.store)

    def open(self) -> None:
        self.store = LocalObjectStore(
            self.folder, durable=False, grace_s=0, inline_bytes=INLINE_BYTES, min_part_bytes=0
        )

    @rule(key=KEYS, body=BODIES)
    def put(self, key: str, body: Body) -> None:
        suite.put(self.store, key, body.data)
        self.model[key] = (body.data, {})

    @rule(key=KEYS, body=BODIES)
    def create_only(self, key: str, body: Body) -> None:
        if key not in self.model:
            suite.put(self.store, key, body.data, condition=Condition(if_none_match="*"))
            self.model[key] = (body.data, {})
            return
        with pytest.raises(ServiceError, match="PreconditionFailed"):
            suite.put(self.store, key, body.data, condition=Condition(if_none_match="*"))

    @rule(keys=st.lists(KEYS, min_size=1, max_size=3, unique=True))
    def delete(self, keys: list[str]) -> None:
        suite.run(self.store.delete(suite.BUCKET, [Deletion(key) for key in keys]))
        for key in keys:
            self.model.pop(key, None)

    @rule(source=KEYS, to=KEYS)
    def copy(self, source: str, to: str) -> None:
        async def work() -> None:
            found = await self.store.get(Address(suite.BUCKET, source))
            address = Address(suite.BUCKET, to)
            await self.store.copy(found, address, Attributes(), algorithm=None, condition=Condition())

        self.like_the_model(source, work())
        if source in self.model:
            self.model[to] = (self.model[source][0], {})

    @rule(key=KEYS, value=st.text(max_size=3))
    def tag(self, key: str, value: str) -> None:
        self.like_the_model(key, self.store.tag(Address(suite.BUCKET, key), {"t": value}))
        if key in self.model:
            self.model[key] = (self.model[key][0], {"t": value})

    @rule(key=KEYS, bodies=st.lists(BODIES, min_size=1, max_size=4), source=KEYS)
    def multipart(self, key: str, bodies: list[Body], source: str) -> None:
        upload = suite.new_upload(self.store, key)
        pieces = [body.data for body in bodies]
        parts = [suite.put_part(self.store, upload, at, piece) for at, piece in enumerate(pieces, start=2)]
        if source in self.model:
            pieces.insert(0, self.model[source][0])
            found = suite.run(self.store.get(Address(suite.BUCKET, source)))
            parts.insert(0, suite.run(self.store.copy_part(upload, 1, found, 0, len(pieces[0]))))
        suite.complete(self.store, upload, *parts)
        self.model[key] = (b"".join(pieces), {})

    @rule(key=KEYS, body=BODIES)
    def abort(self, key: str, body: Body) -> None:
        upload = suite.new_upload(self.store, key)
        suite.put_part(self.store, upload, 1, body.data)
        suite.run(self.store.abort(upload))

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.open()

    @rule()
    def sweep(self) -> None:
        self.store.sweep()

    @rule(key=KEYS, data=st.data())
    def read_slice(self, key: str, data: Any) -> None:
        if key in self.model:
            body = self.model[key][0]
            start = data.draw(st.integers(0, len(body)))
            size = data.draw(st.integers(0, len(body) - start))
            assert suite.read(self.store, key, start, size) == body[start : start + size]

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        listed = suite.run(self.store.page(suite.BUCKET, ListQuery()))
        assert suite.keys(listed) == sorted(self.model, key=str.encode)
        for key, (body, tags) in self.model.items():
            assert suite.read(self.store, key) == body
            assert suite.run(self.store.get(Address(suite.BUCKET, key))).info.attributes.tags == tags

    def teardown(self) -> None:
        self.store.sweep()
        files = {str(file.relative_to(self.folder / "blobs")) for file in self.folder.glob("blobs/*/*/*")}
        blobs = {row[0] for row in self.store._database.reader.execute("SELECT id FROM blob")}
        self.store.close()
        shutil.rmtree(self.folder)
        assert files == blobs

    def like_the_model(self, key: str, work: Any) -> None:
        """`work` is done if the key exists, and refused if not."""
        if key in self.model:
            suite.run(work)
        else:
            assert suite.refusal(work).code == "NoSuchKey"


Store.TestCase.settings = settings(
    max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestModel = pytest.mark.timeout(120)(Store.TestCase)  # some seconds: each example opens a store
