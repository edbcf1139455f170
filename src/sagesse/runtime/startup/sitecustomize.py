"""What each Python of a job runs first, by PYTHONPATH: ours, then the one that stands here without us.

It costs each start of an interpreter, so it loads nothing that the interpreter has not loaded already.
"""

import os
import sys

import _sagesse_torch  # pyright: ignore[reportMissingImports] - beside this file, which is on the path

_sagesse_torch.install()  # pyright: ignore[reportUnknownMemberType]

_here = os.path.dirname(os.path.abspath(__file__))
_place = sys.path.index(_here) if _here in sys.path else None
if _place is not None:
    _ours = sys.modules.pop(__name__)
    del sys.path[_place]
    try:
        __import__(__name__)  # another one now
    except ModuleNotFoundError as _error:
        if _error.name != __name__:
            raise
    finally:
        sys.path.insert(_place, _here)
        sys.modules.setdefault(__name__, _ours)
