"""Unix sockets at short and long paths."""

from pathlib import Path

import pytest

from sagesse.runtime.serve import address


@pytest.mark.parametrize("name", ["short", "x" * 200])
def test_a_socket_is_reached_at_a_path_of_any_length(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    with address.listen(folder / "s") as server, address.connect(folder / "s"):
        peer, _ = server.accept()
        peer.close()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    address.listen(tmp_path / "s").close()

    with address.listen(tmp_path / "s"), address.connect(tmp_path / "s"):
        pass


def test_connecting_to_nothing_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        address.connect(tmp_path / "s")
