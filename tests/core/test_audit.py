"""The trail on a disk that takes nothing for a while."""

import errno
import json
import logging
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sagesse.core.audit import AuditLog
from sagesse.core.call import Call
from sagesse.core.error import ServiceError
from sagesse.core.principal import Principal


def call(number: int) -> Call:
    return Call(
        service="s3",
        operation="GetObject",
        region="us-east-1",
        principal=Principal.service("test.amazonaws.com", "123456789012"),
        params={"Key": str(number)},
        request_id=str(number),
    )


def keys(folder: Path) -> list[str]:
    lines = [line for file in folder.iterdir() for line in file.read_text().splitlines()]
    return [json.loads(line)["requestParameters"]["Key"] for line in lines]


@pytest.mark.parametrize("taken", [None, 10], ids=["nothing", "half a line"])
def test_calls_go_on_while_the_trail_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, taken: int | None
) -> None:
    audit, write = AuditLog(tmp_path), os.write

    def full(file: int, line: bytes) -> int:
        if taken is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, line[:taken])

    audit.write(call(1), 1e9, error=None, result=None)
    with caplog.at_level(logging.ERROR), monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        audit.write(call(2), 1e9, error=None, result=None)
        audit.write(call(3), 1e9, error=None, result=None)
    audit.write(call(4), 1e9, error=None, result=None)
    audit.close()
    assert keys(tmp_path) == ["1", "4"]
    assert [record.getMessage()[:30] for record in caplog.records][:1] == ["the audit trail cannot be writ"]
    assert "2 calls are missing" in caplog.records[-1].getMessage()


def written(
    tmp_path: Path, operation: str, params: dict[str, object], **more: ServiceError
) -> dict[str, Any]:
    audit = AuditLog(tmp_path)
    audit.write(
        msgspec.structs.replace(call(1), operation=operation, params=params),
        1e9,
        error=more.get("error"),
        result=None,
    )
    audit.close()
    (file,) = tmp_path.iterdir()
    return json.loads(file.read_bytes())


def test_payloads_and_secrets_in_lists_are_left_out(tmp_path: Path) -> None:
    params = {"logEvents": [{"message": "private"}] * 3, "Keys": [{"SecretAccessKey": "secret", "Id": 1}]}
    assert written(tmp_path, "PutLogEvents", params)["requestParameters"] == {
        "logEvents": "<3 items>",
        "Keys": [{"SecretAccessKey": "HIDDEN_DUE_TO_SECURITY_REASONS", "Id": 1}],
    }


def test_a_record_is_of_bounded_size(tmp_path: Path) -> None:
    error = ServiceError("ValidationException", "x" * 1_000_000)
    record = written(tmp_path, "CreateModel", {"Name": "y" * 1_000_000}, error=error)
    assert record["requestParameters"]["omitted"] is True
    assert record["requestParameters"]["originalSize"] > 1_000_000
    assert record["errorMessage"] == "x" * 1024
    assert record["eventName"] == "CreateModel"


def test_old_days_are_removed(tmp_path: Path) -> None:
    audit, day = AuditLog(tmp_path), 86_400
    for number in range(5):
        audit.write(call(number), 1e9 + number * day, error=None, result=None)
    audit.sweep(1e9 + 4 * day, 0)
    assert len(keys(tmp_path)) == 5

    audit.sweep(1e9 + 4 * day, 2)
    audit.write(call(9), 1e9 + 4 * day, error=None, result=None)
    audit.close()
    assert sorted(keys(tmp_path)) == ["2", "3", "4", "9"]
