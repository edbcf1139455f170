"""What every declared resource must do, seen by an unmodified boto3 client.

A test module names its samples and gets the whole suite:

    @pytest.fixture(params=SAMPLES, ids=lambda sample: sample.kind.id)
    def sample(request): return request.param

    class TestKinds(KindSuite): ...

It needs the fixtures `server` (a shared `sagesse.testing.server.Server`) and `sample`.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pytest
from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

from sagesse.core.kind import Kind
from sagesse.core.model import Operation, service_model
from sagesse.core.scope import Scope
from sagesse.testing.server import Server

_REGION = "us-east-1"
_TOLD_S = 60.0


def _nothing(_: Any) -> None:
    """A sample that needs nothing else to exist."""


class Sample(NamedTuple):
    """How to make one resource of a kind.

    Args:
        kind: the kind.
        create: the operation that makes it.
        params: the request for a resource of that name.
        prepare: makes what it stands on, with a function that gives boto3 clients; run once per test, so it must
            bear what exists.
    """

    kind: Kind
    create: str
    params: Callable[[str], dict[str, Any]]
    prepare: Callable[[Callable[[str], Any]], None] = _nothing


class KindSuite:
    """Every kind passes these."""

    def test_create_answers_the_arn(self, server: Server, sample: Sample) -> None:
        """Where the output has an ARN, it is the kind's ARN for that name."""
        answer = _make(server, sample, "answers-arn")
        if sample.kind.arn_member in answer:
            assert answer[sample.kind.arn_member] == sample.kind.arn(_scope(server), "answers-arn")

    def test_a_second_of_the_same_name_is_refused(self, server: Server, sample: Sample) -> None:
        """With an error that names the resource, and nothing is lost."""
        _make(server, sample, "twice")
        with pytest.raises(ClientError) as refusal:
            _make(server, sample, "twice")
        assert _status(refusal) in {400, 409}
        assert "twice" in _message(refusal)

    def test_describe_tells_the_request_and_the_facts(self, server: Server, sample: Sample) -> None:
        """Name, time and state are there; the state is one of the lifecycle's."""
        _make(server, sample, "described")
        facts = _describe(server, sample, "described")
        assert facts[sample.kind.name_member or sample.kind.key] == "described"
        assert sample.kind.created_member in facts
        if sample.kind.lifecycle is not None:
            assert facts[sample.kind.status_member] in sample.kind.lifecycle.states

    def test_describe_of_nothing_is_the_kinds_error(self, server: Server, sample: Sample) -> None:
        """Code and words are those the kind declares."""
        with pytest.raises(ClientError) as refusal:
            _describe(server, sample, "nobody")
        declared = sample.kind.missing("nobody", sample.kind.arn(_scope(server), "nobody"))
        assert _message(refusal) == declared.message

    def test_the_list_pages_through_all_of_them(self, server: Server, sample: Sample) -> None:
        """Pages of one row join to the whole, once each."""
        operation = _listing(sample)
        names = [f"paged-{number}" for number in range(3)]
        for name in names:
            _make(server, sample, name)
        found = [name for name in _pages(server, sample, operation, {}) if name.startswith("paged-")]
        assert sorted(found) == names

    @pytest.mark.parametrize("order", ["Ascending", "Descending"])
    def test_the_list_is_sorted_by_name_when_asked(self, server: Server, sample: Sample, order: str) -> None:
        """In both directions."""
        operation = _listing(sample)
        if "SortBy" not in operation.input_members:
            pytest.skip("the operation has no SortBy")
        for name in ("sort-b", "sort-a", "sort-c"):
            _make(server, sample, f"{name}-{order.lower()}")
        asked = {"SortBy": "Name", "SortOrder": order, "NameContains": f"-{order.lower()}"}
        found = _pages(server, sample, operation, asked)
        assert found == sorted(found, reverse=order == "Descending")
        assert len(found) == 3

    def test_the_list_is_filtered_by_name_and_time(self, server: Server, sample: Sample) -> None:
        """Filters leave out what does not match."""
        operation = _listing(sample)
        if "NameContains" not in operation.input_members:
            pytest.skip("the operation has no NameContains")
        _make(server, sample, "filter-me")
        created = _describe(server, sample, "filter-me")[sample.kind.created_member]
        assert _pages(server, sample, operation, {"NameContains": "ilter-m"}) == ["filter-me"]
        late = {"NameContains": "ilter-m", "CreationTimeAfter": created.timestamp() + 60}
        assert _pages(server, sample, operation, late) == []

    def test_a_bad_page_token_is_refused(self, server: Server, sample: Sample) -> None:
        """With 400, whatever it is."""
        operation = _listing(sample)
        token = operation.service.paginators[operation.name]["input_token"]
        with pytest.raises(ClientError) as refusal:
            _call(server, operation, {token: "nonsense"})
        assert _status(refusal) == 400

    def test_tags_are_added_listed_and_removed(self, server: Server, sample: Sample) -> None:
        """By ARN, where the service has them so."""
        if sample.kind.service != "sagemaker":
            pytest.skip("the service's tag operations have tests of their own")
        arn = _make(server, sample, "tagged")[sample.kind.arn_member]
        client = server.client("sagemaker")
        client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        client.delete_tags(ResourceArn=arn, TagKeys=["a"])
        assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]

    def test_a_user_without_permission_is_refused(self, server: Server, sample: Sample) -> None:
        """In AWS's words, and nothing is made."""
        sample.prepare(server.client)
        client = _powerless(server, sample.kind.service)
        operation = service_model(sample.kind.service).operations[sample.create]
        with pytest.raises(ClientError) as refusal:
            getattr(client, operation.method_name)(**sample.params("forbidden"))
        assert _status(refusal) in {400, 403}  # JSON services say 400
        assert "is not authorized to perform" in _message(refusal)
        with pytest.raises(ClientError):
            _describe(server, sample, "forbidden")

    def test_the_call_is_in_the_audit_trail(self, server: Server, sample: Sample) -> None:
        """With its name and parameters, when the answer has been heard."""
        _make(server, sample, "audited")
        lines = [
            line for file in (server.data_dir / "audit").iterdir() for line in file.read_text().splitlines()
        ]
        events = [event for event in map(orjson.loads, lines) if event["eventName"] == sample.create]
        assert any(event["requestParameters"].get(sample.kind.key) == "audited" for event in events)

    def test_what_the_kind_declares_is_told(self, server: Server, sample: Sample) -> None:
        """Its creation comes to the bus, with its description."""
        if sample.kind.event is None:
            pytest.skip("the kind tells nothing")
        _make(server, sample, "told")
        arn = sample.kind.arn(_scope(server), "told")
        end = time.monotonic() + _TOLD_S
        while not (found := [one["event"] for one in server.events() if _is_about(one, arn)]):
            assert time.monotonic() < end, "nothing was told in time"
            threading.Event().wait(0.02)
        assert found[0]["detail-type"] == sample.kind.event.detail_type
        assert found[0]["detail"][sample.kind.name_member or sample.kind.key] == "told"

    def test_it_can_be_deleted_once(self, server: Server, sample: Sample) -> None:
        """Then it is missing."""
        if sample.kind.delete is None or sample.kind.deletable is not None:
            pytest.skip("deleting this kind has rules of its own, and tests of its own")
        _make(server, sample, "deleted")
        delete = service_model(sample.kind.service).operations[sample.kind.delete]
        _call(server, delete, {sample.kind.key: "deleted"})
        with pytest.raises(ClientError):
            _describe(server, sample, "deleted")


