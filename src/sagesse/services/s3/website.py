"""Website configurations of buckets; `wire.website` answers browsers by them."""

from collections.abc import Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import invalid_argument, malformed_xml
from sagesse.services.s3._family import Family
from sagesse.services.s3._setting import WEBSITE

_MAX_RULES = 50
_BESIDE_REDIRECT = ("IndexDocument", "ErrorDocument", "RoutingRules")


class Websites(Family):
    """Put, get and delete how a bucket answers as a website."""

    async def get_bucket_website(self, ctx: Context, req: Params) -> Result:
        """The configuration as it was put."""
        bucket = self._bucket(req)
        website = bucket.settings.get(WEBSITE)
        if website is None:
            raise ServiceError(
                "NoSuchWebsiteConfiguration",
                "The specified bucket does not have a website configuration",
                status=404,
                fields={"BucketName": bucket.name},
            )
        return website

    async def put_bucket_website(self, ctx: Context, req: Params) -> Result:
        """Replace the configuration."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req["WebsiteConfiguration"]
        _check(wish)
        await self._objects.configure_bucket(bucket.name, WEBSITE, wish)
        return None

    async def delete_bucket_website(self, ctx: Context, req: Params) -> Result:
        """Be no website any more."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, WEBSITE, None)
        return None


def website_of(objects: ObjectStore, name: str) -> Mapping[str, Any] | None:
    """The website configuration of a bucket, or None."""
    bucket = objects.find_bucket(name)
    return bucket.settings.get(WEBSITE) if bucket else None


def _check(wish: dict[str, Any]) -> None:
    """A redirect of everything, or an index document with what may stand beside it.

    Raises:
        ServiceError: MalformedXML, InvalidArgument, InvalidRequest.
    """
    if "RedirectAllRequestsTo" in wish:
        if any(member in wish for member in _BESIDE_REDIRECT) or not wish["RedirectAllRequestsTo"].get(
            "HostName"
        ):
            raise malformed_xml()
        _check_protocol(wish["RedirectAllRequestsTo"])
        return
    if "IndexDocument" not in wish:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            None,
        )
    suffix = wish["IndexDocument"].get("Suffix")
    if not suffix or "/" in suffix:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    rules: list[dict[str, Any]] = wish.get("RoutingRules") or []
    if len(rules) > _MAX_RULES:
        message = (
            f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is "
        )
        raise ServiceError("InvalidRequest", f"{message}limited to {_MAX_RULES}.", status=400)
    for rule in rules:
        redirect: dict[str, str] = rule.get("Redirect") or {}
        if not redirect or {"ReplaceKeyWith", "ReplaceKeyPrefixWith"} <= redirect.keys():
            raise malformed_xml()
        _check_protocol(redirect)
        code = redirect.get("HttpRedirectCode", "301")
        if not (code.isdecimal() and 301 <= int(code) <= 399):
            raise invalid_argument(
                f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.",
                "HttpRedirectCode",
                code,
            )


def _check_protocol(redirect: Mapping[str, str]) -> None:
    if redirect.get("Protocol", "http") not in {"http", "https"}:
        raise invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically."
        )
