"""Channels as files through an unmodified boto3: what is shared, and that sharing harms nobody."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import BUCKET, channel, log_lines, make_bucket, run_job, script_job

LARGE = b"0123456789abcdef" * (8 << 10)  # beyond what the index of objects holds
DATA = "/opt/ml/input/data"
INODES = f"import os\nprint([os.stat('{DATA}/train/' + name).st_ino for name in sorted(os.listdir('{DATA}/train'))])"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the file system fs-12345678."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "set/deep").mkdir(parents=True)
    (folder / "set/a.txt").write_text("in the file system")
    (folder / "out").symlink_to("/etc")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Any:
    """A server that knows a file system."""
    data = tmp_path_factory.mktemp("server")
    (data / "settings.json").write_text(json.dumps({"file_systems": {"fs-12345678": str(shared)}}))
    with Server(data) as running:
        make_bucket(running)
        put(running, "set/large", LARGE)
        put(running, "set/small", b"small")
        yield running


def put(server: Server, key: str, body: bytes) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def files(mode: str, key: str = "set/", **source: Any) -> dict[str, Any]:
    asked = channel("train", f"s3://{BUCKET}/{key}")
    asked["DataSource"]["S3DataSource"] |= source
    return {**asked, "InputMode": mode}


def mounted(access: str, path: str, name: str = "fs-12345678") -> dict[str, Any]:
    source = {
        "FileSystemId": name,
        "FileSystemAccessMode": access,
        "FileSystemType": "EFS",
        "DirectoryPath": path,
    }
    return {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}}


def said_by(server: Server, name: str, script: str, *channels: dict[str, Any], **members: Any) -> list[str]:
    facts = run_job(server, script_job(server, name, script, InputDataConfig=list(channels), **members))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    return log_lines(server, name)


def test_a_job_that_writes_into_its_files_changes_neither_s3_nor_the_next_job(server: Server) -> None:
    scribbles = (
        "import os\n"
        f"os.chdir('{DATA}/train')\n"
        "for name in ('large', 'small'):\n"
        "    with open(name, 'r+b') as file: file.write(b'XX')\n"
        "    with open(name, 'ab') as file: file.write(b'YY')\n"
        "    os.chmod(name, 0o777)\n"
        "print(open('large', 'rb').read(4), os.path.getsize('large'))\n"
        "os.remove('small')\n"
        "open('mine', 'w').write('mine')\n"
        "print(sorted(os.listdir('.')))\n"
    )
    said = said_by(server, "scribbles", scribbles, files("File"))
    assert said == [f"b'XX23' {len(LARGE) + 2}", "['large', 'mine']"]
    stored = server.client("s3").get_object(Bucket=BUCKET, Key="set/large")["Body"].read()
    assert stored == LARGE
    looks = f"import os\nprint(sorted(os.listdir('{DATA}/train')), open('{DATA}/train/large','rb').read(4))"
    assert said_by(server, "looks", looks, files("File")) == ["['large', 'small'] b'0123'"]


def test_fast_files_are_the_bytes_of_s3_and_cannot_be_written(server: Server) -> None:
    script = (
        f"{INODES}\nimport errno\nd = '{DATA}/train'\n"
        "writes = (\n"
        "    lambda: open(f'{d}/large', 'r+b'),\n"
        "    lambda: os.remove(f'{d}/small'),\n"
        "    lambda: open(f'{d}/new', 'w'),\n"
        "    lambda: os.chmod(f'{d}/large', 0o777),\n"
        ")\n"
        "for write in writes:\n"
        "    try: write(); print('written')\n"
        "    except OSError as error: print(errno.errorcode[error.errno])\n"
    )
    inodes, *errors = said_by(server, "fast", script, files("FastFile"))
    assert errors == ["EROFS"] * 4
    blobs = {path.stat().st_ino for path in (server.data_dir / "objects/blobs").rglob("*") if path.is_file()}
    assert json.loads(inodes)[0] in blobs


def test_an_object_in_pieces_is_put_together_once(server: Server) -> None:
    s3 = server.client("s3")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="pieces/one")["UploadId"]
    sizes = [(5 << 20), (5 << 20) + 7, 3]  # of different sizes, so each is in a file of its own
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=BUCKET,
                Key="pieces/one",
                UploadId=upload,
                PartNumber=number,
                Body=bytes([number]) * size,
            )["ETag"],
        }
        for number, size in enumerate(sizes, 1)
    ]
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key="pieces/one", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    s3.copy_object(Bucket=BUCKET, Key="copied/other", CopySource=f"{BUCKET}/pieces/one")
    check = (
        f"import zlib, glob\nprint(zlib.crc32(open(glob.glob('{DATA}/train/*')[0], 'rb').read()))\n" + INODES
    )
    first = said_by(server, "pieces-1", check, files("FastFile", "pieces/"))
    again = said_by(server, "pieces-2", check, files("FastFile", "copied/"))
    assert first == again
    kept = [path for path in (server.data_dir / "channel-cache/content").rglob("*") if path.is_file()]
    assert [path.stat().st_size for path in kept] == [sum(sizes)]


def test_what_s3_keeps_encrypted_is_nowhere_else(server: Server) -> None:
    before = set((server.data_dir / "channel-cache").rglob("*"))
    server.client("s3").put_object(Bucket=BUCKET, Key="sealed/one", Body=LARGE, ServerSideEncryption="AES256")
    script = f"print(open('{DATA}/train/one', 'rb').read() == {LARGE[:16]!r} * {len(LARGE) // 16})"
    assert said_by(server, "sealed", script, files("FastFile", "sealed/")) == ["True"]
    assert set((server.data_dir / "channel-cache").rglob("*")) == before


def test_a_manifest_names_a_file_twice(server: Server) -> None:
    put(server, "m", json.dumps([{"prefix": f"s3://{BUCKET}/set/"}, "small", "large", "small"]).encode())
    script = f"import os\nprint(sorted(os.listdir('{DATA}/train')))"
    given = files("File", "m", S3DataType="ManifestFile")
    assert said_by(server, "twice", script, given) == ["['large', 'small']"]


def test_a_manifest_with_two_prefixes_fails_the_job(server: Server) -> None:
    content = [{"prefix": f"s3://{BUCKET}/set/"}, "small", {"prefix": "s3://other/"}]
    put(server, "two", json.dumps(content).encode())
    given = files("File", "two", S3DataType="ManifestFile")
    facts = run_job(server, script_job(server, "two-prefixes", "", InputDataConfig=[given]))
    assert facts["FailureReason"].startswith(
        "ClientError: Data download failed: s3://flows/two is no manifest"
    )
    assert "several prefixes" in facts["FailureReason"]


def test_a_file_system_is_a_folder_of_this_machine(server: Server, shared: Path) -> None:
    script = (
        f"print(open('{DATA}/train/a.txt').read())\nopen('{DATA}/train/deep/new', 'w').write('from the job')"
    )
    assert said_by(server, "mounts", script, mounted("rw", "/set")) == ["in the file system"]
    assert (shared / "set/deep/new").read_text() == "from the job"


def test_a_file_system_for_reading_cannot_be_written(server: Server, shared: Path) -> None:
    script = (
        "import errno\n"
        f"try: open('{DATA}/train/a.txt', 'w')\n"
        "except OSError as error: print(errno.errorcode[error.errno])"
    )
    assert said_by(server, "mounts-ro", script, mounted("ro", "/set")) == ["EROFS"]
    assert (shared / "set/a.txt").read_text() == "in the file system"


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("fs-00000000", "/set", "setting file_systems; known are: fs-12345678"),
        ("fs-12345678", "/out", "directory path '/out' does not exist"),
        ("fs-12345678", "/../..", "directory path '/../..' does not exist"),
        ("fs-12345678", "/set/a.txt", "does not exist"),
    ],
)
def test_what_is_no_folder_of_a_file_system_fails_the_job(
    server: Server, name: str, path: str, said: str
) -> None:
    job = f"no-folder{abs(hash((name, path)))}"
    facts = run_job(server, script_job(server, job, "", InputDataConfig=[mounted("rw", path, name)]))
    assert facts["FailureReason"].startswith(f"ClientError: Unable to mount file system {name}")
    assert said in facts["FailureReason"]


def test_nothing_of_a_job_is_left_when_it_has_ended(server: Server) -> None:
    said_by(server, "leaves", "", files("File"))
    assert os.listdir(server.data_dir / "jobs/runs") == []
