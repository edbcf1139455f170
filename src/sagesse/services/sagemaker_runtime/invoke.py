"""InvokeEndpoint: from the request to the model and back, and SageMaker's words for what went wrong."""

from collections.abc import Iterable, Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import NotImplementedOperation, ServiceError
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result, Service
from sagesse.engines.serving.base import (
    MAX_BODY_BYTES,
    Answer,
    Invocation,
    InvocationTimeout,
    Overloaded,
    WorkerDied,
)
from sagesse.engines.serving.gateway import EndpointMissing, Gateway, Served, Unavailable, VariantMissing

_UNSUPPORTED = {
    "TargetModel": "multi-model endpoints are not built yet",
    "TargetContainerHostname": "inference pipelines are not built yet",
    "SessionId": "stateful sessions are not built yet",
    "InferenceComponentName": "inference components are not built yet",
    "EnableExplanations": "online explanations are not built yet",
    "PrefixAwareId": "prefix-aware routing is not built yet",
}
_MESSAGE_BYTES = 8192
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


class Invocations(Service):
    """InvokeEndpoint. The asynchronous and the streaming form answer 501."""

    service = "sagemaker-runtime"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def invoke_endpoint(self, ctx: Context, req: Params) -> Result:
        """Have a model of the endpoint answer the body."""
        for member, reason in _UNSUPPORTED.items():
            if req.get(member):
                raise _validation_error(f"Sagesse does not support {member}: {reason}")
        name = req["EndpointName"]
        try:
            served = await self._gateway.invoke(
                (ctx.account, ctx.region, name), _invocation(req), target_variant=req.get("TargetVariant", "")
            )
        except EndpointMissing:
            raise _validation_error(f"Endpoint {name} of account {ctx.account} not found.") from None
        except VariantMissing as missing:
            raise _validation_error(
                f"Endpoint {name} has no variant {req['TargetVariant']!r}; allowed: {missing}."
            ) from None
        except (Unavailable, Overloaded) as error:
            raise ServiceError("ServiceUnavailable", f"{error}. Try again later.", status=503) from error
        except InvocationTimeout:
            raise _model_error(ctx, name, 0, _TIMED_OUT) from None
        except WorkerDied as error:
            raise _model_error(ctx, name, 0, str(error)) from error
        return _result(ctx, name, served)

    def invoke_endpoint_async(self, ctx: Context, req: Params) -> Result:
        """Not built yet."""
        raise NotImplementedOperation(self.service, "InvokeEndpointAsync")

    def invoke_endpoint_with_response_stream(self, ctx: Context, req: Params) -> Result:
        """Not built yet."""
        raise NotImplementedOperation(self.service, "InvokeEndpointWithResponseStream")

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        name = str(params["EndpointName"]).lower()  # as in the endpoint's ARN
        return (Grant(f"sagemaker:{operation}", scope.arn("sagemaker", f"endpoint/{name}")),)


def _invocation(req: Mapping[str, Any]) -> Invocation:
    body: bytes = req.get("Body") or b""
    if len(body) > MAX_BODY_BYTES:
        raise _validation_error(
            f"The request body is {len(body)} bytes; allowed: at most {MAX_BODY_BYTES} bytes."
        )
    return Invocation(
        body,
        req.get("ContentType", ""),
        req.get("Accept", ""),
        req.get("CustomAttributes", ""),
        req.get("InferenceId", ""),
    )


def _result(ctx: Context, endpoint: str, served: Served) -> Result:
    answer: Answer = served.answer
    if not 200 <= answer.status < 300:
        text = answer.body[:_MESSAGE_BYTES].decode("utf-8", "replace")
        raise _model_error(ctx, endpoint, answer.status, text)
    result: dict[str, Any] = {"Body": answer.body, "InvokedProductionVariant": served.variant}
    if answer.content_type:
        result["ContentType"] = answer.content_type
    if answer.custom_attributes:
        result["CustomAttributes"] = answer.custom_attributes
    return result


def _model_error(ctx: Context, endpoint: str, status: int, text: str) -> ServiceError:
    """ModelError in the wording of AWS; the message holds what the model said."""
    whose = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    message = (
        f'Received {whose} error ({status}) from primary with message "{text}". '
        f"See the log group {group} in account {ctx.account} for more information."
    )
    return ServiceError(
        "ModelError",
        message,
        status=424,
        fields={
            "OriginalStatusCode": status,
            "OriginalMessage": text,
            "LogStreamArn": ctx.arn("logs", f"log-group:{group}"),
        },
    )


def _validation_error(message: str) -> ServiceError:
    return ServiceError("ValidationError", message, status=400)
