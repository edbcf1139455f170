"""Runs a server whose data directory is a disk of some MiB, which nobody else sees.

Usage: small_disk.py MIB FOLDER ARGUMENTS... (of `sagesse`). Exit code 77: this machine has no namespaces.
"""

import sys
from pathlib import Path

from sagesse.cli.main import main
from sagesse.runtime import linux


def mount(mib: int, folder: Path) -> None:
    try:
        linux.enter_user_namespace()
        linux.unshare(linux.NEW_NS)
        linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
        linux.mount("tmpfs", str(folder), "tmpfs", 0, f"size={mib}m,mode=700")
    except OSError as error:
        sys.stderr.write(f"no disk of my own: {error}\n")
        raise SystemExit(77) from error


if __name__ == "__main__":
    mount(int(sys.argv[1]), Path(sys.argv[2]))
    raise SystemExit(main(sys.argv[3:]))
