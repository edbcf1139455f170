"""Which operation a request means: by target header, RPC path, form action or REST path.

The headers decide, never the model: every service is answered in every protocol a client chooses. Only
the services in use are compiled; see docs/wire.md for the order of the rules and what is ambiguous by nature.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from typing import Protocol as Interface
from urllib.parse import unquote

from sagesse.core.error import NotImplementedOperation, ServiceError
from sagesse.core.model import SERVICES, service_model
from sagesse.wire.catalog import Catalog
from sagesse.wire.host import Host, parse_host
from sagesse.wire.message import Protocol, Route
from sagesse.wire.path import Match, PathTree, Rule, Rules

_FORM = "application/x-www-form-urlencoded"
_S3_CONTROL_ROOT = "/v20180820/"
_CONNECTIONS = "/@connections"
# Two generations of a service share tag paths; the ARN's form tells the older one.
_OLD_ARN = {"lex-models": ":bot:", "greengrass": ":/greengrass/"}


class Addressed(Interface):
    """The parts of a request that say where it goes; a `WireRequest` is one."""

    method: str
    raw_path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Router:
    """Routes requests to operations of `services`."""

    def __init__(self, services: Iterable[str] = SERVICES) -> None:
        self._catalog = Catalog(services)
        self._trees: dict[tuple[str, ...], PathTree] = {}

    def is_form(self, request: Addressed, signing_name: str | None) -> bool:
        """Whether the operation stands in the body of the request, which must be read before `route`."""
        headers = request.headers
        return (
            request.method == "POST"
            and request.raw_path in {"/", ""}
            and headers.get("content-type", "").startswith(_FORM)
            and "x-amz-target" not in headers
            and signing_name != "s3"
            and parse_host(headers.get("host", "")).endpoint != "s3"
        )

    def signing_name(self, service: str) -> str:
        """The name `service` is signed as."""
        return self._catalog.signing_name(service)

    def protocol(self, request: Addressed, signing_name: str | None) -> Protocol:
        """The protocol to answer in when `route` fails."""
        if "x-amz-target" in request.headers:
            return "json"
        if "smithy-protocol" in request.headers:
            return "cbor"
        if self.is_form(request, signing_name) or _has_action(request):
            return "query"
        services = self._candidates(parse_host(request.headers.get("host", "")), signing_name)
        return self._rest_protocol(services[0]) if services else "rest-json"

    def route(self, request: Addressed, signing_name: str | None) -> Route:
        """The operation `request` means; `signing_name` is the service of its credential scope.

        Raises:
            ServiceError: no service or operation of ours.
        """
        headers = request.headers
        host = parse_host(headers.get("host", ""))
        target = headers.get("x-amz-target")
        if target is not None:
            prefix, _, operation = target.rpartition(".")
            services = self._known(self._catalog.by_target(prefix), signing_name, host)
            return Route(self._owner(services, operation, host), operation, "json", {})
        if "smithy-protocol" in headers:
            return self._by_rpc_path(request, signing_name, host)
        if self.is_form(request, signing_name) or _has_action(request):
            return self._by_action(request, signing_name, host)
        return self._by_path(request, signing_name, host)

    def _by_rpc_path(self, request: Addressed, signing_name: str | None, host: Host) -> Route:
        protocol = request.headers["smithy-protocol"]
        if protocol != "rpc-v2-cbor":
            raise ServiceError("SerializationException", f"The protocol {protocol[:40]!r} is not supported.")
        parts = request.raw_path.split("/")
        if len(parts) != 5 or parts[1] != "service" or parts[3] != "operation":
            raise _unknown_operation(f"{request.method} {request.raw_path[:200]}")
        services = self._known(self._catalog.by_target(parts[2]), signing_name, host)
        return Route(self._owner(services, parts[4], host), parts[4], "cbor", {})

    def _by_action(self, request: Addressed, signing_name: str | None, host: Host) -> Route:
        form = request.body.decode("latin-1") if request.body else request.query
        action, version = _field(form, "Action"), _field(form, "Version")
        services = self._candidates(host, signing_name)
        if signing_name is None and not host.is_aws:
            services = self._catalog.by_version(version) or services
        if not action:
            raise ServiceError("MissingAction", "The request is missing an Action parameter.")
        services = self._known(services, signing_name, host)
        return Route(self._owner(services, action, host), action, "query", {})

    def _by_path(self, request: Addressed, signing_name: str | None, host: Host) -> Route:
        services = self._known(self._candidates(host, signing_name), signing_name, host)
        path = request.raw_path
        if services[0] in {"s3", "s3control"}:
            services = ("s3control",) if _is_s3_control(request, host) else ("s3",)
            path = f"/{host.bucket}{path}" if host.bucket and services[0] == "s3" else path
        elif services[0] == "apigatewaymanagementapi":
            path = path[max(0, path.find(_CONNECTIONS)) :]
        rule, match = self._rule(services, path, request, host)
        values = match.values
        if "%" in path or not path.isascii():
            values = [_decoded(value, rule) for value in values]
        labels = dict(zip(rule.labels, values, strict=True))
        return Route(rule.service, rule.operation, self._rest_protocol(rule.service), labels)

    def _rule(
        self, services: tuple[str, ...], path: str, request: Addressed, host: Host
    ) -> tuple[Rule, Match]:
        query = _query_names(request.query) if request.query else {}
        preferred = self._by_host(host) if host.endpoint else ()
        for match in self._tree(services).matches(path):
            rule = _choose(match, request, query, preferred)
            if rule is not None:
                return rule, match
        if services == ("s3",):
            raise _not_an_s3_operation(request)
        raise _unknown_operation(f"{request.method} {path[:200]}")

    def _candidates(self, host: Host, signing_name: str | None) -> tuple[str, ...]:
        """Services a request may mean: by its signature, else by its host, else S3."""
        if signing_name is not None:
            return self._catalog.by_signing_name(signing_name)
        by_host = self._by_host(host)
        return by_host if by_host or host.is_aws else self._known_s3()

    def _known_s3(self) -> tuple[str, ...]:
        return self._catalog.by_signing_name("s3")

    def _by_host(self, host: Host) -> tuple[str, ...]:
        """Services whose endpoint the host is, account ids and other host prefixes dropped."""
        endpoint = host.endpoint
        while endpoint:
            if services := self._catalog.by_endpoint(endpoint):
                return services
            endpoint = endpoint.partition(".")[2]
        return ()

    def _known(self, services: tuple[str, ...], signing_name: str | None, host: Host) -> tuple[str, ...]:
        if services:
            return services
        name = signing_name or host.endpoint or host.name
        if signing_name is None or not self._catalog.by_signing_name(signing_name):
            where = f" (host {host.name})" if host.name else ""
            raise ServiceError(
                "NotImplemented",
                f"Sagesse does not offer the service {name[:80]!r}{where[:300]}. docs/services lists what works.",
                status=501,
            )
        raise _unknown_operation(f"for the service {name!r}")

    def _owner(self, services: tuple[str, ...], operation: str, host: Host) -> str:
        """The one of `services` that has `operation`; the host, the name, the size decide between several."""
        owners = [name for name in services if operation in service_model(name).operations]
        if not owners:
            raise _unknown_operation(f"{operation[:100]!r} of {services[0]}")
        if len(owners) == 1:
            return owners[0]
        preferred = self._by_host(host)
        return min(
            owners,
            key=lambda name: (
                name not in preferred,
                name != self._catalog.signing_name(name),
                -len(service_model(name).operations),
            ),
        )

    def _rest_protocol(self, service: str) -> Protocol:
        match self._catalog.metadata[service]["protocol"]:
            case "rest-xml":
                return "rest-xml"
            case "query":
                return "query"
            case "rest-json":
                return "rest-json"
            case _:
                return "json"

    def _tree(self, services: tuple[str, ...]) -> PathTree:
        tree = self._trees.get(services)
        if tree is None:
            tree = self._trees[services] = PathTree()
            for name in services:
                if self._catalog.is_rest(name):
                    _add_rules(tree, name)
        return tree


def _add_rules(tree: PathTree, service: str) -> None:
    model = service_model(service)
    for operation in model.operations.values():
        path, _, query = operation.http["requestUri"].partition("?")
        required = model.shapes[operation.input].get("required", ()) if operation.input else ()
        members = [(name, operation.input_members[name]) for name in required]
        literals = [part.partition("=") for part in query.split("&") if part]
        rule = Rule(
            service=service,
            operation=operation.name,
            method=operation.http["method"],
            labels=tuple(part.strip("{}+") for part in path.split("/") if part.startswith("{")),
            literals=tuple((name, value) for name, _, value in literals),
            query=_at(members, "querystring"),
            headers=tuple(name.lower() for name in _at(members, "header")),
            is_deprecated=bool(operation.raw.get("deprecated")),
            ends_in_slash=path.endswith("/"),
        )
        tree.add(path, rule)


def _at(members: Iterable[tuple[str, Mapping[str, Any]]], location: str) -> tuple[str, ...]:
    return tuple(
        str(ref.get("locationName", name)) for name, ref in members if ref.get("location") == location
    )


def _choose(
    match: Match, request: Addressed, query: dict[str, str], preferred: tuple[str, ...]
) -> Rule | None:
    """The rule that demands most of what the request has.

    A rule whose own query literals are missing is out; required members only rank, so that a request which forgot
    one reaches the operation it means and is told so there.
    """
    rules = match.rules.get(request.method)
    if rules is None:
        return None
    if not query and rules.plain is not None and rules.headers.isdisjoint(request.headers):
        return rules.plain
    fitting = [rule for rule in rules.every if not rule.literals or _has_literals(rule, query)]
    if not fitting:
        return None
    if len(fitting) > 1:
        fitting = _most_demanding(fitting, request, query)
    if len(fitting) > 1:
        fitting = [max(fitting, key=lambda rule: _likeness(rule, request, match, preferred))]
    rule = fitting[0]
    if query and not rule.literals and rule.service == "s3":
        if _names_subresource(match.rules, query):
            return None  # DELETE /bucket?acl must never delete the bucket
        return _meant(rule, rules, query)
    return rule


def _meant(rule: Rule, rules: Rules, query: dict[str, str]) -> Rule:
    """The rule that needs one of the parameters: PUT /bucket/key?uploadId=... must never write the object."""
    plain = [rule, *(other for other in rules.every if not other.literals)]
    return next((other for other in plain if any(name in query for name in other.query)), rule)


def _most_demanding(rules: list[Rule], request: Addressed, query: dict[str, str]) -> list[Rule]:
    """Of the rules with most query literals, those that lack least of what they require and require most."""
    if query:
        most = max(len(rule.literals) for rule in rules)
        rules = [rule for rule in rules if len(rule.literals) == most]
    ranks = [_rank(rule, request, query) for rule in rules]
    best = max(ranks)
    return [rule for rule, rank in zip(rules, ranks, strict=True) if rank == best]


def _rank(rule: Rule, request: Addressed, query: dict[str, str]) -> tuple[int, int]:
    present = missing = 0
    for name in rule.query:
        if name in query:
            present += 1
        else:
            missing += 1
    for name in rule.headers:
        if name in request.headers:
            present += 1
        else:
            missing += 1
    return (-missing, present)


def _likeness(
    rule: Rule, request: Addressed, match: Match, preferred: tuple[str, ...]
) -> tuple[bool, int, bool]:
    """How much the path's end, the host or an ARN in the path speak for a rule among equals."""
    marker = _OLD_ARN.get(rule.service)
    if rule.service in preferred:
        service = 2
    elif marker is None:
        service = 0
    else:
        service = 1 if any(marker in unquote(value) for value in match.values) else -1
    same_end = request.raw_path.endswith("/") == rule.ends_in_slash
    return same_end, service, not rule.is_deprecated


