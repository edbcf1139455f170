"""Waits for a job to load torch.distributed, to change where its processes meet (``_sagesse_store``)."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_MODULE = "torch.distributed"


def install() -> None:
    """Change torch's store now, or as soon as it is loaded; in jobs only."""
    if not os.environ.get("SAGESSE_HOST_ADDRESS"):
        return
    if _MODULE in sys.modules:
        _store().change(sys.modules[_MODULE])
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # pyright: ignore[reportArgumentType] - it is one by its method


class _Finder:
    """Finds torch.distributed as everyone else does, once, and has it changed when it has been run."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)  # pyright: ignore[reportArgumentType]
        return _store().find()


def _store() -> "ModuleType":
    from importlib import import_module  # noqa: PLC0415 - programs without torch do not pay for it

    return import_module(__name__.replace("_torch", "_store"))
