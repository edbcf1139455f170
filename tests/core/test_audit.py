"""The trail on a disk that takes nothing for a while."""

import errno
import json
import logging
import os
from pathlib import Path

import pytest

from sagesse.core.audit import AuditLog
from sagesse.core.call import Call
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
