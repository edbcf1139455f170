"""Tags of any SageMaker resource."""

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.record import Record
from sagesse.core.service import Params, Result, Service, inline
from sagesse.core.tag import add_tags, remove_tags, tag_list
from sagesse.services.sagemaker._error import check_tags


class Tags(Service):
    """AddTags, ListTags and DeleteTags, by ARN."""

    service = "sagemaker"

    def add_tags(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags; answers all tags of the resource."""
        check_tags(req["Tags"])
        record = add_tags(ctx, _tagged(ctx, req["ResourceArn"]), req["Tags"])
        return {"Tags": tag_list(record) if record else []}

    @inline
    def list_tags(self, ctx: Context, req: Params) -> Result:
        """All tags of a resource; at most 50, so one page."""
        return {"Tags": tag_list(_tagged(ctx, req["ResourceArn"]))}

    def delete_tags(self, ctx: Context, req: Params) -> Result:
        """Remove tags by key."""
        remove_tags(ctx, _tagged(ctx, req["ResourceArn"]), req["TagKeys"])
        return None


def _tagged(ctx: Context, arn: str) -> Record:
    record = ctx.store.by_arn(arn)
    if record is None or record.account != ctx.account or not record.kind.startswith("sagemaker:"):
        raise validation_error(f"Could not find resource {arn}.")
    return record
