"""How many threads numerical libraries use: told by variables, and to those already loaded, directly."""

import ctypes
import re
from pathlib import Path

VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_LIBRARY = re.compile(r"/\S*(?:libgomp|libomp|libiomp5|openblas)\S*\.so\S*")
_SETTERS = (
    "omp_set_num_threads",
    "openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads64_",
)


class LoadedLibraries:
    """The OpenMP and OpenBLAS libraries that this process has loaded when this is made; no call computes.

    They read their variables when they are loaded, which for a fork of the zygote is long past.
    """

    def __init__(self) -> None:
        paths = set(_LIBRARY.findall(Path("/proc/self/maps").read_text()))
        libraries = [ctypes.CDLL(path) for path in sorted(paths)]
        self._setters = [
            getattr(library, name) for library in libraries for name in _SETTERS if hasattr(library, name)
        ]

    def limit(self, threads: int) -> None:
        """Let each of them use `threads` threads from now on."""
        for setter in self._setters:
            setter(ctypes.c_int(threads))
