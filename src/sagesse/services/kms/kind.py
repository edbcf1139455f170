"""Keys and aliases: how they are kept, named and found."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import Record
from sagesse.core.scope import Scope, parse_arn, partition
from sagesse.services.kms.error import alias_exists, invalid_key_id, key_exists, no_alias, no_key

ENABLED, DISABLED, PENDING = "Enabled", "Disabled", "PendingDeletion"
_KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

KEY = Kind(
    service="kms",
    name="Key",
    key="KeyId",
    arn_path="key/{name}",
    missing=lambda _, arn: no_key(arn),
    duplicate=lambda record: key_exists(record.arn),
    lifecycle=Lifecycle(
        initial=ENABLED,
        moves={ENABLED: {DISABLED, PENDING}, DISABLED: {ENABLED, PENDING}, PENDING: {DISABLED}},
        rest=frozenset({ENABLED, DISABLED}),
    ),
    arn_member="Arn",
    status_member="KeyState",
    created_member="CreationDate",
    lists_descending=False,
    page_size=100,
)
ALIAS = Kind(
    service="kms",
    name="Alias",
    key="AliasName",
    arn_path="{name}",
    is_arn_lower=False,
    missing=lambda _, arn: no_alias(arn),
    duplicate=lambda record: alias_exists(record.arn),
    arn_member="AliasArn",
    created_member="CreationDate",
    modified_member="LastUpdatedDate",
    lists_descending=False,
    page_size=50,
)


def new_key_id() -> str:
    """An id for a new key."""
    return str(uuid.uuid4())


def default_policy(scope: Scope) -> str:
    """The policy of a key that is created without one: the account's own policies decide."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition(scope.region)}:iam::{scope.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def find_key(ctx: Context, text: str) -> Record:
    """The key of an id or a key ARN; a key of another account only by its ARN.

    Raises:
        ServiceError: NotFoundException.
    """
    arn = parse_arn(text)
    if arn is None:
        if not _KEY_ID.fullmatch(text):
            raise invalid_key_id(text)
        return KEY.get(ctx, text)
    if arn.service != "kms" or not arn.resource.startswith("key/") or arn.region != ctx.region:
        raise invalid_key_id(text)
    record = ctx.store.by_arn(text)
    if record is None or record.kind != KEY.id:
        raise no_key(text)
    return record


def find_alias(ctx: Context, text: str) -> Record | None:
    """The alias of a name or an alias ARN of this region, or None."""
    arn = parse_arn(text)
    if arn is None:
        return ALIAS.find(ctx, text)
    record = ctx.store.by_arn(text) if arn.region == ctx.region else None
    return record if record is not None and record.kind == ALIAS.id else None


def is_alias(text: str) -> bool:
    """Whether `text` names an alias, by name or ARN."""
    arn = parse_arn(text)
    return (arn.resource if arn else text).startswith("alias/")


def alias_name(text: str) -> str:
    """The name of an alias given by name or ARN."""
    arn = parse_arn(text)
    return arn.resource if arn else text


def alias_arn(ctx: Context, text: str) -> str:
    """The ARN of an alias given by name or ARN."""
    return text if parse_arn(text) else ALIAS.arn(ctx.scope, text)


def target_of(ctx: Context, alias: Record) -> Record | None:
    """The key an alias stands for; None when it is gone."""
    return ctx.store.get(KEY.record_key(alias.scope, alias.request["TargetKeyId"]))


def metadata(record: Record) -> Mapping[str, Any]:
    """A key as DescribeKey shows it."""
    shown: dict[str, Any] = {
        "AWSAccountId": record.account,
        "KeyId": record.name,
        "Arn": record.arn,
        "CreationDate": record.created,
        "Enabled": record.status == ENABLED,
        "Description": record.request.get("Description", ""),
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": record.status,
        "Origin": "AWS_KMS",
        "KeyManager": record.state["manager"],
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
        "CurrentKeyMaterialId": record.state["materials"][-1]["id"],
    }
    if record.status == PENDING:
        shown["DeletionDate"] = record.state["deletion"]
    return shown
