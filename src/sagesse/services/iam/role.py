"""Roles: their trust policies, inline and attached policies, tags."""

from urllib.parse import quote

from sagesse.core.call import Context
from sagesse.core.identifier import new_unique_id
from sagesse.core.policy import compile_policy
from sagesse.core.record import Record
from sagesse.core.service import Params, Result, inline
from sagesse.services.iam._family import size_of
from sagesse.services.iam._policies import PolicyHolders
from sagesse.services.iam._tags import list_tags, tag, untag
from sagesse.services.iam.error import limit_exceeded
from sagesse.services.iam.kind import ROLE, change, every, insert, shown
from sagesse.services.iam.page import marker_name, page
from sagesse.services.iam.user import check_bare

_TRUST_SIZE = 2048
_SESSION_S = 3600


class Roles(PolicyHolders):
    """IAM roles."""

    kinds = (ROLE,)

    def create_role(self, ctx: Context, req: Params) -> Result:
        """A role that the principals of its trust policy may assume."""
        trust = _checked_trust(str(req["AssumeRolePolicyDocument"]))
        record = insert(
            ctx.store,
            ROLE,
            {"MaxSessionDuration": _SESSION_S, **req},
            account=ctx.account,
            now=ctx.now(),
            output={
                "RoleId": new_unique_id("AROA"),
                "AssumeRolePolicyDocument": quote(trust, safe="-_.~"),
                **self._boundary(ctx, req),
            },
            state={"inline": {}, "attached": [], "trust": trust},
        )
        return {"Role": shown(ctx, ROLE, record)}

    @inline
    def get_role(self, ctx: Context, req: Params) -> Result:
        """A role."""
        return {"Role": {**shown(ctx, ROLE, ROLE.get(ctx, str(req["RoleName"]))), "RoleLastUsed": {}}}

    def list_roles(self, ctx: Context, req: Params) -> Result:
        """Roles by name."""
        prefix = str(req.get("PathPrefix", "/"))
        found = (
            shown(ctx, ROLE, record, in_list=True)
            for record in every(ctx, ROLE, after=marker_name(req))
            if record.request["Path"].startswith(prefix)
        )
        return page("Roles", found, req, lambda role: role["RoleName"])

    def delete_role(self, ctx: Context, req: Params) -> Result:
        """Delete a role that has no policies; its sessions lose their rights."""
        role = ROLE.get(ctx, str(req["RoleName"]))
        ctx.store.delete(role.key, check_bare)
        self._identities.forget()
        return None

    def update_assume_role_policy(self, ctx: Context, req: Params) -> Result:
        """Replace the trust policy."""
        trust = _checked_trust(str(req["PolicyDocument"]))

        def replace(record: Record) -> None:
            record.state["trust"] = trust
            record.output["AssumeRolePolicyDocument"] = quote(trust, safe="-_.~")

        change(ctx, ROLE, str(req["RoleName"]), replace)
        self._identities.forget()
        return None

    def update_role(self, ctx: Context, req: Params) -> Result:
        """Change description and longest session; a session length that is not given falls back to one hour."""
        updates = {"MaxSessionDuration": _SESSION_S, **req}
        change(ctx, ROLE, str(req["RoleName"]), lambda record: record.request.update(updates))
        return None

    def update_role_description(self, ctx: Context, req: Params) -> Result:
        """Change the description."""
        wanted = {"Description": req["Description"]}
        role = change(ctx, ROLE, str(req["RoleName"]), lambda record: record.request.update(wanted))
        return {"Role": shown(ctx, ROLE, role)}

    def put_role_policy(self, ctx: Context, req: Params) -> Result:
        """Add or replace an inline policy."""
        return self._put(ctx, ROLE, req)

    @inline
    def get_role_policy(self, ctx: Context, req: Params) -> Result:
        """An inline policy."""
        return self._get(ctx, ROLE, req)

    @inline
    def list_role_policies(self, ctx: Context, req: Params) -> Result:
        """Names of the inline policies."""
        return self._list(ctx, ROLE, req)

    def delete_role_policy(self, ctx: Context, req: Params) -> Result:
        """Remove an inline policy."""
        return self._drop(ctx, ROLE, req)

    def attach_role_policy(self, ctx: Context, req: Params) -> Result:
        """Attach a managed policy; again is no error."""
        return self._attach(ctx, ROLE, req)

    def detach_role_policy(self, ctx: Context, req: Params) -> Result:
        """Detach a managed policy."""
        return self._detach(ctx, ROLE, req)

    @inline
    def list_attached_role_policies(self, ctx: Context, req: Params) -> Result:
        """The attached managed policies."""
        return self._list_attached(ctx, ROLE, req)

    def put_role_permissions_boundary(self, ctx: Context, req: Params) -> Result:
        """Limit a role by a managed policy."""
        return self._set_boundary(ctx, ROLE, req)

    def delete_role_permissions_boundary(self, ctx: Context, req: Params) -> Result:
        """Lift the limit."""
        return self._drop_boundary(ctx, ROLE, req)

    def tag_role(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags."""
        tag(ctx, ROLE.get(ctx, str(req["RoleName"])), req)
        self._identities.forget()
        return None

    def untag_role(self, ctx: Context, req: Params) -> Result:
        """Remove tags."""
        untag(ctx, ROLE.get(ctx, str(req["RoleName"])), req)
        self._identities.forget()
        return None

    @inline
    def list_role_tags(self, ctx: Context, req: Params) -> Result:
        """The tags."""
        return list_tags(ROLE.get(ctx, str(req["RoleName"])), req)


def _checked_trust(document: str) -> str:
    compile_policy(document, "trust")
    if size_of(document) > _TRUST_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_SIZE}")
    return document
