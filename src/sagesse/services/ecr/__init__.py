"""ECR: the names of image repositories, and which images this machine can run.

There is no registry behind it: nothing is pushed or pulled, GetAuthorizationToken answers 501. Images are what the
image resolver knows (`engines.image`). docs/services/ecr.md has the list.
"""

from sagesse.services.ecr.image import Images
from sagesse.services.ecr.repository import Repositories

__all__ = ["Images", "Repositories"]
