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


def limit_loaded_libraries(threads: int) -> None:
    """Set the number of threads of every OpenMP and OpenBLAS in this process.

    They read their variables when they are loaded, which for a fork of the zygote is long past.
    """
    for path in set(_LIBRARY.findall(Path("/proc/self/maps").read_text())):
        library = ctypes.CDLL(path)
        for name in _SETTERS:
            setter = getattr(library, name, None)
            if setter is not None:
                setter(ctypes.c_int(threads))
