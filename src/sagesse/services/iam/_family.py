"""What the resource families of IAM share: the ARN a permission is about, own-user calls, documents, boundaries."""

from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import quote

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.policy import Identities, IdentityAuthorizer, compile_policy
from sagesse.core.policy.aws_managed import managed_policies
from sagesse.core.scope import Scope, parse_arn
from sagesse.core.service import Facts, Grant, Params, Service
from sagesse.services.iam.error import unattachable_policy, validation_failed
from sagesse.services.iam.kind import POLICY, ROLE, USER, path_arn

_OWN_USER = frozenset({"GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"})
_OF_POLICY = frozenset(
    {"GetPolicy", "DeletePolicy", "ListEntitiesForPolicy", "TagPolicy", "UntagPolicy", "ListPolicyTags"}
)


class Family(Service):
    """Base of IAM's families."""

    service: ClassVar[str] = "iam"

    def __init__(self, identities: Identities, authorizer: IdentityAuthorizer) -> None:
        self._identities = identities
        self._authorizer = authorizer

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """The identity or policy an operation is about, under its real path."""
        if operation in _OWN_USER and "UserName" not in params:
            return ()  # about the caller: `_own_name` asks
        return (Grant(f"iam:{operation}", self._subject(operation, params, scope.account)),)

    def _facts(self, operation: str, params: Params) -> Facts:
        """The policy that is attached or taken off, and the boundary that is asked for."""
        given = {"iam:PermissionsBoundary": params.get("PermissionsBoundary")}
        if operation.startswith(("Attach", "Detach")):
            given["iam:PolicyARN"] = params.get("PolicyArn")
        return {key: str(value) for key, value in given.items() if value is not None}

    def _subject(self, operation: str, params: Params, account: str) -> str:
        is_about_policy = operation in _OF_POLICY or "PolicyVersion" in operation
        if is_about_policy and "PolicyArn" in params:
            return str(params["PolicyArn"])
        if operation == "CreatePolicy":
            return self._arn_of(POLICY, params, account)
        if "UserName" in params:
            return self._arn_of(USER, params, account)
        if "RoleName" in params:
            return self._arn_of(ROLE, params, account)
        return str(params.get("PolicySourceArn", "*"))

    def _arn_of(self, kind: Kind, params: Params, account: str) -> str:
        name = str(params.get(kind.key, ""))
        record = self._identities.store.get(kind.record_key(Scope(account, ""), name))
        return record.arn if record else path_arn(kind, account, name, str(params.get("Path", "/")))

    def _own_name(self, ctx: Context, req: Params, operation: str) -> str | None:
        """The user that is meant: the one named, else the caller, whose permission is asked here; None for root.

        Raises:
            ServiceError: access denied, or the caller is no user.
        """
        if "UserName" in req:
            return str(req["UserName"])
        principal = ctx.principal
        if principal.kind == "root":
            return None
        if principal.kind != "user":
            raise validation_failed("Must specify userName when calling with non-User credentials")
        self._authorizer.require(ctx, "iam", Grant(f"iam:{operation}", principal.arn))
        return principal.name

    def _boundary(self, ctx: Context, req: Params) -> dict[str, Any]:
        """The output members of a requested permissions boundary.

        Raises:
            ServiceError: there is no such policy.
        """
        arn = req.get("PermissionsBoundary")
        if arn is None:
            return {}
        self._check_attachable(ctx, str(arn))
        boundary = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": str(arn),
        }
        return {"PermissionsBoundary": boundary}

    def _check_attachable(self, ctx: Context, arn: str) -> None:
        """Only policies of AWS and of the account itself."""
        parsed = parse_arn(arn)
        is_own = parsed is not None and parsed.account == ctx.account
        if arn not in managed_policies() and not (is_own and self._identities.document(arn) is not None):
            raise unattachable_policy(arn)


def quoted(document: str) -> str:
    """A policy document as IAM answers it: URL-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def checked(document: str) -> str:
    """The document, which is a valid identity policy.

    Raises:
        MalformedPolicy: it is not.
    """
    compile_policy(document)
    return document


def size_of(document: str) -> int:
    """The length that quotas count: white space is free."""
    return sum(not character.isspace() for character in document)
