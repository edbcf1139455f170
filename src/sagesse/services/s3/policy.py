"""Bucket policies."""

from collections.abc import Iterable
from typing import Any, cast

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import Facts, MalformedPolicy, Policy, Verdict, compile_policy, decide_for
from sagesse.core.scope import parse_arn
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Bucket
from sagesse.services.s3._access import ON_BUCKET, ON_OBJECT
from sagesse.services.s3._error import access_denied
from sagesse.services.s3._family import Family
from sagesse.services.s3._public import is_public
from sagesse.services.s3._setting import POLICY, public_access_of

_MAX_BYTES = 20 * 1024
_ON_BUCKETS = frozenset(action.lower() for action in ON_BUCKET.values())
_ON_OBJECTS = frozenset(action.lower() for actions in ON_OBJECT.values() for action in actions)


class Policies(Family):
    """The policy of a bucket: evaluated for every call that concerns it (see `_guard`)."""

    async def get_bucket_policy(self, ctx: Context, req: Params) -> Result:
        """The policy as it was put."""
        return {"Policy": _policy_of(self._bucket(req))}

    async def put_bucket_policy(self, ctx: Context, req: Params) -> Result:
        """Replace the policy; it holds from the next call on."""
        bucket = self._bucket(req)
        text = str(req["Policy"])
        policy = _compiled(text, bucket)
        if public_access_of(bucket).blocks_policy and is_public(text):
            raise _blocked(ctx, bucket)
        if not req.get("ConfirmRemoveSelfBucketAccess") and _shuts_out(ctx, policy, bucket):
            raise access_denied()
        await self._objects.configure_bucket(bucket.name, POLICY, text)
        return None

    async def delete_bucket_policy(self, ctx: Context, req: Params) -> Result:
        """Remove the policy, if there is one."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, POLICY, None)
        return None

    async def get_bucket_policy_status(self, ctx: Context, req: Params) -> Result:
        """Whether the policy makes the bucket public."""
        return {"PolicyStatus": {"IsPublic": is_public(_policy_of(self._bucket(req)))}}


def _policy_of(bucket: Bucket) -> str:
    policy = bucket.settings.get(POLICY)
    if policy is None:
        fields = {"BucketName": bucket.name}
        raise ServiceError(
            "NoSuchBucketPolicy", "The bucket policy does not exist", status=404, fields=fields
        )
    return str(policy)


def _compiled(text: str, bucket: Bucket) -> Policy:
    """The policy, when it is one for this bucket.

    Raises:
        ServiceError: MalformedPolicy, in S3's words.
    """
    if len(text.encode()) > _MAX_BYTES:
        raise _malformed(
            f"Normalized policy document exceeds the maximum allowed size of {_MAX_BYTES} bytes."
        )
    try:
        document: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    try:
        policy = compile_policy(text, "resource")
    except MalformedPolicy as error:
        raise _malformed(_wording(error.message)) from None
    found: Any = cast("dict[str, Any]", document)["Statement"]
    for statement in _texts(found):
        _check_reach(cast("dict[str, Any]", statement), bucket.name)
    return policy


def _check_reach(statement: dict[str, Any], bucket: str) -> None:
    """The actions are S3's, the resources this bucket and its objects, and they fit one another."""
    actions = [str(action).lower() for action in _texts(statement.get("Action", statement.get("NotAction")))]
    if any(action != "*" and not action.startswith("s3:") for action in actions):
        raise _malformed("Policy has invalid action")
    resources = _texts(statement.get("Resource", statement.get("NotResource")))
    paths: list[str] = []
    for resource in resources:
        arn = parse_arn(str(resource))
        if arn is None or (arn.service, arn.region, arn.account) != ("s3", "", ""):
            raise _malformed("Policy has invalid resource")
        name, slash, _ = arn.resource.partition("/")
        if name not in {bucket, f"{bucket}*"}:
            raise _malformed("Policy has invalid resource")
        paths.append(name + slash)
    if "Action" not in statement or "Resource" not in statement:
        return
    has_bucket = any(not path.endswith("/") for path in paths)
    has_objects = any(path.endswith(("/", "*")) for path in paths)
    for action in actions:
        name = action.removeprefix("s3:")
        if (name in _ON_BUCKETS and not has_bucket) or (name in _ON_OBJECTS and not has_objects):
            raise _malformed("Action does not apply to any resource(s) in statement")


def _wording(message: str) -> str:
    """IAM's complaint in S3's words, where they differ."""
    if message.startswith(("Actions/Condition", "Vendor", "Policy statement must contain actions")):
        return "Policy has invalid action"
    if message.startswith("Resource "):
        return "Policy has invalid resource"
    if message.startswith("Invalid principal"):
        return "Invalid principal in policy"
    return "Invalid policy syntax." if message.startswith("Syntax") else message


def _shuts_out(ctx: Context, policy: Policy, bucket: Bucket) -> bool:
    """Whether the caller could not take the policy back."""
    if ctx.principal.kind == "root" and ctx.principal.account == bucket.account:
        return False
    facts = Facts.of({"aws:PrincipalArn": ctx.principal.role_arn or ctx.principal.arn})
    resource = f"arn:aws:s3:::{bucket.name}"
    said = decide_for(policy, ctx.principal, "s3:PutBucketPolicy", resource, facts)
    return said.verdict is Verdict.EXPLICIT_DENY


def _blocked(ctx: Context, bucket: Bucket) -> ServiceError:
    return ServiceError(
        "AccessDenied",
        f"User: {ctx.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
        f'"arn:aws:s3:::{bucket.name}" because public policies are prevented by the BlockPublicPolicy setting in S3 '
        "Block Public Access.",
        status=403,
    )


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedPolicy", message, status=400)


def _texts(value: Any) -> Iterable[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
