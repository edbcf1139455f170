"""The benchmarks are programs, not tests; here: that they load, and that what they measure with is right."""

import importlib
import os
import socket
import threading

import pytest
from benchmarks.__main__ import NAMES
from benchmarks.connection import Connection
from benchmarks.process import cpu_s, memory_mb, started_since
from benchmarks.request import capture, client
from benchmarks.rounds import Cost, Subject, measure, summary


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"transfer"}))
def test_every_benchmark_can_be_run_by_name(name: str) -> None:
    pytest.importorskip("xgboost")
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_ratios_are_made_within_a_round() -> None:
    # The second round met a machine twice as slow: absolute costs double, the ratio stays.
    measured = summary([Cost(3.0, 4.0), Cost(6.0, 8.0)], [Cost(1.0, 2.0), Cost(2.0, 4.0)])
    assert (measured.cpu_ratio, measured.wall_ratio) == (3.0, 2.0)
    assert (measured.cpu_ratio_low, measured.cpu_ratio_high) == (3.0, 3.0)


def test_subjects_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    spent = {"a": 0.0, "b": 0.0}

    def subject(name: str) -> Subject:
        def work(times: int) -> None:
            order.append(name)
            spent[name] += times * (100.0 if len(order) <= 2 else 2.0)

        return Subject(work, lambda: spent[name], 5)

    measured = measure({"a": subject("a"), "b": subject("b")}, base="a", rounds=2)
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert measured["b"].cpu_us == 2e6


def test_cpu_time_counts_threads_that_have_ended() -> None:
    before = cpu_s(os.getpid())
    thread = threading.Thread(target=lambda: sum(range(200_000)))
    thread.start()
    thread.join()
    assert cpu_s(os.getpid()) > before


def test_memory_of_a_process_is_told_in_megabytes() -> None:
    resident, proportional = memory_mb(os.getpid())
    assert 10 < proportional <= resident < 10_000


def test_only_new_processes_with_the_word_are_found() -> None:
    assert started_since({os.getpid()}, f"no process is called {os.getpid()}") == set()


def test_a_captured_request_is_signed_and_was_not_sent() -> None:
    raw = capture(client("sagemaker", 1), "describe_training_job", TrainingJobName="job")
    assert raw.head.startswith(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert b"Authorization: AWS4-HMAC-SHA256 Credential=testing/" in raw.head
    assert raw.body == b'{"TrainingJobName": "job"}'


def test_a_connection_reads_answers_that_come_in_pieces() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            for piece in (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2",
                b"00 OK\r\nContent-Length: 5\r\n\r\nhe",
                b"llo",
            ):
                peer.sendall(piece)

    thread = threading.Thread(target=answer)
    thread.start()
    with listener, Connection(listener.getsockname()[1]) as connection:
        assert connection.exchange(b"GET / HTTP/1.1\r\n\r\n") == (200, b"hello")
        thread.join()


def test_a_request_that_met_a_closed_connection_is_sent_again_once() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def answer_one_a_connection() -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                seen.append(peer.recv(1000))
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    thread = threading.Thread(target=answer_one_a_connection)
    thread.start()
    with listener, Connection(listener.getsockname()[1]) as connection:
        assert connection.exchange(b"first") == (200, b"ok")
        assert connection.exchange(b"second") == (200, b"ok")
        thread.join()
    assert seen == [b"first", b"second"]


def test_a_request_that_a_new_connection_leaves_without_an_answer_is_not_sent_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def leave() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)

    thread = threading.Thread(target=leave)
    thread.start()
    with listener, Connection(listener.getsockname()[1]) as connection:
        with pytest.raises(EOFError):
            connection.exchange(b"request")
        thread.join()
