"""What a client says of a body that is read whole: Content-MD5, and checksums in headers or trailers.

Objects and parts are checked by the store while they stream in; this is for documents (policies, deletions, tags, ...).
"""

from collections.abc import Mapping

from sagesse.engines.objects.base import ALGORITHMS, Algorithm, Expectation
from sagesse.engines.objects.digest import Digest, trailing, verify, wanted
from sagesse.engines.objects.error import invalid_request


def check_document(
    body: bytes, headers: Mapping[str, str], trailers: Mapping[str, str], *, has_checksum: bool
) -> None:
    """Refuse a body that is not what the client said.

    Args:
        body: as it came.
        headers: the request's, by lower-case name.
        trailers: likewise.
        has_checksum: whether ``x-amz-checksum-*`` headers speak of this body; a completion's speak of the object.

    Raises:
        ServiceError: BadDigest, InvalidDigest or InvalidRequest.
    """
    found: list[tuple[Algorithm, str]] = [
        (name, headers[header])
        for name in (ALGORITHMS if has_checksum else ())
        if (header := f"x-amz-checksum-{name.lower()}") in headers
    ]
    if len(found) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    trailer = trailing(trailers)
    expect = Expectation(content_md5=headers.get("content-md5"), checksum=found[0] if found else None)
    algorithms = wanted(expect)
    if trailer is not None:
        algorithms.add(trailer[0])
    digest = Digest(algorithms)
    digest.update((body,))
    verify(expect, digest, trailer)
