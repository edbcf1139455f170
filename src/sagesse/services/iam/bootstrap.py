"""The identities a fresh account starts with."""

from typing import NamedTuple

from sagesse.core.clock import Clock
from sagesse.core.error import ServiceError
from sagesse.core.identifier import new_unique_id
from sagesse.core.record import Listing, Record, Store
from sagesse.core.scope import Scope
from sagesse.services.iam._family import quoted
from sagesse.services.iam.access_key import new_key
from sagesse.services.iam.kind import ACCESS_KEY, ROLE, insert

EXECUTION_ROLE = "sagemaker"
_POLICIES = (
    "AmazonSageMakerFullAccess",
    "AmazonS3FullAccess",
    "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
    "IAMReadOnlyAccess",
)
_TRUST = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com", "AWS": "arn:aws:iam::%s:root"},
    "Action": ["sts:AssumeRole", "sts:TagSession"]
  }]
}"""


class RootKey(NamedTuple):
    """The account's own access key."""

    access_key_id: str
    secret: str


def bootstrap(store: Store, account: str, clock: Clock) -> RootKey:
    """The account's root key; at the first start it is made, and the role `sagemaker` with it.

    The role trusts SageMaker and the account, and may use SageMaker, S3, CloudWatch and Logs and read IAM.
    """
    key = _root_key(store, account)
    if key is None:
        _execution_role(store, account, clock.now())
        key = new_key(store, account, "", clock.now())
    return RootKey(key.name, key.state["secret"])


def _root_key(store: Store, account: str) -> Record | None:
    listing = Listing(sort="name", limit=10_000)
    keys = store.list(ACCESS_KEY.id, Scope(account, ""), listing)
    usable = (key for key in keys if not key.request["UserName"] and key.output["Status"] == "Active")
    return next(usable, None)


def _execution_role(store: Store, account: str, now: float) -> None:
    trust = _TRUST % account
    try:
        insert(
            store,
            ROLE,
            {
                "RoleName": EXECUTION_ROLE,
                "MaxSessionDuration": 12 * 3600,
                "Description": "The execution role Sagesse starts with",
            },
            account=account,
            now=now,
            output={"RoleId": new_unique_id("AROA"), "AssumeRolePolicyDocument": quoted(trust)},
            state={
                "inline": {},
                "attached": [f"arn:aws:iam::aws:policy/{name}" for name in _POLICIES],
                "trust": trust,
            },
        )
    except ServiceError:
        return  # made by a first start that was interrupted before the key
