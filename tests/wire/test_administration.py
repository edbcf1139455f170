import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.administration import for_administrator
from sagesse.wire.message import WireReply, WireRequest


async def _told(_: WireRequest) -> WireReply:
    return WireReply(200, [], b"told")


def status(authorization: str | None) -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    request = WireRequest("GET", "/_sagesse/events", "", headers)
    return asyncio.run(for_administrator(_told, lambda: "s3cret")(request)).status


def test_the_secret_opens_it() -> None:
    assert status("Bearer s3cret") == status("bearer s3cret") == 200


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer other", "Basic s3cret", "s3cret", "Bearer s3cret "]
)
def test_nothing_else_does(given: str | None) -> None:
    assert status(given) == 403


@given(st.text())
def test_any_header_is_answered(text: str) -> None:
    assert status(f"Bearer {text}") == (200 if text == "s3cret" else 403)
