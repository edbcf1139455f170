"""Users, their inline and attached policies, their tags."""

from sagesse.core.call import Context
from sagesse.core.identifier import new_unique_id
from sagesse.core.record import Record
from sagesse.core.service import Params, Result, inline
from sagesse.services.iam._policies import PolicyHolders
from sagesse.services.iam._tags import list_tags, tag, untag
from sagesse.services.iam.access_key import counting_keys, keys_of
from sagesse.services.iam.error import delete_conflict
from sagesse.services.iam.kind import USER, every, insert, shown
from sagesse.services.iam.page import marker_name, page


class Users(PolicyHolders):
    """IAM users."""

    kinds = (USER,)

    def create_user(self, ctx: Context, req: Params) -> Result:
        """A user without rights."""
        record = insert(
            ctx.store,
            USER,
            req,
            account=ctx.account,
            now=ctx.now(),
            output={"UserId": new_unique_id("AIDA"), **self._boundary(ctx, req)},
            state={"inline": {}, "attached": []},
        )
        return {"User": shown(ctx, USER, record)}

    def get_user(self, ctx: Context, req: Params) -> Result:
        """The user named, or the caller."""
        name = self._own_name(ctx, req, "GetUser")
        if name is None:
            created = min((key.created for key in keys_of(ctx, "")), default=ctx.now())
            return {"User": {"UserId": ctx.account, "Arn": ctx.principal.arn, "CreateDate": created}}
        return {"User": shown(ctx, USER, USER.get(ctx, name))}

    def list_users(self, ctx: Context, req: Params) -> Result:
        """Users by name."""
        prefix = str(req.get("PathPrefix", "/"))
        found = (
            shown(ctx, USER, record, in_list=True)
            for record in every(ctx, USER, after=marker_name(req))
            if record.request["Path"].startswith(prefix)
        )
        return page("Users", found, req, lambda user: user["UserName"])

    def delete_user(self, ctx: Context, req: Params) -> Result:
        """Delete a user that has neither keys nor policies."""
        name = str(req["UserName"])
        user = USER.get(ctx, name)
        with counting_keys:
            if keys_of(ctx, user.name):
                raise delete_conflict("Cannot delete entity, must delete access keys first.")
            ctx.store.delete(user.key, check_bare)
        self._identities.forget()
        return None

    def put_user_policy(self, ctx: Context, req: Params) -> Result:
        """Add or replace an inline policy."""
        return self._put(ctx, USER, req)

    @inline
    def get_user_policy(self, ctx: Context, req: Params) -> Result:
        """An inline policy."""
        return self._get(ctx, USER, req)

    @inline
    def list_user_policies(self, ctx: Context, req: Params) -> Result:
        """Names of the inline policies."""
        return self._list(ctx, USER, req)

    def delete_user_policy(self, ctx: Context, req: Params) -> Result:
        """Remove an inline policy."""
        return self._drop(ctx, USER, req)

    def attach_user_policy(self, ctx: Context, req: Params) -> Result:
        """Attach a managed policy; again is no error."""
        return self._attach(ctx, USER, req)

    def detach_user_policy(self, ctx: Context, req: Params) -> Result:
        """Detach a managed policy."""
        return self._detach(ctx, USER, req)

    @inline
    def list_attached_user_policies(self, ctx: Context, req: Params) -> Result:
        """The attached managed policies."""
        return self._list_attached(ctx, USER, req)

    def put_user_permissions_boundary(self, ctx: Context, req: Params) -> Result:
        """Limit a user by a managed policy."""
        return self._set_boundary(ctx, USER, req)

    def delete_user_permissions_boundary(self, ctx: Context, req: Params) -> Result:
        """Lift the limit."""
        return self._drop_boundary(ctx, USER, req)

    def tag_user(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags."""
        tag(ctx, USER.get(ctx, str(req["UserName"])), req)
        self._identities.forget()
        return None

    def untag_user(self, ctx: Context, req: Params) -> Result:
        """Remove tags."""
        untag(ctx, USER.get(ctx, str(req["UserName"])), req)
        self._identities.forget()
        return None

    @inline
    def list_user_tags(self, ctx: Context, req: Params) -> Result:
        """The tags."""
        return list_tags(USER.get(ctx, str(req["UserName"])), req)


def check_bare(record: Record) -> None:
    """Refuse to delete an identity that still has policies.

    Raises:
        ServiceError: DeleteConflict.
    """
    if record.state["attached"]:
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if record.state["inline"]:
        raise delete_conflict("Cannot delete entity, must delete policies first.")
