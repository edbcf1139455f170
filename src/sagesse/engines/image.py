"""From an image URI to what runs it here: the repository decides, account and region are ignored."""

import re
from typing import Literal, NamedTuple, TypeAlias

RecipeKind: TypeAlias = Literal["algorithm", "script"]

_URI = re.compile(
    r"^(?:(?P<registry>[^/]+)/)?(?P<repository>[a-z0-9][a-z0-9._/-]*?)(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@sha256:[0-9a-f]{64})?$"
)


class Image(NamedTuple):
    """An image URI in parts."""

    registry: str
    repository: str
    tag: str


class Recipe(NamedTuple):
    """How an image is run here.

    An "algorithm" runs one of ours by name unless the job names a script; a "script" only runs user scripts.
    `preload` are the modules its jobs expect to be loaded already.
    """

    kind: RecipeKind
    name: str
    preload: tuple[str, ...]
    extra: str  # the extra of this package that installs what it needs


class UnknownImage(Exception):  # noqa: N818 - reads as the fact it states
    """No recipe for that image."""


_TORCH_PRELOAD = ("numpy", "torch", "PIL")  # one set for all: each set is a process of its own
_XGBOOST = Recipe("algorithm", "xgboost", ("numpy", "xgboost"), "ml")
_TORCH = Recipe("script", "pytorch", _TORCH_PRELOAD, "deep")
_SKLEARN = Recipe("script", "scikit-learn", ("numpy", "sklearn"), "ml")

# Repository names as AWS publishes them in its "Docker registry paths" tables.
RECIPES: dict[str, Recipe] = {
    "image-classification": Recipe("algorithm", "image-classification", _TORCH_PRELOAD, "deep"),
    "xgboost": _XGBOOST,
    "sagemaker-xgboost": _XGBOOST,
    "pytorch-training": _TORCH,
    "pytorch-inference": _TORCH,
    "sagemaker-scikit-learn": _SKLEARN,
    "sagemaker-base-python": Recipe("script", "python", (), ""),
}


def parse_image(uri: str) -> Image | None:
    """The parts of an image URI, or None when it is none."""
    match = _URI.match(uri)
    if match is None:
        return None
    return Image(match["registry"] or "", match["repository"], match["tag"] or "latest")


def find_recipe(uri: str) -> Recipe:
    """The recipe of an image.

    Raises:
        UnknownImage: nothing here runs it; the text says what is known.
    """
    image = parse_image(uri)
    recipe = RECIPES.get(image.repository) if image else None
    if recipe is None:
        raise UnknownImage(
            f"no local recipe runs the image {uri!r}; known repositories: {', '.join(sorted(RECIPES))}"
        )
    return recipe


def image_tags(repository: str) -> list[str]:
    """The tags this machine can run of a repository: any tag works, so the one name for it is ``latest``."""
    return ["latest"] if repository in RECIPES else []
