"""What the whole server does beside its services."""

import json
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sagesse.app import App, remote_place
from sagesse.config import Settings, SettingsError, load_settings
from sagesse.testing.server import Server, ServerDied


def own(server: Server, method: str, path: str) -> dict[str, object]:
    request = urllib.request.Request(server.url + path, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("durable"), ephemeral=False) as running:
        yield running


def test_health_always_answers(server: Server) -> None:
    assert own(server, "GET", "/_sagesse/health") == {"status": "ok"}


def test_usage_is_metered_by_operation(server: Server) -> None:
    server.client("sts").get_caller_identity()
    usage = own(server, "GET", "/_sagesse/status")["usage"]
    assert usage["sts:GetCallerIdentity"]["calls"] >= 1


def test_reset_wipes_everything_and_the_root_key_goes_on(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="wiped")
    s3.put_object(Bucket="wiped", Key="x", Body=b"x" * 100_000)
    server.client("iam").create_user(UserName="wiped")
    (server.data_dir / "models/of-an-endpoint/model").mkdir(parents=True)
    assert own(server, "POST", "/_sagesse/reset") == {"status": "empty"}
    assert not (server.data_dir / "models").exists()
    assert server.client("s3").list_buckets()["Buckets"] == []
    assert server.client("iam").list_users()["Users"] == []
    assert server.client("iam").get_role(RoleName="sagemaker")["Role"]["RoleName"] == "sagemaker"


def test_an_ephemeral_server_takes_any_key_for_root(server: Server) -> None:
    client = server.client("sts", aws_access_key_id="test", aws_secret_access_key="test")
    assert client.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"


def test_a_durable_server_has_no_reset_and_refuses_strangers(durable: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        own(durable, "POST", "/_sagesse/reset")
    client = durable.client("sts", aws_access_key_id="test", aws_secret_access_key="test")
    with pytest.raises(client.exceptions.ClientError, match="InvalidClientTokenId"):
        client.get_caller_identity()


def test_secrets_are_readable_by_nobody_else(durable: Server) -> None:
    assert stat.S_IMODE(durable.data_dir.stat().st_mode) == 0o700


def test_everything_is_there_after_a_kill(durable: Server) -> None:
    s3 = durable.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="small", Body=b"1")
    s3.put_object(Bucket="kept", Key="large", Body=b"2" * 200_000)
    durable.client("iam").create_user(UserName="kept")
    durable.client("logs").create_log_group(logGroupName="kept")
    durable.kill()
    durable.start()
    s3 = durable.client("s3")
    assert s3.get_object(Bucket="kept", Key="small")["Body"].read() == b"1"
    assert s3.get_object(Bucket="kept", Key="large")["Body"].read() == b"2" * 200_000
    assert durable.client("iam").get_user(UserName="kept")["User"]["UserName"] == "kept"
    assert durable.client("logs").describe_log_groups()["logGroups"][0]["logGroupName"] == "kept"


def test_an_ephemeral_server_begins_with_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    server.client("s3").create_bucket(Bucket="left")
    server.kill()
    server.start()
    assert server.client("s3").list_buckets()["Buckets"] == []
    server.stop()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("10.0.0.7", "http://10.0.0.7:1"),
    ],
)
def test_the_url_is_one_that_answers_on_this_machine(tmp_path: Path, host: str, url: str) -> None:
    app = App(Settings(data_dir=str(tmp_path), host=host, port=1, ephemeral=True))
    assert app.url == url
    app.close()


def test_an_account_is_twelve_digits() -> None:
    with pytest.raises(SettingsError, match="12 digits"):
        load_settings({"SAGESSE_ACCOUNT": "12"})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"OBJECTS_URL": "minio:9000", "OBJECTS_BUCKET": "b"}, "no URL of an S3"),
        ({"OBJECTS_URL": "http://minio:9000"}, "set together"),
        ({"OBJECTS_BUCKET": "b"}, "set together"),
        ({"OBJECTS_ACCESS_KEY_ID": "a"}, "set together"),
    ],
)
def test_the_settings_of_the_other_s3_must_make_sense(values: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings({f"SAGESSE_{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"JOB_ENGINE": "slurm"}, "slurm"),
        ({"RAY_ADDRESS": "ray://head:10001"}, "not supported"),
        ({"RAY_ADDRESS": "local"}, "not supported"),
    ],
)
def test_job_engines_that_are_not_there_are_refused(values: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings({f"SAGESSE_{name}": value for name, value in values.items()})


def test_a_cluster_is_named_by_host_and_port() -> None:
    for address in ("auto", "head:6379", "10.0.0.1:6379", "[::1]:6379"):
        assert load_settings({"SAGESSE_RAY_ADDRESS": address}).ray_address == address


def test_settings_do_not_show_their_secret() -> None:
    settings = Settings(objects_access_key_id="known", objects_secret_access_key="unknown")
    assert "known" in repr(settings)
    assert "unknown" not in repr(settings)
    assert "unknown" not in repr(
        remote_place(msgspec.structs.replace(settings, objects_url="http://o:1", objects_bucket="b"))
    )


def test_a_prefix_in_the_other_s3_is_a_folder() -> None:
    settings = Settings(objects_url="http://o:1", objects_bucket="b", objects_prefix="a")
    place = remote_place(settings)
    assert place is not None
    assert place.prefix == "a/"


def test_a_server_that_cannot_keep_its_payloads_says_why(tmp_path: Path, server: Server) -> None:
    settings = {
        "objects_url": server.url,
        "objects_bucket": "nowhere",
        "objects_access_key_id": "any",
        "objects_secret_access_key": "never-told",
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ServerDied, match="NoSuchBucket") as caught:
        Server(tmp_path).start()
    assert "Create the bucket there" in str(caught.value)
    assert "never-told" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"fs-12345678": "/data"}', {"fs-12345678": "/data"}])
def test_file_systems_come_from_the_environment_as_json(tmp_path: Path, text: object) -> None:
    where = {"SAGESSE_FILE_SYSTEMS": text} if isinstance(text, str) else {}
    if not where:
        (tmp_path / "settings.json").write_text(json.dumps({"file_systems": text}))
    assert load_settings(where, data_dir=str(tmp_path)).file_systems == {"fs-12345678": "/data"}


@pytest.mark.parametrize("text", ["{", "[1]", '{"fs-1": 1}'])
def test_file_systems_that_are_no_folders_by_name_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings({"SAGESSE_FILE_SYSTEMS": text}, data_dir=str(tmp_path))


def test_quotas_are_a_json_object_in_the_environment_too() -> None:
    settings = load_settings({"SAGESSE_QUOTAS": '{"ml.m5.large for training job usage": 3}'})
    assert settings.quotas == {"ml.m5.large for training job usage": 3}
    with pytest.raises(SettingsError, match="SAGESSE_QUOTAS"):
        load_settings({"SAGESSE_QUOTAS": "ml.m5.large"})


def test_an_instance_is_no_larger_than_its_vcpus() -> None:
    with pytest.raises(SettingsError, match="instance_scale"):
        load_settings({"SAGESSE_INSTANCE_SCALE": "2"})