def _is_about(entry: dict[str, Any], arn: str) -> bool:
    return "event" in entry and entry["event"]["resources"] == [arn]


def _make(server: Server, sample: Sample, name: str) -> dict[str, Any]:
    sample.prepare(server.client)
    operation = service_model(sample.kind.service).operations[sample.create]
    return _call(server, operation, sample.params(name))


def _describe(server: Server, sample: Sample, name: str) -> dict[str, Any]:
    """The description, without the envelope some services put around it."""
    if sample.kind.describe is None:
        pytest.skip("the kind has no description of the common form")
    operation = service_model(sample.kind.service).operations[sample.kind.describe]
    answer = _call(server, operation, {sample.kind.key: name})
    return answer.get(sample.kind.name, answer)


def _listing(sample: Sample) -> Operation:
    if sample.kind.listing is None:
        pytest.skip("the kind has no listing of the common form")
    return service_model(sample.kind.service).operations[sample.kind.listing]


def _pages(server: Server, sample: Sample, operation: Operation, asked: dict[str, Any]) -> list[str]:
    """The names on all pages of one row each."""
    pages = operation.service.paginators[operation.name]
    names: list[str] = []
    request = {**asked, pages["limit_key"]: 1}
    while True:
        answer = _call(server, operation, request)
        rows = answer[sample.kind.summaries or pages["result_key"]]
        names += [row[sample.kind.name_member or sample.kind.key] for row in rows]
        token = answer.get(pages["output_token"])
        if not token:
            return names
        assert len(rows) == 1
        request = {**request, pages["input_token"]: token}


def _powerless(server: Server, service: str) -> Any:
    """A client of a user that no policy allows anything."""
    iam = server.client("iam")
    try:
        iam.create_user(UserName="powerless")
    except ClientError:
        for old in iam.list_access_keys(UserName="powerless")["AccessKeyMetadata"]:
            iam.delete_access_key(UserName="powerless", AccessKeyId=old["AccessKeyId"])
    key = iam.create_access_key(UserName="powerless")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return server.client(service, **keys)


def _call(server: Server, operation: Operation, request: dict[str, Any]) -> dict[str, Any]:
    return getattr(server.client(operation.service.name), operation.method_name)(**request)


def _scope(server: Server) -> Scope:
    return Scope(server.client("sts").get_caller_identity()["Account"], _REGION)


def _message(refusal: Any) -> str:
    return refusal.value.response["Error"]["Message"]


def _status(refusal: Any) -> int:
    return refusal.value.response["ResponseMetadata"]["HTTPStatusCode"]
