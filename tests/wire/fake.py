"""A wire server on loopback whose pipeline is a dictionary, for tests of what stands before the services."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import uvloop

from sagesse.core.body import FileSlice, Upload
from sagesse.core.call import Call
from sagesse.core.clock import SystemClock
from sagesse.core.error import NotImplementedOperation
from sagesse.core.principal import Credential, Principal
from sagesse.wire.authenticate import Authenticator
from sagesse.wire.authority import Authority
from sagesse.wire.gateway import Gateway, Limits
from sagesse.wire.server import WireServer, serve

ACCOUNT = "123456789012"
KEY = Credential("AKIATESTTESTTESTTEST", "secret/of+the=tests", Principal.root(ACCOUNT))
SESSION = Credential(
    "ASIATESTTESTTESTTEST",
    "session-secret",
    Principal(account=ACCOUNT, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", kind="role"),
    session_token="token==",
    expires=4e9,
)
OLD_SESSION = Credential("ASIAOLDOLDOLDOLDOLDO", "x", KEY.principal, session_token="old", expires=1.0)


class Keys:
    """The credentials of the tests."""

    def find(self, access_key_id: str) -> Credential | None:
        return {key.access_key_id: key for key in (KEY, SESSION, OLD_SESSION)}.get(access_key_id)


Handler = Callable[[Call], Coroutine[Any, Any, Mapping[str, Any]]]


class FakePipeline:
    """Remembers calls and answers a few operations."""

    def __init__(self, folder: Path) -> None:
        self.calls: list[Call] = []
        self.folder = folder
        self.handlers: dict[str, Handler] = {
            "GetCallerIdentity": self._identity,
            "PutObject": self._put,
            "UploadPart": self._put,
            "GetObject": self._get,
            "HeadObject": self._head,
            "ListTrainingJobs": self._list,
            "InvokeEndpoint": self._invoke,
            "PutMetricData": self._nothing,
            "GetThingShadow": self._broken,
        }

    async def run(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        call.check()
        handler = self.handlers.get(call.operation)
        if handler is None:
            raise NotImplementedOperation(call.service, call.operation)
        return await handler(call)

    async def _identity(self, call: Call) -> Mapping[str, Any]:
        principal = call.principal
        return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}

    async def _put(self, call: Call) -> Mapping[str, Any]:
        upload: Upload = call.params["Body"]
        digest, size = hashlib.md5(), 0
        async for piece in upload:
            digest.update(piece)
            size += len(piece)
        call.params["size"], call.params["trailers"] = size, upload.trailers
        return {"ETag": f'"{digest.hexdigest()}"'}

    async def _get(self, call: Call) -> Mapping[str, Any]:
        path = self.folder / call.params["Key"]
        size = path.stat().st_size if path.exists() else 1
        return {
            "Body": FileSlice(path, 0, size),
            "ContentLength": size,
            "ETag": '"x"',
            "Metadata": {"a": "b"},
        }

    async def _head(self, call: Call) -> Mapping[str, Any]:
        return {"ContentLength": 12345, "ETag": '"x"'}

    async def _list(self, call: Call) -> Mapping[str, Any]:
        return {"TrainingJobSummaries": []}

    async def _invoke(self, call: Call) -> Mapping[str, Any]:
        return {"Body": call.params["Body"], "ContentType": "application/json"}

    async def _nothing(self, call: Call) -> Mapping[str, Any]:
        return {}

    async def _broken(self, call: Call) -> Mapping[str, Any]:
        raise RuntimeError("a secret detail")


class FakeServer:
    """A server in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        accepts_unknown_keys: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.pipeline = FakePipeline(folder)
        self.authority = Authority(folder / "ca")
        self._gateway = Gateway(
            self.pipeline,
            Authenticator(Keys(), clock=SystemClock(), accepts_unknown_keys=accepts_unknown_keys),
            limits=limits,
        )
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        self.server: WireServer = self.on_loop(serve(self._gateway, authority=self.authority))
        return self

    def __exit__(self, *_: object) -> None:
        self.on_loop(self.server.stop(grace_s=2))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    def on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Call:
        return self.pipeline.calls[-1]
