"""Running a program as part of a job: its output is the job's, the end of what it complains about is kept."""

import os
import subprocess
from collections.abc import Sequence

_ERROR_BYTES = 768  # of the 1,024 characters that a FailureReason has; what went wrong is at the end


def run_program(argv: Sequence[str]) -> tuple[int, str]:
    """Run a program with our output.

    Returns:
        Its exit code, as a shell gives it (128 and the signal), and the end of what it wrote to stderr.
    """
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    assert process.stderr is not None
    tail = b""
    while chunk := os.read(process.stderr.fileno(), 1 << 16):
        os.write(2, chunk)
        tail = (tail + chunk)[-_ERROR_BYTES:]
    process.stderr.close()
    code = process.wait()
    return code if code >= 0 else 128 - code, tail.decode("utf-8", "replace").strip()
