"""Where a server keeps its Ray runs, and what the driver and the nodes are told about it."""

import contextlib
import uuid
from pathlib import Path

import msgspec

ASKED, PLACED, LOST, OUTCOME_FILES = "asked.json", "placed", "lost", ("status.json", "exit.json")
"""In a run's folder: its plan; the right to start was used; it will never end; what a node ships of its end."""

NODE_ROOT = "~/.cache/sagesse/nodes"
_MARKER = "cluster-id"


class Home(msgspec.Struct, frozen=True):
    """The folder of a server's Ray runs, as every process on every node is told.

    Attributes:
        root: on the server's machine; runs are in ``runs``.
        id: of this folder, for ever. A node that finds it in the same place sees the same files.
        hidden, shown: see `LocalJobs`.
        node_root: where a node that does not see `root` keeps its runs; ``~`` is the node's user's.
        ships: treat every node as one that does not see `root`.
    """

    root: str
    id: str
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    node_root: str = NODE_ROOT
    ships: bool = False

    @property
    def namespace(self) -> str:
        """Of our actors: two servers on one cluster do not see each other's."""
        return f"sagesse-{self.id}"

    @property
    def is_here(self) -> bool:
        """Whether this machine sees the server's files."""
        return not self.ships and _read(Path(self.root)) == self.id


def folder_id(root: Path) -> str:
    """The id of the folder `root`, made when it has none."""
    with contextlib.suppress(FileExistsError), (root / _MARKER).open("x") as marker:
        marker.write(uuid.uuid4().hex)
    return _read(root)


def _read(root: Path) -> str:
    try:
        return (root / _MARKER).read_text()
    except OSError:
        return ""
