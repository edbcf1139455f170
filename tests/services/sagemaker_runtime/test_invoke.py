"""InvokeEndpoint: members in, members out, and SageMaker's errors."""

import asyncio
from typing import Any, cast

import pytest

from sagesse.core.call import Context, Platform
from sagesse.core.error import NotImplementedOperation, ServiceError
from sagesse.core.model import service_model
from sagesse.core.principal import Principal
from sagesse.core.scope import Scope
from sagesse.engines.serving.base import Answer, Invocation, InvocationTimeout, Overloaded, WorkerDied
from sagesse.engines.serving.gateway import EndpointMissing, Gateway, Served, Unavailable, VariantMissing
from sagesse.services.sagemaker_runtime import Invocations

SCOPE = Scope("123456789012", "eu-central-1")
FINE = Answer(200, "application/json", b"[1]", 5, "mine")


class FakeGateway:
    def __init__(self, outcome: Answer | Exception) -> None:
        self._outcome = outcome
        self.asked: tuple[Any, ...] = ()

    async def invoke(self, key: object, invocation: Invocation, *, target_variant: str = "") -> Served:
        self.asked = (key, invocation, target_variant)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return Served("blue", self._outcome)


def _invoke(gateway: FakeGateway, **members: object) -> dict[str, Any]:
    ctx = Context(
        scope=SCOPE, principal=Principal.root(SCOPE.account), request_id="r", platform=cast("Platform", None)
    )
    service = Invocations(cast("Gateway", gateway))
    return cast("dict[str, Any]", asyncio.run(service.invoke_endpoint(ctx, {"EndpointName": "e", **members})))


def _refused(outcome: Answer | Exception, **members: object) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        _invoke(FakeGateway(outcome), **members)
    return refused.value


def test_the_request_reaches_the_model() -> None:
    gateway = FakeGateway(FINE)

    _invoke(
        gateway,
        Body=b"x",
        ContentType="text/csv",
        Accept="a/b",
        CustomAttributes="c",
        InferenceId="i",
        TargetVariant="v",
    )

    assert gateway.asked == ((*SCOPE, "e"), Invocation(b"x", "text/csv", "a/b", "c", "i"), "v")


def test_the_answer_comes_back() -> None:
    assert _invoke(FakeGateway(FINE), Body=b"x") == {
        "Body": b"[1]",
        "ContentType": "application/json",
        "InvokedProductionVariant": "blue",
        "CustomAttributes": "mine",
    }


def test_no_content_is_an_answer() -> None:
    assert _invoke(FakeGateway(Answer(204, "", b"", 5))) == {"Body": b"", "InvokedProductionVariant": "blue"}


@pytest.mark.parametrize(
    ("outcome", "code", "status", "words"),
    [
        (EndpointMissing("e"), "ValidationError", 400, "Endpoint e of account 123456789012 not found."),
        (
            VariantMissing("a, b"),
            "ValidationError",
            400,
            "Endpoint e has no variant 'v'; allowed: a, b.",
        ),
        (Unavailable("none is healthy"), "ServiceUnavailable", 503, "none is healthy. Try again later."),
        (Overloaded("too many"), "ServiceUnavailable", 503, "too many. Try again later."),
    ],
)
def test_what_keeps_a_request_from_the_model(outcome: Exception, code: str, status: int, words: str) -> None:
    error = _refused(outcome, TargetVariant="v")

    assert (error.code, error.status, error.message) == (code, status, words)


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        (
            Answer(400, "text/plain", b"bad row", 5),
            400,
            'Received client error (400) from primary with message "bad row".',
        ),
        (
            Answer(500, "text/plain", b"oops", 5),
            500,
            'Received server error (500) from primary with message "oops".',
        ),
        (
            InvocationTimeout(),
            0,
            'Received server error (0) from primary with message "Your invocation timed out',
        ),
        (
            WorkerDied("it died", may_retry=True),
            0,
            'Received server error (0) from primary with message "it died".',
        ),
    ],
)
def test_what_the_model_did_wrong_is_a_model_error(
    outcome: Answer | Exception, status: int, words: str
) -> None:
    error = _refused(outcome)

    assert (error.code, error.status) == ("ModelError", 424)
    assert error.message.startswith(words)
    assert error.fields["OriginalStatusCode"] == status
    assert error.fields["LogStreamArn"] == (
        "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/sagemaker/Endpoints/e"
    )


def test_every_field_of_a_model_error_is_modelled() -> None:
    error = _refused(Answer(500, "", b"", 5))

    assert set(error.fields) <= set(service_model("sagemaker-runtime").members("ModelError"))


@pytest.mark.parametrize(
    "member", ["TargetModel", "TargetContainerHostname", "SessionId", "EnableExplanations"]
)
def test_members_that_are_not_supported_are_refused(member: str) -> None:
    error = _refused(FINE, **{member: "x"})

    assert error.code == "ValidationError"
    assert member in error.message


def test_a_body_over_the_limit_is_refused() -> None:
    error = _refused(FINE, Body=bytes(25 * 1024 * 1024 + 1))

    assert error.message == "The request body is 26214401 bytes; allowed: at most 26214400 bytes."


@pytest.mark.parametrize("method", ["invoke_endpoint_async", "invoke_endpoint_with_response_stream"])
def test_other_ways_to_invoke_answer_501(method: str) -> None:
    with pytest.raises(NotImplementedOperation):
        getattr(Invocations(cast("Gateway", None)), method)(None, {"EndpointName": "e"})


def test_the_permission_is_on_the_endpoint() -> None:
    (grant,) = Invocations(cast("Gateway", None))._grants("InvokeEndpoint", {"EndpointName": "e"}, SCOPE)

    assert grant == ("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/e")


def test_the_permission_is_for_the_endpoints_arn_whatever_the_case_of_its_name() -> None:
    service = Invocations(cast("Gateway", FakeGateway(FINE)))
    (grant,) = service._grants("InvokeEndpoint", {"EndpointName": "My-Endpoint"}, SCOPE)

    assert grant.resource == "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/my-endpoint"
