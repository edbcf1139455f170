import os
from pathlib import Path

from sagesse.testing.server import Server

PART = 5 << 20


def test_everything_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    # Three seconds: the server is started twice.
    small, large, last = os.urandom(1_000), os.urandom(PART), b"end"
    with Server(tmp_path, ephemeral=False) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="small", Body=small, Metadata={"m": "1"})
        s3.put_object(Bucket="kept", Key="large", Body=large)
        s3.put_object(Bucket="kept", Key="gone", Body=b"")
        s3.delete_object(Bucket="kept", Key="gone")
        upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
        named = {"Bucket": "kept", "Key": "parts", "UploadId": upload}
        first = s3.upload_part(**named, PartNumber=1, Body=large)["ETag"]
        server.kill()
        server.start()
        s3 = server.client("s3")
        second = s3.upload_part(**named, PartNumber=2, Body=last)["ETag"]
        parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        found = {
            entry["Key"]: s3.get_object(Bucket="kept", Key=entry["Key"])["Body"].read()
            for entry in s3.list_objects_v2(Bucket="kept")["Contents"]
        }
        assert found == {"small": small, "large": large, "parts": large + last}
        assert s3.head_object(Bucket="kept", Key="small")["Metadata"] == {"m": "1"}