def _has_literals(rule: Rule, query: dict[str, str]) -> bool:
    return all(name in query and value in {"", query[name]} for name, value in rule.literals)


def _names_subresource(rules: Mapping[str, Rules], query: dict[str, str]) -> bool:
    return any(name in query for some in rules.values() for rule in some.every for name, _ in rule.literals)


def _is_s3_control(request: Addressed, host: Host) -> bool:
    if host.endpoint.endswith("s3-control"):
        return True
    return request.raw_path.startswith(_S3_CONTROL_ROOT) and "x-amz-account-id" in request.headers


def _has_action(request: Addressed) -> bool:
    """Whether the query string carries the operation, as presigned STS requests do."""
    return request.raw_path in {"/", ""} and (
        request.query.startswith("Action=") or "&Action=" in request.query
    )


def _field(form: str, name: str) -> str:
    for part in form.split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return unquote(value)
    return ""


def _query_names(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _decoded(value: str, rule: Rule) -> str:
    try:
        return unquote(value, errors="strict") if value.isascii() else value.encode("latin-1").decode()
    except UnicodeError:
        code = "InvalidURI" if rule.service == "s3" else "SerializationException"
        raise ServiceError(code, f"Couldn't parse the specified URI: {value[:200]}", status=400) from None


def _not_an_s3_operation(request: Addressed) -> ServiceError:
    if request.method == "POST" and request.headers.get("content-type", "").startswith("multipart/form-data"):
        return NotImplementedOperation("s3", "PostObject")
    return ServiceError(
        "MethodNotAllowed", "The specified method is not allowed against this resource.", status=405
    )


def _unknown_operation(what: str) -> ServiceError:
    return ServiceError("UnknownOperationException", f"There is no operation {what}.", status=404)


@cache
def router() -> Router:
    """The router over every service; compiled as it is used."""
    return Router()
