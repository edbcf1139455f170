"""AWS managed keys: ``alias/aws/<service>`` is there for each account and region once it is first used."""

import re
from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.record import Record
from sagesse.core.scope import Scope, partition
from sagesse.engines.vault import Vault
from sagesse.services.kms._material import new_material
from sagesse.services.kms.kind import ALIAS, KEY, new_key_id, target_of

_SERVICES = frozenset(
    {"dynamodb", "ebs", "elasticfilesystem", "glue", "kinesis", "lambda", "rds", "s3", "sagemaker"}
    | {"secretsmanager", "sns", "sqs", "ssm"}
)
_NAME = re.compile(r"alias/aws/([a-z0-9-]+)")
YEAR_S = 365 * 86_400.0


def is_managed_alias(name: str) -> bool:
    """Whether an alias is one that only AWS itself may make."""
    return name.startswith("alias/aws/")


def managed_alias(ctx: Context, vault: Vault, name: str) -> Record | None:
    """The alias of an AWS managed key, made with its key now if need be; None when no service has it."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in _SERVICES:
        return None
    existing = ALIAS.find(ctx, name)
    if existing is not None and target_of(ctx, existing) is not None:
        return existing
    key = create_key(
        ctx,
        vault,
        {"Description": f"Default key that protects my {found[1]} data when no other key is defined"},
        policy=_policy(ctx.scope, found[1]),
        manager="AWS",
    )
    try:
        return ALIAS.create(ctx, {"AliasName": name, "TargetKeyId": key.name})
    except ServiceError:  # another call was first
        KEY.remove(ctx, key.name)
        return ALIAS.get(ctx, name)


def create_key(
    ctx: Context, vault: Vault, request: dict[str, Any], *, policy: str, manager: str = "CUSTOMER"
) -> Record:
    """A key with fresh material."""
    name = new_key_id()
    rotation = {"period": 365, "next": ctx.now() + YEAR_S} if manager == "AWS" else None
    state: dict[str, Any] = {
        "manager": manager,
        "policy": policy,
        "materials": [new_material(vault, KEY.arn(ctx.scope, name), ctx.now())],
        "grants": {},
        "rotation": rotation,
    }
    return KEY.create(ctx, request, name=name, state=state)


def _policy(scope: Scope, service: str) -> str:
    """Anybody in the account through the service; the account itself may look at the key."""
    via = {"kms:CallerAccount": scope.account, "kms:ViaService": f"{service}.{scope.region}.amazonaws.com"}
    statements: list[dict[str, Any]] = [
        {
            "Sid": f"Allow access through {service} for all principals in the account that may use {service}",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                *("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"),
                *("kms:CreateGrant", "kms:DescribeKey"),
            ],
            "Resource": "*",
            "Condition": {"StringEquals": via},
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition(scope.region)}:iam::{scope.account}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    ]
    return orjson.dumps({"Version": "2012-10-17", "Id": f"auto-{service}", "Statement": statements}).decode()
