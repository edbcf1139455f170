"""Which sets of requirements are the same set."""

from pathlib import Path

import pytest

from sagesse.runtime import requirement


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was installed, without pip: the text of each set."""
    made: list[str] = []
    monkeypatch.setenv("SAGESSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(requirement, "_make_environment", lambda home: home.mkdir())
    monkeypatch.setattr(requirement, "_pip", lambda _home, arguments, _what: made.append(arguments[1]))
    return made


def code(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder / "requirements.txt"


def test_the_same_packages_are_installed_once(installed: list[str], tmp_path: Path) -> None:
    first = code(tmp_path / "a", requirements="six==1.0  # pinned", notes="one")
    second = code(tmp_path / "b", requirements="six==1.0  # pinned", notes="another")
    assert requirement.install_requirements(first) == requirement.install_requirements(second)
    assert len(installed) == 1


def test_other_packages_are_another_set(installed: list[str], tmp_path: Path) -> None:
    first, second = (code(tmp_path / name, requirements=f"six=={name}.0") for name in "12")
    assert requirement.install_requirements(first) != requirement.install_requirements(second)


@pytest.mark.parametrize(
    "text",
    ["-r more.txt", "-rmore.txt", "--constraint=more.txt\nsix", "six @ file:more.txt", ".", "./more.txt[x]"],
)
def test_a_file_that_the_requirements_name_belongs_to_them(
    installed: list[str], tmp_path: Path, text: str
) -> None:
    first = code(tmp_path / "a", requirements=text, more="six==1.0")
    second = code(tmp_path / "b", requirements=text, more="six==2.0")
    assert requirement.install_requirements(first) != requirement.install_requirements(second)


def test_any_text_is_a_set(installed: list[str], tmp_path: Path) -> None:
    text = f"{'x' * 5000}\n\x00 /nowhere/ -- \U0001f600"
    assert requirement.install_requirements(code(tmp_path / "a", requirements=text))
