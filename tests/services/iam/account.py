"""An account in memory of one test: IAM and STS behind the real pipeline and authorizer, without a wire."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagesse.core.audit import AuditLog
from sagesse.core.call import Call
from sagesse.core.meter import Meter
from sagesse.core.pipeline import Pipeline
from sagesse.core.policy import Identities, IdentityAuthorizer
from sagesse.core.principal import Principal
from sagesse.core.record import Key
from sagesse.core.service import Registry
from sagesse.core.store_sqlite import SqliteStore
from sagesse.services.iam import families
from sagesse.services.sts import TokenService
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
ROOT = Principal.root(ACCOUNT)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com", "AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        },
    }
)


class TestAccount:
    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "records.db", durable=False)
        self.clock = HandClock()
        self.identities = Identities(self.store, self.clock)
        self.authorizer = IdentityAuthorizer(self.identities)
        self.tokens = TokenService(self.identities, self.authorizer)
        self.audit = AuditLog(folder / "audit")
        self.woken: list[Key] = []
        self.pipeline = Pipeline(
            Registry([*families(self.identities, self.authorizer), self.tokens]),
            platform=self,
            authorizer=self.authorizer,
            audit=self.audit,
            meter=Meter(),
        )

    def call(self, call: Call) -> Mapping[str, Any]:
        return asyncio.run(self.pipeline.run(call))

    async def acall(self, call: Call) -> Mapping[str, Any]:
        return await self.pipeline.run(call)

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        self.woken.append(key)

    def ask(self, operation: str, principal: Principal = ROOT, service: str = "iam", **params: Any) -> Any:
        return self.call(
            Call(
                service=service,
                operation=operation,
                region="us-east-1",
                principal=principal,
                params=params,
                request_id="r-1",
            )
        )

    def user(self, name: str, *documents: str, **members: Any) -> Principal:
        """A new user with these inline policies, as its key makes it."""
        self.ask("CreateUser", UserName=name, **members)
        for number, text in enumerate(documents):
            self.ask("PutUserPolicy", UserName=name, PolicyName=f"p{number}", PolicyDocument=text)
        key = self.ask("CreateAccessKey", UserName=name)["AccessKey"]
        credential = self.identities.find(key["AccessKeyId"])
        assert credential is not None
        return credential.principal

    def role(self, name: str, *documents: str, trust: str = TRUST, **members: Any) -> str:
        """A new role with these inline policies; its ARN."""
        answer = self.ask("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust, **members)
        for number, text in enumerate(documents):
            self.ask("PutRolePolicy", RoleName=name, PolicyName=f"p{number}", PolicyDocument=text)
        return answer["Role"]["Arn"]

    def assume(self, arn: str, principal: Principal = ROOT, **members: Any) -> Any:
        request = {"RoleArn": arn, "RoleSessionName": "s", **members}
        return self.ask("AssumeRole", principal, service="sts", **request)

    def session(self, arn: str, **members: Any) -> Principal:
        """The principal of a session of the role."""
        answer = self.assume(arn, **members)
        credential = self.identities.find(answer["Credentials"]["AccessKeyId"])
        assert credential is not None
        return credential.principal

    def now(self) -> float:
        """As `Context.now`, for handlers that need no more of a context."""
        return self.clock.now()

    def close(self) -> None:
        self.pipeline.close()
        self.store.close()
        self.audit.close()
