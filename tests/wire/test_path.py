"""The two ways to read a path are one."""

from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.path import PathTree, Rule, _split, _walk

SEGMENTS = st.lists(st.sampled_from(["", "b", "k", "Literal", "."]), max_size=5)


def s3_like() -> PathTree:
    tree = PathTree()
    for path, labels in (
        ("/", ()),
        ("/{Bucket}", ("Bucket",)),
        ("/{Bucket}/{Key+}", ("Bucket", "Key")),
        ("/Literal", ()),
    ):
        tree.add(path, Rule("s3", path, "GET", labels, (), (), ()))
    return tree


@given(SEGMENTS)
def test_a_path_of_s3_means_what_the_walk_finds(segments: list[str]) -> None:
    tree, path = s3_like(), "/" + "/".join(segments)
    assert tree._is_s3_like
    assert list(tree.matches(path)) == list(_walk(tree._root, _split(path), 0, ()))
