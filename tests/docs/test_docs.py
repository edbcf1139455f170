"""What the documentation must not leave out, and must not get wrong."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from sagesse.algorithms.registry import ALGORITHMS, algorithm
from sagesse.app import App
from sagesse.config import Settings
from sagesse.engines.image_catalog import RECIPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in ROOT.rglob("*.md") if not {".venv", ".git"} & set(path.parts))
PAGES = [page for page in PAGES if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)]


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, str]]]:
    """(service, operation) of everything that is implemented."""
    app = App(Settings(data_dir=str(tmp_path_factory.mktemp("app")), ephemeral=True))
    yield list(app.registry.operations())
    app.close()


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_operation_has_its_entry(operations: list[tuple[str, str]]) -> None:
    missing = [
        f"{service}:{operation}"
        for service, operation in operations
        if not re.search(rf"\b{operation}\b", page(f"services/{service}.md"))
    ]
    assert missing == []


def test_every_setting_has_its_entry() -> None:
    names = [field.name for field in msgspec.structs.fields(Settings)]
    assert [name for name in names if f"`{name}`" not in page("settings.md")] == []


@pytest.mark.parametrize("name", sorted({target: name for name, target in ALGORITHMS.items()}.values()))
def test_every_algorithm_documents_its_metrics(name: str) -> None:
    known = algorithm(name)
    text = page(f"algorithms/{known.name}.md")
    assert [metric.name for metric in known.metrics if metric.name.rpartition(":")[2] not in text] == []


def test_every_image_has_its_entry() -> None:
    text = page("services/sagemaker.md")
    names = [name for name, recipe in RECIPES.items() if recipe.kind == "algorithm"]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_the_documentation_compiles(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL):
        compile(block, str(path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
