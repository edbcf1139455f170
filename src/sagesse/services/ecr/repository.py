"""Repositories: their life and tags."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.page import read_token, write_token
from sagesse.core.record import Listing, Record
from sagesse.core.scope import parse_arn
from sagesse.core.service import Params, Result, inline
from sagesse.core.tag import MAX_TAGS, add_tags, remove_tags, tag_list
from sagesse.services.ecr.error import invalid, no_repository, repository_not_empty
from sagesse.services.ecr.kind import MEMBERS, REPOSITORY, EcrService

_DEFAULTS: dict[str, Any] = {
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}


class Repositories(EcrService):
    """Operations on repositories."""

    kinds = (REPOSITORY,)

    def create_repository(self, ctx: Context, req: Params) -> Result:
        """Record the name of a repository; it stays without images of its own."""
        if req.get("registryId", ctx.account) != ctx.account:
            raise invalid(f"Sagesse makes repositories in the own registry only, {ctx.account}.")
        if req.get("encryptionConfiguration", {}).get("encryptionType", "AES256") != "AES256":
            raise invalid(
                "Sagesse keeps no images: encryptionConfiguration other than AES256 is not supported."
            )
        tags: list[dict[str, str]] = req.get("tags", [])
        if len(tags) > MAX_TAGS:
            raise _too_many_tags()
        request = {key: value for key, value in req.items() if key not in {"tags", "registryId"}}
        record = REPOSITORY.create(ctx, {**_DEFAULTS, **request, "Tags": tags})
        return {"repository": _shown(ctx, record)}

    def delete_repository(self, ctx: Context, req: Params) -> Result:
        """Forget a repository; with images that run here only by `force`."""
        name, registry = req["repositoryName"], req.get("registryId", ctx.account)
        if registry != ctx.account:
            raise no_repository(name, registry)
        if not req.get("force") and REPOSITORY.find(ctx, name) and self._image_tags(name):
            raise repository_not_empty(name, registry)
        return {"repository": _shown(ctx, REPOSITORY.remove(ctx, name))}

    @inline
    def describe_repositories(self, ctx: Context, req: Params) -> Result:
        """The named repositories, or all by name, a page at a time."""
        registry, names = req.get("registryId", ctx.account), req.get("repositoryNames")
        if names is not None:
            if registry != ctx.account:
                raise no_repository(names[0], registry)
            return {"repositories": [_shown(ctx, REPOSITORY.get(ctx, name)) for name in names]}
        if registry != ctx.account:
            return {"repositories": []}
        limit: int = req.get("maxResults", REPOSITORY.page_size)
        after = _read_token(req["nextToken"]) if "nextToken" in req else None
        listing = Listing(sort="name", limit=limit + 1, after=after)
        records = ctx.store.list(REPOSITORY.id, ctx.scope, listing)
        result: dict[str, Any] = {"repositories": [_shown(ctx, record) for record in records[:limit]]}
        if len(records) > limit:
            result["nextToken"] = write_token(listing.position(records[limit - 1]), "name")
        return result

    def tag_resource(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags of a repository."""
        add_tags(ctx, _by_arn(ctx, req["resourceArn"]), req["tags"], limit=_too_many_tags)
        return None

    def untag_resource(self, ctx: Context, req: Params) -> Result:
        """Remove tags of a repository."""
        remove_tags(ctx, _by_arn(ctx, req["resourceArn"]), req["tagKeys"])
        return None

    @inline
    def list_tags_for_resource(self, ctx: Context, req: Params) -> Result:
        """The tags of a repository."""
        return {"tags": tag_list(_by_arn(ctx, req["resourceArn"]))}


def _shown(ctx: Context, record: Record) -> dict[str, Any]:
    return REPOSITORY.project(ctx, record, dict.fromkeys(MEMBERS))


def _by_arn(ctx: Context, text: str) -> Record:
    arn = parse_arn(text)
    if arn is None or arn.service != "ecr" or not arn.resource.startswith("repository/"):
        raise invalid(f"Invalid parameter at 'resourceArn': {text!r} is no ARN of a repository")
    record = ctx.store.by_arn(text)
    if record is None or record.scope != ctx.scope:
        raise no_repository(arn.resource.removeprefix("repository/"), arn.account)
    return record


def _read_token(token: str) -> tuple[str | float, str]:
    try:
        return read_token(token, "name")
    except ServiceError as error:
        raise invalid(error.message) from None


def _too_many_tags() -> ServiceError:
    return ServiceError("TooManyTagsException", f"A repository has at most {MAX_TAGS} tags.")
