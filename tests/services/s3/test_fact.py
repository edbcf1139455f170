from hypothesis import given
from hypothesis import strategies as st

from sagesse.services.s3._fact import call_facts


def test_a_listing_of_everything_has_the_empty_prefix() -> None:
    assert call_facts("ListObjectsV2", {"Bucket": "b"}) == {"s3:prefix": ""}
    assert call_facts("ListObjectsV2", {"Prefix": "a", "MaxKeys": 2}) == {
        "s3:prefix": "a",
        "s3:max-keys": "2",
    }


def test_tags_of_a_header_and_of_a_document_are_the_same() -> None:
    document = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]}
    assert call_facts("PutObject", {"Tagging": "a=1&b="}) == call_facts(
        "PutObjectTagging", {"Tagging": document}
    )


def test_the_version_of_a_copy_source_is_known() -> None:
    assert call_facts("CopyObject", {"CopySource": "b/k?versionId=v"})["s3:VersionId"] == "v"


@given(st.text())
def test_any_tag_header_is_read(header: str) -> None:
    call_facts("PutObject", {"Tagging": header})


def test_a_flood_of_tags_is_cut() -> None:
    assert len(call_facts("PutObject", {"Tagging": "&".join(f"k{n}=1" for n in range(1000))})) == 101
