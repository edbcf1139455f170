from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.codec.operation import codec
from sagesse.wire.codec.write_xml import escape

TEXT = st.text(st.sampled_from("ab&<>\"'\n\r\t\0\u2028é"), max_size=4)
OWNERS = st.fixed_dictionaries({}, optional={"ID": TEXT, "DisplayName": st.none() | TEXT})
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "Key": TEXT,
        "LastModified": st.floats(0, 1e9),
        "Size": st.integers(0, 1 << 40),
        "StorageClass": st.sampled_from(["STANDARD", "GLACIER", "not & modelled"]),
        "ChecksumAlgorithm": st.lists(st.sampled_from(["CRC32", "SHA1"]), max_size=2),
        "Owner": st.none() | OWNERS,
        "RestoreStatus": st.fixed_dictionaries({}, optional={"IsRestoreInProgress": st.booleans()}),
    },
)


def contents(objects: list[dict[str, Any]]) -> str:
    reply = codec("s3", "ListObjectsV2", "rest-xml").write({"Contents": objects}, "id")
    text = cast(bytes, reply.body).decode()
    start, end = text.index("2006-03-01/") + len('2006-03-01/">'), text.rindex("</")
    return text[start:end]


@given(objects=st.lists(OBJECTS, max_size=6))
def test_a_list_of_structures_is_written_as_its_structures_are(objects: list[dict[str, Any]]) -> None:
    assert contents(objects) == "".join(contents([one]) for one in objects)


def test_characters_of_markup_and_control_characters_are_written_as_references() -> None:
    assert escape("a&b<c>\"'\0\u2028é\n") == "a&amp;b&lt;c&gt;&quot;&#39;&#x0;&#x2028;é\n"
