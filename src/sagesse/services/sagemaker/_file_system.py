"""File systems as a source: an EFS or FSx id stands for a folder of this machine that the settings name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagesse.services.sagemaker._error import ChannelError


def file_system_folder(folders: Mapping[str, str], source: Mapping[str, Any]) -> Path:
    """The folder that a FileSystemDataSource means. No link or ``..`` in its DirectoryPath leads out of its root.

    Raises:
        ChannelError: the id is not in the settings, or there is no such folder.
    """
    name = source["FileSystemId"]
    if name not in folders:
        known = ", ".join(sorted(folders)) or "none"
        raise ChannelError(
            f"ClientError: Unable to mount file system {name}: this server knows no folder for it. Name one in the "
            f"setting file_systems; known are: {known}."
        )
    root = Path(os.path.realpath(Path(folders[name]).expanduser()))
    folder = Path(os.path.realpath(root / source["DirectoryPath"].lstrip("/")))
    if not folder.is_relative_to(root) or not folder.is_dir():
        raise ChannelError(
            f"ClientError: Unable to mount file system {name}: directory path {source['DirectoryPath']!r} does not "
            "exist in it."
        )
    return folder
