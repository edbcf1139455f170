"""Key policies."""

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import MalformedPolicy, compile_policy
from sagesse.core.service import Params, Result
from sagesse.services.kms._family import Family, item_page
from sagesse.services.kms.kind import KEY

_NAME = "default"
_SIZE_BYTES = 32 << 10


class KeyPolicies(Family):
    """The one policy each key has, named ``default``."""

    def get_key_policy(self, ctx: Context, req: Params) -> Result:
        """The policy as it was put."""
        key = self._key(ctx, str(req["KeyId"]), "GetKeyPolicy")
        _check_name(req)
        return {"Policy": key.state["policy"], "PolicyName": _NAME}

    def put_key_policy(self, ctx: Context, req: Params) -> Result:
        """Replace the policy; it holds at once."""
        key = self._key(ctx, str(req["KeyId"]), "PutKeyPolicy")
        _check_name(req)
        policy = str(req["Policy"])
        check_policy(policy)
        if not req.get("BypassPolicyLockoutSafetyCheck") and not self._access.would_allow(
            ctx, key, policy, "PutKeyPolicy"
        ):
            raise locked_out()
        KEY.amend(ctx, key, state={"policy": policy})
        return None

    def list_key_policies(self, ctx: Context, req: Params) -> Result:
        """Its name."""
        self._key(ctx, str(req["KeyId"]), "ListKeyPolicies")
        return item_page([_NAME], req, "PolicyNames")


def check_policy(text: str) -> None:
    """Refuse what is no key policy.

    Raises:
        ServiceError: MalformedPolicyDocumentException, LimitExceededException.
    """
    if len(text.encode()) > _SIZE_BYTES:
        raise ServiceError("LimitExceededException", f"A key policy has at most {_SIZE_BYTES} bytes.")
    try:
        compile_policy(text, use="resource")
    except MalformedPolicy as error:
        raise ServiceError("MalformedPolicyDocumentException", error.message) from None


def locked_out() -> ServiceError:
    """The policy would shut its author out."""
    return ServiceError(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )


def _check_name(req: Params) -> None:
    if req.get("PolicyName", _NAME) != _NAME:
        raise ServiceError("NotFoundException", f"No such policy exists: {req['PolicyName']}")
