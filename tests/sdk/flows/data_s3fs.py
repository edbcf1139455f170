"""s3fs (fsspec) from environment variables alone, below pandas and by itself."""

import json
from pathlib import Path

import fsspec
import pandas as pd
import s3fs

PART = 6 << 20
LARGE = b"".join(bytes([number]) * (1 << 20) for number in range(13))

s3 = s3fs.S3FileSystem()
s3.mkdir("data-fsspec")
frame = pd.DataFrame({"name": ["a", "ü"], "size": [1.5, 2.5]})
frame.to_parquet("s3://data-fsspec/frame.parquet")
frame.to_csv("s3://data-fsspec/text/frame.csv", index=False)

with s3.open("data-fsspec/large", "wb", block_size=PART) as file:
    file.write(LARGE)
with s3.open("data-fsspec/large", "rb", block_size=1 << 20) as file:
    file.seek((5 << 20) - 1)
    across = file.read(2).hex()
Path("large").write_bytes(LARGE)
s3.put("large", "data-fsspec/put/large", chunksize=PART)
s3.get("data-fsspec/put/large", "back")
with s3.open("data-fsspec/large", "ab", block_size=PART) as file:
    file.write(b"more")  # what is there is copied as a part, not sent again

s3.copy("data-fsspec/large", "data-fsspec/copies/large")
s3.mv("data-fsspec/text/frame.csv", "data-fsspec/text/name with ü + %.csv")
s3.pipe({f"data-fsspec/many/{number}": b"x" for number in range(5)})
s3.setxattr("data-fsspec/many/0", colour="red")
s3.put_tags("data-fsspec/many/1", {"kind": "small"})


def error_of(path: str) -> str:
    try:
        s3.cat(path)
    except OSError as error:
        return type(error).__name__
    return ""


answer = {
    "same": pd.read_parquet("s3://data-fsspec/frame.parquet").equals(frame),
    "csv": pd.read_csv("s3://data-fsspec/text/name with ü + %.csv")["size"].to_list(),
    "across": across,
    "put": Path("back").read_bytes() == LARGE,
    "appended": s3.cat_file("data-fsspec/copies/large", start=-6).hex(),
    "ranges": [
        part.decode() for part in s3.cat_ranges(["data-fsspec/text/name with ü + %.csv"] * 2, [0, 5], [4, 9])
    ],
    "parts": s3.info("data-fsspec/put/large")["ETag"].rpartition("-")[2].strip('"'),
    "glob": s3.glob("data-fsspec/**/*.csv") + s3.glob("data-fsspec/many/[1-3]"),
    "listed": sorted(s3.ls("data-fsspec", detail=False)),
    "found": len(s3.find("data-fsspec")),
    "xattr": s3.getxattr("data-fsspec/many/0", "colour"),
    "tags": s3.get_tags("data-fsspec/many/1"),
    "signed": fsspec.open(s3.sign("data-fsspec/many/1")).open().read().decode(),
    "errors": [error_of("data-fsspec/none"), error_of("data-fsspec-none/none")],
    "exists": [s3.exists("data-fsspec/none"), s3.exists("data-fsspec/many"), s3.isdir("data-fsspec/many")],
}
s3.rm("data-fsspec/many", recursive=True)
answer["left"] = s3.exists("data-fsspec/many")
s3.rm("data-fsspec", recursive=True)
answer["bucket"] = s3.exists("data-fsspec")
print("\n" + json.dumps(answer))
