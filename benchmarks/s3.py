"""Objects against the least that has to be done, against a bare hello, against moto server and s3rver.

Large: 64 MiB over raw sockets; the limit receives, digests (md5) and fsyncs, or sends with sendfile, without HTTP.
boto3 signs the sha256 of bodies over plain HTTP, which the limit does not compute; a presigned PUT leaves it out.
Small: 1 KiB, as boto3 sends it, other bytes each time; beside it the least that is durable: hello with one write and
one sync, and one SQLite commit.
Full: 4 KiB by eight clients at once in a bucket with versions and a policy, in CPU of the server; the same of the
others, which are plain (see `s3_server`). Microseconds do not travel between machines, so what counts is the ratio.
Targets: 1.5 times the limit, 4 times hello, 250 us of CPU a full put and 120 a full get, set where moto cost 1900 and
1650, s3rver 1088 to 1338 and 538 to 1000.
"""

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.connection import Connection
from benchmarks.process import free_port, running
from benchmarks.report import save, show, show_measures
from benchmarks.rounds import Cost, Measure, summaries, summary, take_turns
from benchmarks.s3_large import large_subjects
from benchmarks.s3_server import S3Server, others, ours
from benchmarks.s3_small import full_subjects, least_subjects, small_subjects
from benchmarks.sagesse_server import sagesse

ROUNDS, SMALL_ROUNDS = 7, 41
_TARGETS = (
    "The others: no versions, no policy, no sync; moto verifies no signature. "
    "Targets: full put 0.13 x moto, 0.19 to 0.23 x s3rver; full get 0.07 and 0.12 to 0.22."
)
# What is compared with the others: our row, theirs.
_SMALL_PAIRS = {
    "full put 4 KiB, 8 at once": ("full put, 8 at once", "plain put, 8 at once"),
    "full get 4 KiB, 8 at once": ("full get, 8 at once", "plain get, 8 at once"),
    "put 1 KiB": ("put", "put"),
    "get 1 KiB": ("get", "get"),
}
_LARGE_PAIRS = {
    "put 64 MiB, sha256 signed": ("put, sha256 signed", "put, sha256 signed"),
    "put 64 MiB, presigned": ("put, presigned", "put, presigned"),
    "get 64 MiB": ("get", "get"),
}


def run() -> None:
    """Measure, print and save."""
    limit_port, hello_port, durable_port = (free_port() for _ in range(3))
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as folder,
        running("-m", "benchmarks.peers.limit", str(limit_port), folder, port=limit_port) as limit,
        running("-m", "benchmarks.peers.hello", str(hello_port), port=hello_port) as hello,
        running(
            "-m", "benchmarks.peers.durable", str(durable_port), f"{folder}/durable", port=durable_port
        ) as durable,
        sagesse() as server,
        others() as peers,
        Connection(hello_port) as to_hello,
        Connection(durable_port) as to_durable,
        contextlib.ExitStack() as stack,
    ):
        own = ours(server)
        servers = {one: stack.enter_context(Connection(one.port)) for one in (own, *peers)}
        puts, gets = large_subjects(servers, limit_port, limit, Path(folder))
        large_puts, large_gets = take_turns(puts, rounds=ROUNDS), take_turns(gets, rounds=ROUNDS)
        small = least_subjects((to_hello, hello), (to_durable, durable), Path(folder))
        small |= small_subjects(servers) | full_subjects(own, peers)
        small_ones = take_turns(small, rounds=SMALL_ROUNDS)
    tables = {
        "put 64 MiB": summaries(large_puts, base="limit"),
        "get 64 MiB": summaries(large_gets, base="limit"),
        "1 KiB": summaries(small_ones, base="hello"),
    }
    against = _against(small_ones, peers, _SMALL_PAIRS)
    against |= _against(large_puts | large_gets, peers, _LARGE_PAIRS)
    _report(tables, against)
    save("s3", {**tables, "against": against})


def _against(
    costs: Mapping[str, list[Cost]], peers: list[S3Server], pairs: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, Measure]]:
    """By what is done and by the other server: what ours costs for each second of its."""
    return {
        what: {peer.name: summary(costs[f"Sagesse {own}"], costs[f"{peer.name} {its}"]) for peer in peers}
        for what, (own, its) in pairs.items()
    }


def _report(tables: Mapping[str, Mapping[str, Measure]], against: dict[str, dict[str, Measure]]) -> None:
    limit = "Target: 1.5 x limit. The limit"
    show_measures(
        "PUT 64 MiB",
        tables["put 64 MiB"],
        base="limit",
        note=f"{limit} receives, digests (md5) and fsyncs.",
    )
    show_measures("GET 64 MiB", tables["get 64 MiB"], base="limit", note=f"{limit} is sendfile.")
    show_measures(
        "1 KiB; full and plain: 4 KiB",
        tables["1 KiB"],
        base="hello",
        note="Targets: 4 x hello; 250 us of CPU a full put, 120 a full get. A PUT is on disk when it is answered, "
        "but on moto and s3rver.",
    )
    peers = list(next(iter(against.values())))
    show(
        "Sagesse against the others, CPU of the server",
        ["", *(column for peer in peers for column in (f"x {peer}", "lowest", "highest"))],
        [
            [
                name,
                *(
                    f"{figure:.2f}"
                    for one in by_peer.values()
                    for figure in (one.cpu_ratio, one.cpu_ratio_low, one.cpu_ratio_high)
                ),
            ]
            for name, by_peer in against.items()
        ],
        note=_TARGETS,
    )
