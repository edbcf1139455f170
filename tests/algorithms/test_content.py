import pytest

from sagesse.algorithms.base import RequestError
from sagesse.algorithms.content import choose, require

OFFERED = ("application/json", "application/jsonlines")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/jsonlines", "application/jsonlines"),
        ("text/csv, application/jsonlines;q=0.5", "application/jsonlines"),
        ("Application/JSON; charset=utf-8", "application/json"),
    ],
)
def test_the_first_type_that_both_know_is_chosen(accept, kind):
    assert choose(accept, OFFERED) == kind


def test_an_accept_that_cannot_be_met_is_406():
    with pytest.raises(RequestError) as caught:
        choose("text/csv", OFFERED)
    assert caught.value.status == 406


def test_a_request_without_a_type_has_the_default_one():
    assert require("", ("image/png", "image/jpeg")) == "image/png"


def test_an_unknown_content_type_is_415():
    with pytest.raises(RequestError) as caught:
        require("text/plain", ("image/png",))
    assert caught.value.status == 415
