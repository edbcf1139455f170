"""Access control lists: how requests name them, how they are kept, and what they allow.

A list is kept as JSON text and read as a policy, so that the authorizer knows one language only.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from sagesse.core.error import ServiceError
from sagesse.core.policy import Policy, compile_policy
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import invalid_argument, malformed_xml

_GROUPS = "http://acs.amazonaws.com/groups/"
EVERYBODY = f"{_GROUPS}global/AllUsers"
SIGNED = f"{_GROUPS}global/AuthenticatedUsers"
_LOGS = f"{_GROUPS}s3/LogDelivery"
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_GRANTEE = re.compile(r'\s*+(id|uri|emailAddress)\s*+=\s*+"?+([^",]*+)"?+\s*+')
_MAX_GRANTS = 100
_HEADERS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
_CANNED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((EVERYBODY, "READ"),),
    "public-read-write": ((EVERYBODY, "READ"), (EVERYBODY, "WRITE")),
    "authenticated-read": ((SIGNED, "READ"),),
    "log-delivery-write": ((_LOGS, "WRITE"), (_LOGS, "READ_ACP")),
}
_OF_OWNER = {"bucket-owner-read": "READ", "bucket-owner-full-control": "FULL_CONTROL"}
_ON_BUCKET = {
    "READ": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    "WRITE": ["s3:PutObject", "s3:PutObjectAcl"],  # the latter of objects that are not there yet
    "READ_ACP": ["s3:GetBucketAcl"],
    "WRITE_ACP": ["s3:PutBucketAcl"],
}
_ON_OBJECT = {
    "READ": ["s3:GetObject", "s3:GetObjectVersion"],
    "WRITE": [],
    "READ_ACP": ["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
    "WRITE_ACP": ["s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
}
OBJECT_ACTIONS = frozenset(action for actions in _ON_OBJECT.values() for action in actions)


class Acl(msgspec.Struct, frozen=True):
    """An owner, by canonical id, and what is granted: pairs of a canonical id or a group's URI and a permission."""

    owner: str
    grants: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """As it is kept."""
        return msgspec.json.encode(self).decode()

    @property
    def is_public(self) -> bool:
        """Whether it grants anything to everybody, signed or not."""
        return any(grantee in {EVERYBODY, SIGNED} for grantee, _ in self.grants)

    @property
    def members(self) -> dict[str, Any]:
        """As the operations show it."""
        grants = [{"Grantee": _shown(grantee), "Permission": name} for grantee, name in self.grants]
        return {"Owner": {"ID": self.owner}, "Grants": grants}


@lru_cache(maxsize=4096)
def acl_of_text(text: str) -> Acl:
    """The list kept as `text`."""
    return msgspec.json.decode(text, type=Acl)


def private(owner: str) -> Acl:
    """The list where none was named."""
    return Acl(owner, ((owner, "FULL_CONTROL"),))


def names_acl(req: Mapping[str, Any]) -> bool:
    """Whether a request names a list."""
    return any(member in req for member in ("ACL", "AccessControlPolicy", *_HEADERS))


def acl_of(req: Mapping[str, Any], *, owner: str, bucket_owner: str) -> Acl:
    """The list a request names: a canned one, headers or a document.

    Raises:
        ServiceError: several of them, what is no list, or too long a one.
    """
    wish = _wished(req, owner, bucket_owner)
    if len(wish.grants) > _MAX_GRANTS:
        raise ServiceError("MalformedACLError", f"An ACL has at most {_MAX_GRANTS} grants", status=400)
    return wish


def _wished(req: Mapping[str, Any], owner: str, bucket_owner: str) -> Acl:
    by_header = tuple(_of_headers(req))
    if "ACL" in req and by_header:
        raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    document: Mapping[str, Any] | None = req.get("AccessControlPolicy")
    if document is not None and ("ACL" in req or by_header):
        raise ServiceError("UnexpectedContent", "This request does not support content", status=400)
    if document is not None:
        return Acl(owner, tuple(_of_document(document, owner)))
    return (
        Acl(owner, by_header) if by_header else _canned(str(req.get("ACL", "private")), owner, bucket_owner)
    )


