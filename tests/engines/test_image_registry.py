import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.engines.image import ImageProblem, Recipe, check_installed
from sagesse.engines.image_catalog import RECIPES
from sagesse.engines.image_registry import Images, OwnImage

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path / "data" / "images.json")


def test_account_and_region_do_not_matter(images: Images) -> None:
    assert images.find(f"{REGISTRY}/sagemaker-xgboost:1.7-1") is RECIPES["sagemaker-xgboost"]


def test_an_unknown_image_names_what_is_known(images: Images) -> None:
    images.register("mine", OwnImage(command=("/bin/true",)))
    with pytest.raises(ImageProblem, match=r"'other:1'.*mine, .*pytorch-training"):
        images.find("other:1")


@pytest.mark.parametrize("registered", ["mine", "mine:2", f"{REGISTRY}/mine", f"{REGISTRY}/mine:2"])
def test_an_own_image_is_found_by_each_of_its_names(images: Images, registered: str) -> None:
    images.register(registered, OwnImage(python="/env/bin/python"))
    assert images.find(f"{REGISTRY}/mine:2") == Recipe("script", "mine", python="/env/bin/python")


def test_the_most_exact_name_wins(images: Images) -> None:
    images.register("mine", OwnImage(command=("/any",)))
    images.register("mine:2", OwnImage(command=("/two",)))
    assert images.find("mine:2").command == ("/two",)
    assert images.find("mine:3").command == ("/any",)


def test_an_own_image_stands_before_a_published_one(images: Images) -> None:
    images.register("tensorflow-training", OwnImage(python="/tf/bin/python"))
    assert images.find(f"{REGISTRY}/tensorflow-training:2.16-cpu-py310").python == "/tf/bin/python"


def test_another_process_that_registers_is_noticed(images: Images, tmp_path: Path) -> None:
    assert images.own() == {}
    Images(tmp_path / "data" / "images.json").register("late", OwnImage(command=("/bin/true",)))
    assert images.tags("late") == ["latest"]
    Images(tmp_path / "data" / "images.json").forget("late")
    assert images.tags("late") == []


def test_forgetting_tells_whether_it_was_there(images: Images) -> None:
    images.register("mine", OwnImage(command=("/bin/true",)))
    assert (images.forget("mine"), images.forget("mine")) == (True, False)


@pytest.mark.parametrize("name", ["", "Upper", "a b", "/x"])
def test_what_is_no_name_is_refused(images: Images, name: str) -> None:
    with pytest.raises(ImageProblem, match="no image name"):
        images.register(name, OwnImage(command=("/bin/true",)))


def test_missing_modules_are_named_with_the_extra_that_has_them() -> None:
    recipe = Recipe("script", "x", needs=("json", "no_such_module"), extra="deep")
    with pytest.raises(ImageProblem, match=r"needs no_such_module, not .* pip install 'sagesse\[deep\]'"):
        check_installed("x:1", recipe)


def test_where_no_extra_helps_only_registration_is_advised() -> None:
    recipe = Recipe("script", "x", needs=("no_such_module",))
    with pytest.raises(ImageProblem, match=r"here; register .* sagesse image add x --python"):
        check_installed(f"{REGISTRY}/x:1", recipe)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_in_the_file_are_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "images.json"
    path.write_bytes(content)
    with contextlib.suppress(ImageProblem):
        assert isinstance(Images(path).own(), dict)
