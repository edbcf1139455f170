"""The operations of Service Quotas."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.identifier import new_request_id
from sagesse.core.page import read_token, write_token
from sagesse.core.record import AlreadyExists, Listing, Record
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result, Service
from sagesse.engines.quota import Quota, Quotas, sagemaker_quotas
from sagesse.services.service_quotas.kind import APPLIED_QUOTA, QUOTA_REQUEST, no_such

_CODE, _NAME = "sagemaker", "Amazon SageMaker"
_PAGE = 100


class ServiceQuotas(Service):
    """Quotas as they apply, as they are by default, and requests for more.

    Args:
        quotas: the quotas.
    """

    service = "service-quotas"
    kinds = (QUOTA_REQUEST, APPLIED_QUOTA)

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def list_services(self, ctx: Context, req: Params) -> Result:
        """The service that has quotas here."""
        return {"Services": [{"ServiceCode": _CODE, "ServiceName": _NAME}]}

    def list_service_quotas(self, ctx: Context, req: Params) -> Result:
        """The values that apply to the account in this region, by quota name."""
        _check_service(req)
        _check_level(req.get("QuotaAppliedAtLevel"))
        wanted = [quota for quota in _all() if req.get("QuotaCode") in {None, quota.code}]
        return _page(wanted, req, lambda quota: self._shown(ctx, quota, self._quotas.value(ctx.scope, quota)))

    def get_service_quota(self, ctx: Context, req: Params) -> Result:
        """The value of a quota that applies."""
        quota = _quota(req)
        return {"Quota": self._shown(ctx, quota, self._quotas.value(ctx.scope, quota))}

    def list_aws_default_service_quotas(self, ctx: Context, req: Params) -> Result:
        """The values before any increase, by quota name."""
        _check_service(req)
        return _page(_all(), req, lambda quota: self._shown(ctx, quota, self._quotas.default(quota)))

    def get_aws_default_service_quota(self, ctx: Context, req: Params) -> Result:
        """The value of a quota before any increase."""
        quota = _quota(req)
        return {"Quota": self._shown(ctx, quota, self._quotas.default(quota))}

    def request_service_quota_increase(self, ctx: Context, req: Params) -> Result:
        """Grant more at once, or record that it is more than is ever granted."""
        quota, desired = _quota(req), float(req["DesiredValue"])
        current = self._quotas.value(ctx.scope, quota)
        if desired <= current:
            raise _illegal(
                f"You must provide a quota value greater than the current quota value; got {desired:g}, current: "
                f"{current:g}."
            )
        is_granted = desired <= quota.most
        request = {
            "Id": new_request_id().replace("-", ""),
            "DesiredValue": desired,
            "QuotaCode": quota.code,
            "Requester": _requester(ctx),
        }
        record = QUOTA_REQUEST.create(ctx, request)
        if is_granted:
            _apply(ctx, quota, desired)
        settled = QUOTA_REQUEST.move(ctx, record, "APPROVED" if is_granted else "DENIED")
        return {"RequestedQuota": _request_shown(ctx, settled or record)}

    def get_requested_service_quota_change(self, ctx: Context, req: Params) -> Result:
        """One request."""
        return {"RequestedQuota": _request_shown(ctx, QUOTA_REQUEST.get(ctx, req["RequestId"]))}

    def list_requested_service_quota_change_history(self, ctx: Context, req: Params) -> Result:
        """The requests of the account in this region, the newest first."""
        if req.get("ServiceCode") is not None:
            _check_service(req)
        return self._history(ctx, req, None)

    def list_requested_service_quota_change_history_by_quota(self, ctx: Context, req: Params) -> Result:
        """The requests about one quota, the newest first."""
        return self._history(ctx, req, _quota(req).code)

    def _history(self, ctx: Context, req: Params, code: str | None) -> Result:
        _check_level(req.get("QuotaRequestedAtLevel"))
        limit, token = int(req.get("MaxResults", _PAGE)), req.get("NextToken")
        listing = Listing(
            is_descending=True,
            status=req.get("Status"),
            limit=1 << 30 if code else limit + 1,
            after=_place(token, "created") if token else None,
        )
        found = ctx.store.list(QUOTA_REQUEST.id, ctx.scope, listing)
        records = [record for record in found if code in {None, record.request["QuotaCode"]}][: limit + 1]
        result: dict[str, Any] = {
            "RequestedQuotas": [_request_shown(ctx, record) for record in records[:limit]]
        }
        if len(records) > limit:
            result["NextToken"] = write_token(listing.position(records[limit - 1]), "created")
        return result

    def _shown(self, ctx: Context, quota: Quota, value: float) -> dict[str, Any]:
        return {
            **_facts(ctx, quota),
            "Value": value,
            "Adjustable": self._quotas.default(quota) < quota.most,
            "QuotaAppliedAtLevel": "ACCOUNT",
        }

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        resource = APPLIED_QUOTA.arn(scope, str(params["QuotaCode"])) if "QuotaCode" in params else "*"
        return (Grant(f"servicequotas:{operation}", resource),)


def _all() -> list[Quota]:
    return list(sagemaker_quotas().values())


def _quota(req: Mapping[str, Any]) -> Quota:
    _check_service(req)
    if "ContextId" in req:
        raise _illegal("ContextId names a resource; Sagesse has quotas at account level only.")
    for quota in _all():
        if quota.code == req["QuotaCode"]:
            return quota
    raise no_such("quota")


def _check_service(req: Mapping[str, Any]) -> None:
    if req["ServiceCode"] != _CODE:
        raise no_such("service")


def _check_level(level: str | None) -> None:
    if level == "RESOURCE":
        raise _illegal("Sagesse has quotas at account level only; allowed: ACCOUNT, ALL.")


def _apply(ctx: Context, quota: Quota, value: float) -> None:
    try:
        APPLIED_QUOTA.create(ctx, {"QuotaCode": quota.code}, output={"Value": value})
    except ServiceError as error:
        if not isinstance(error.__cause__, AlreadyExists):
            raise
        APPLIED_QUOTA.amend(ctx, error.__cause__.existing, output={"Value": value})


def _facts(ctx: Context, quota: Quota) -> dict[str, Any]:
    return {
        "ServiceCode": _CODE,
        "ServiceName": _NAME,
        "QuotaArn": APPLIED_QUOTA.arn(ctx.scope, quota.code),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Unit": "Seconds" if quota.unit == "Seconds" else "None",
        "GlobalQuota": False,
    }


def _request_shown(ctx: Context, record: Record) -> dict[str, Any]:
    quota = next(quota for quota in _all() if quota.code == record.request["QuotaCode"])
    return {
        **_facts(ctx, quota),
        "Id": record.name,
        "DesiredValue": record.request["DesiredValue"],
        "Status": record.status,
        "Created": record.created,
        "LastUpdated": record.modified,
        "Requester": record.request["Requester"],
        "QuotaRequestedAtLevel": "ACCOUNT",
    }


def _requester(ctx: Context) -> str:
    return f'{{"accountId":"{ctx.account}","callerArn":"{ctx.principal.arn}"}}'


def _page(
    quotas: list[Quota], req: Mapping[str, Any], show: Callable[[Quota], dict[str, Any]]
) -> dict[str, Any]:
    """A page of `quotas`, which are sorted by name."""
    limit, token = int(req.get("MaxResults", _PAGE)), req.get("NextToken")
    if token:
        _, after = _place(token, "name")
        quotas = [quota for quota in quotas if quota.name > after]
    result: dict[str, Any] = {"Quotas": [show(quota) for quota in quotas[:limit]]}
    if len(quotas) > limit:
        last = quotas[limit - 1].name
        result["NextToken"] = write_token((last, last), "name")
    return result


def _place(token: str, sort: str) -> tuple[str | float, str]:
    try:
        return read_token(token, sort)
    except ServiceError as error:
        raise ServiceError("InvalidPaginationTokenException", "Invalid token was provided.") from error


def _illegal(message: str) -> ServiceError:
    return ServiceError("IllegalArgumentException", message)