@lru_cache(maxsize=4096)
def policy_of(text: str, *, is_object: bool, ignores_public: bool) -> Policy:
    """What the list kept as `text` allows, as a policy; without what it grants to everybody where that is ignored."""
    statements: list[dict[str, Any]] = []
    for grantee, permission in acl_of_text(text).grants:
        actions = _actions(permission, is_object=is_object)
        if not actions or grantee == _LOGS or (ignores_public and grantee in {EVERYBODY, SIGNED}):
            continue
        statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        if grantee in {EVERYBODY, SIGNED}:
            statement["Principal"] = "*"
        else:
            statement["Principal"] = {"CanonicalUser": grantee}
        if grantee == SIGNED:
            statement["Condition"] = {"StringNotEquals": {"aws:PrincipalType": "Anonymous"}}
        statements.append(statement)
    if not statements:
        return Policy(())
    return compile_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), "resource")


def _actions(permission: str, *, is_object: bool) -> list[str]:
    table = _ON_OBJECT if is_object else _ON_BUCKET
    if permission == "FULL_CONTROL":
        return [action for actions in table.values() for action in actions]
    return table[permission]


def _canned(name: str, owner: str, bucket_owner: str) -> Acl:
    whole = private(owner).grants
    if name in _CANNED:
        return Acl(owner, whole + _CANNED[name])
    if name in _OF_OWNER:
        is_same = owner == bucket_owner
        return Acl(owner, whole if is_same else (*whole, (bucket_owner, _OF_OWNER[name])))
    raise invalid_argument("The canned ACL is not one of those that exist", "x-amz-acl", name)


def _of_headers(req: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for member, permission in _HEADERS.items():
        for part in str(req.get(member, "")).split(",") if member in req else ():
            named = _GRANTEE.fullmatch(part)
            if named is None:
                header = f"x-amz-{re.sub('(?<!^)(?=[A-Z])', '-', member).lower()}"
                raise invalid_argument("Argument format not recognized", header, req[member])
            grantee = named[2].strip()
            match named[1]:
                case "id":
                    yield _checked_id(grantee), permission
                case "uri":
                    yield _checked_group(grantee), permission
                case _:
                    raise _unknown_email(grantee)


def _of_document(document: Mapping[str, Any], owner: str) -> Iterator[tuple[str, str]]:
    stated: Mapping[str, Any] = document.get("Owner") or {}
    if not stated.get("ID"):
        raise malformed_xml()
    if stated["ID"] != owner:
        raise invalid_argument("Invalid id", "CanonicalUser/ID", stated["ID"])
    for grant in document.get("Grants") or ():
        grantee: Mapping[str, Any] = grant.get("Grantee") or {}
        permission = grant.get("Permission")
        if permission not in _HEADERS.values():
            raise malformed_xml()
        match grantee.get("Type"):
            case "CanonicalUser":
                yield _checked_id(str(grantee.get("ID", ""))), permission
            case "Group":
                yield _checked_group(str(grantee.get("URI", ""))), permission
            case "AmazonCustomerByEmail":
                raise _unknown_email(str(grantee.get("EmailAddress", "")))
            case _:
                raise malformed_xml()


def _checked_id(name: str) -> str:
    if _ID.fullmatch(name) is None:
        raise invalid_argument("Invalid id", "CanonicalUser/ID", name)
    return name


def _checked_group(uri: str) -> str:
    if uri not in {EVERYBODY, SIGNED, _LOGS}:
        raise invalid_argument("Invalid group uri", "uri", uri)
    return uri


def _unknown_email(address: str) -> ServiceError:
    return ServiceError(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record.",
        status=400,
        fields={"emailAddress": address},
    )


def _shown(grantee: str) -> dict[str, str]:
    if grantee.startswith("http"):
        return {"Type": "Group", "URI": grantee}
    return {"Type": "CanonicalUser", "ID": grantee}
