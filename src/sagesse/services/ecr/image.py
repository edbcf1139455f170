"""Images: which of a repository's tags this machine can run."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.service import Params, Result, inline
from sagesse.services.ecr.error import invalid, no_image, no_repository
from sagesse.services.ecr.kind import REPOSITORY, EcrService


class Images(EcrService):
    """ListImages and DescribeImages.

    A repository of the own registry must have been created. In any other registry (of AWS) the repositories are
    those this machine has a recipe for.
    """

    @inline
    def list_images(self, ctx: Context, req: Params) -> Result:
        """The tags that run here, each as one image."""
        tags = self._tags(ctx, req)
        wants_untagged = req.get("filter", {}).get("tagStatus") == "UNTAGGED"
        return {"imageIds": [] if wants_untagged else [{"imageTag": tag} for tag in tags]}

    @inline
    def describe_images(self, ctx: Context, req: Params) -> Result:
        """The images that run here; they have no digest and no size, for there is no image."""
        tags, registry = self._tags(ctx, req), req.get("registryId", ctx.account)
        if req.get("filter", {}).get("tagStatus") == "UNTAGGED":
            return {"imageDetails": []}
        wanted: list[dict[str, str]] | None = req.get("imageIds")
        if wanted is not None:
            for image in wanted:
                if image.get("imageTag") not in tags:
                    raise no_image(image.get("imageTag", "null"), req["repositoryName"], registry)
            tags = [image["imageTag"] for image in wanted]
        details: list[dict[str, Any]] = [
            {"registryId": registry, "repositoryName": req["repositoryName"], "imageTags": [tag]}
            for tag in tags
        ]
        return {"imageDetails": details}

    def _tags(self, ctx: Context, req: Params) -> list[str]:
        if "nextToken" in req:
            raise invalid("Invalid nextToken: all images come in one page.")
        name, registry = req["repositoryName"], req.get("registryId", ctx.account)
        tags = sorted(self._image_tags(name))
        if registry == ctx.account:
            REPOSITORY.get(ctx, name)
        elif not tags:
            raise no_repository(name, registry)
        return tags
