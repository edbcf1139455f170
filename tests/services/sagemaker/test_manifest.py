"""Readers of manifests: what is read, and that anything else is refused in words."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.services.sagemaker._manifest import BadManifest, read_augmented, read_manifest
from sagesse.services.sagemaker._transfer import Location

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
PREFIX = {"prefix": "s3://bucket/some/"}


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_keys_come_in_order_and_as_often_as_named(names: list[str]) -> None:
    objects = read_manifest(json.dumps([PREFIX, *names]).encode())
    assert objects == [(Location("bucket", f"some/{name}"), name) for name in names]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no JSON"),
        ("[]", "begins with"),
        ('{"prefix": "s3://b/"}', "begins with"),
        ('["a"]', "first element"),
        ('[{"prefix": 1}, "a"]', "first element"),
        ('[{"prefix": "b/"}, "a"]', "is no S3 URI"),
        ('[{"prefix": "s3://b/"}, 1]', "1 is no key"),
        ('[{"prefix": "s3://b/"}, ""]', "'' is no key"),
        ('[{"prefix": "s3://b/"}, {"prefix": "s3://c/"}]', "several prefixes"),
    ],
)
def test_what_is_no_manifest_is_refused(content: str, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        read_manifest(content.encode())


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with suppress(BadManifest):  # and nothing else
        read_manifest(content)


@given(st.lists(st.fixed_dictionaries({"a": anything, "b-ref": st.text("xyz/", min_size=1, max_size=9)})))
def test_attributes_come_in_the_order_asked(lines: list[dict[str, object]]) -> None:
    text = "\n".join(json.dumps({**line, "b-ref": f"s3://bucket/{line['b-ref']}"}) for line in lines)
    entries = list(read_augmented(io.BytesIO(text.encode()), ["b-ref", "a"]))
    assert len(entries) == len(lines)
    for line, (reference, value) in zip(lines, entries, strict=True):
        assert reference == ("bucket", line["b-ref"])
        if isinstance(line["a"], str):
            assert value == line["a"]
        else:
            assert isinstance(value, str)
            assert json.loads(value) == line["a"]


@given(st.binary() | st.lists(anything).map(lambda lines: "\n".join(map(json.dumps, lines)).encode()))
def test_any_bytes_are_an_augmented_manifest_or_refused(content: bytes) -> None:
    with suppress(BadManifest):  # and nothing else
        list(read_augmented(io.BytesIO(content), ["a", "b-ref"]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1}', "line 2 has no attribute 'b-ref'"),
        ('{"a": 1, "b-ref": "s3://bucket"}', "names a bucket and no object"),
        ('{"a": 1, "b-ref": {"x": 1}}', "line 2: attribute 'b-ref'"),
        ("[1]", "line 2 is no JSON object"),
        ("{", "line 2 is no JSON"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str) -> None:
    lines = ['{"a": 1, "b-ref": "s3://b/k"}', line]
    with pytest.raises(BadManifest, match=said):
        list(read_augmented(io.BytesIO("\n".join(lines).encode()), ["a", "b-ref"]))
