"""The conformance suite of a `Store`: subclass it in a test module and say how to open one.

class TestSqliteStore(StoreSuite):
    def open(self, folder: Path) -> Store:
        return SqliteStore(folder / "records.db")
"""

import threading
from pathlib import Path

import msgspec
import pytest

from sagesse.core.event import Event, new_event
from sagesse.core.record import AlreadyExists, Change, ChangeOf, Key, Listing, Record, Store, Token, Told
from sagesse.core.scope import Scope

SCOPE = Scope("123456789012", "eu-central-1")


def make_record(name: str, *, created: float = 1.0, status: str = "", is_open: bool = False) -> Record:
    """A record for tests; `modified` is 100 behind `created`."""
    return Record(
        kind="test:Thing",
        account=SCOPE.account,
        region=SCOPE.region,
        name=name,
        arn=SCOPE.arn("test", f"thing/{name}"),
        created=created,
        modified=created + 100,
        status=status,
        is_open=is_open,
        request={"ThingName": name, "Blob": b"\x00\xff", "List": [1, {"a": None}]},
    )


def make_event(detail_type: str) -> Event:
    """An event for tests."""
    return new_event("test", detail_type, SCOPE, [], {"Blob": "x", "Number": 1}, now=1.0)


def told(store: Store) -> list[str]:
    """The types of the events that wait in the store's outbox."""
    messages = [packed.message for _, packed in store.outbox.waiting(100)]
    return [message.detail_type for message in messages if isinstance(message, Event)]


class StoreSuite:
    """Every store passes these; override `open`."""

    def open(self, folder: Path) -> Store:
        """Open the store that keeps its files in `folder`."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """A fresh store."""
        return self.open(tmp_path)

    def test_get_returns_what_was_inserted(self, store: Store) -> None:
        """A record comes back equal."""
        record = store.insert(make_record("a"))
        assert store.get(record.key) == make_record("a")

    def test_get_of_nothing_is_none(self, store: Store) -> None:
        """No record, no answer."""
        assert store.get(Key("test:Thing", *SCOPE, "a")) is None

    def test_insert_refuses_a_second_of_the_same_key(self, store: Store) -> None:
        """The clash carries the record that was first."""
        store.insert(make_record("a", created=1.0))
        with pytest.raises(AlreadyExists) as clash:
            store.insert(make_record("a", created=2.0))
        assert clash.value.existing.created == 1.0

    def test_insert_refuses_a_second_of_the_same_arn(self, store: Store) -> None:
        """Names that differ by case may have one ARN: the first record stays, and the clash carries it."""
        first = store.insert(make_record("a"))
        with pytest.raises(AlreadyExists) as clash:
            store.insert(msgspec.structs.replace(make_record("A"), arn=first.arn))
        assert clash.value.existing == first
        assert store.get(first.key) == first

    def test_the_same_name_in_another_region_is_another_record(self, store: Store) -> None:
        """Scopes do not mix."""
        store.insert(make_record("a"))
        other = msgspec.structs.replace(make_record("a"), region="us-east-1", arn="arn:other")
        store.insert(other)
        assert store.get(other.key) == other

    def test_by_arn_finds_the_record(self, store: Store) -> None:
        """An ARN names one record."""
        record = store.insert(make_record("a"))
        assert store.by_arn(record.arn) == record

    def test_update_changes_and_counts_the_version(self, store: Store) -> None:
        """A change is stored and counted."""
        record = store.insert(make_record("a", status="Old"))
        store.update(record.key, lambda current: msgspec.structs.replace(current, status="New"))
        stored = store.get(record.key)
        assert stored is not None
        assert (stored.status, stored.version) == ("New", 1)

    def test_update_of_nothing_is_none(self, store: Store) -> None:
        """There is nothing to change."""
        assert store.update(Key("test:Thing", *SCOPE, "a"), lambda record: record) is None

    def test_an_update_that_declines_leaves_the_record(self, store: Store) -> None:
        """None from the change means no."""
        record = store.insert(make_record("a"))
        assert store.update(record.key, lambda _: None) is None
        assert store.get(record.key) == record

    def test_an_update_that_raises_leaves_the_record(self, store: Store) -> None:
        """The exception passes through."""
        record = store.insert(make_record("a"))

        def fail(_: Record) -> Record:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            store.update(record.key, fail)
        assert store.get(record.key) == record

    def test_concurrent_updates_are_all_counted(self, store: Store) -> None:
        """No update is lost between threads."""
        record = store.insert(make_record("a"))

        def count() -> None:
            for _ in range(25):
                store.update(record.key, lambda current: current)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = store.get(record.key)
        assert stored is not None
        assert stored.version == 100

    def test_delete_returns_the_record_once(self, store: Store) -> None:
        """The second delete finds nothing."""
        record = store.insert(make_record("a"))
        assert store.delete(record.key) == record
        assert store.delete(record.key) is None

    def test_a_check_may_refuse_a_delete(self, store: Store) -> None:
        """The record stays."""
        record = store.insert(make_record("a"))

        def refuse(_: Record) -> None:
            raise ValueError("still used")

        with pytest.raises(ValueError, match="still used"):
            store.delete(record.key, refuse)
        assert store.get(record.key) == record

    @pytest.mark.parametrize(
        ("listing", "names"),
        [
            (Listing(sort="name"), "abcd"),
            (Listing(sort="name", is_descending=True), "dcba"),
            (Listing(sort="created"), "badc"),
            (Listing(sort="created", is_descending=True), "cdab"),
            (Listing(sort="modified"), "badc"),
            (Listing(sort="status"), "acbd"),
            (Listing(sort="name", name_contains="b"), "b"),
            (Listing(sort="name", name_ignoring_case="B"), "b"),
            (Listing(sort="name", status="On"), "bd"),
            (Listing(sort="name", created_after=1.0), "acd"),
            (Listing(sort="name", created_before=2.0), "b"),
            (Listing(sort="name", modified_after=102.0), "cd"),
            (Listing(sort="name", modified_before=103.0), "ab"),
        ],
    )
    def test_lists_in_order_and_filtered(self, store: Store, listing: Listing, names: str) -> None:
        """Each order, each filter; equal values are ordered by name."""
        for name, created, status in [
            ("a", 2.0, "Off"),
            ("b", 1.0, "On"),
            ("c", 4.0, "Off"),
            ("d", 3.0, "On"),
        ]:
            store.insert(make_record(name, created=created, status=status))
        assert "".join(record.name for record in store.list("test:Thing", SCOPE, listing)) == names

    @pytest.mark.parametrize("sort", ["name", "created", "modified", "status"])
    @pytest.mark.parametrize("is_descending", [False, True])
    def test_pages_join_to_the_whole(self, store: Store, sort: str, is_descending: bool) -> None:
        """Pages of two neither repeat nor miss a record, also among equal sort values."""
        for number in range(7):
            store.insert(make_record(f"n{number}", created=float(number // 3), status="x"))
        whole = Listing(sort=sort, is_descending=is_descending)  # type: ignore[arg-type]
        page = msgspec.structs.replace(whole, limit=2)
        names: list[str] = []
        while found := store.list("test:Thing", SCOPE, page):
            names += [record.name for record in found]
            page = msgspec.structs.replace(page, after=page.position(found[-1]))
        assert names == [record.name for record in store.list("test:Thing", SCOPE, whole)]
        assert len(names) == 7

    def test_open_keys_are_those_of_open_records(self, store: Store) -> None:
        """What the reconciler takes up."""
        store.insert(make_record("a", is_open=True))
        store.insert(make_record("b"))
        assert [key.name for key in store.open_keys()] == ["a"]

    def test_an_insert_and_its_event_are_written_together(self, store: Store) -> None:
        """An insert that is refused tells nothing."""
        store.insert(make_record("a"), make_event("made"))
        with pytest.raises(AlreadyExists):
            store.insert(make_record("a"), make_event("never"))
        assert told(store) == ["made"]

    def test_an_update_and_its_event_are_written_together(self, store: Store) -> None:
        """The record is stored as it is told of; an update that declines or raises tells nothing."""
        record = store.insert(make_record("a", status="Old"))

        def change(current: Record) -> Told:
            return Told(msgspec.structs.replace(current, status="New"), [make_event("moved")])

        changed = store.update(record.key, change)
        store.update(record.key, lambda _: None)
        assert changed is not None
        assert (changed.status, changed.version) == ("New", 1)
        assert store.get(record.key) == changed
        assert told(store) == ["moved"]

    def test_changes_of_several_records_are_written_together(self, store: Store) -> None:
        """One that is gone is left out; when one raises, none is changed."""
        keys = [store.insert(make_record(name, status="Old")).key for name in "ab"]

        def renew(current: Record) -> Record:
            return msgspec.structs.replace(current, status="New")

        def refuse(current: Record) -> Record:
            raise ValueError(current.name)

        def change(*others: ChangeOf) -> Change:
            return lambda current: Told(renew(current), others=others)

        def statuses() -> list[str | None]:
            return [record.status if (record := store.get(key)) else None for key in keys]

        with pytest.raises(ValueError, match="b"):
            store.update(keys[0], change(ChangeOf(keys[1], refuse)))
        assert statuses() == ["Old", "Old"]
        gone = make_record("gone").key
        assert store.update(keys[0], change(ChangeOf(gone, refuse), ChangeOf(keys[1], renew))) is not None
        assert statuses() == ["New", "New"]

    def test_a_deletion_and_its_event_are_written_together(self, store: Store) -> None:
        """Deleting what is not there tells nothing."""
        record = store.insert(make_record("a"))
        for _ in range(2):
            store.delete(record.key, lambda _: make_event("gone"))
        assert told(store) == ["gone"]

    def test_the_outbox_keeps_the_order_of_the_writes(self, store: Store) -> None:
        """Also when it is read in pieces and forgotten as it goes; numbers are never given twice."""
        for number in range(5):
            store.insert(make_record(f"n{number}"), make_event(f"n{number}"))
        first = store.outbox.waiting(2)
        store.outbox.forget(first[-1][0])
        assert told(store) == ["n2", "n3", "n4"]
        store.outbox.forget(store.outbox.waiting(9)[-1][0])
        store.insert(make_record("later"), make_event("later"))
        assert store.outbox.waiting(9)[0][0] > first[-1][0] + 3

    def test_whoever_watches_the_outbox_is_woken(self, store: Store) -> None:
        """After the commit, and only by writes that tell something."""
        woken = threading.Event()
        store.outbox.watch(woken.set)
        store.insert(make_record("a"))
        store.insert(make_record("b"))  # when its turn came, the first one had been settled
        assert not woken.is_set()
        store.insert(make_record("c"), make_event("told"))
        assert woken.wait(10)

    def test_the_outbox_is_there_after_reopening(self, store: Store, tmp_path: Path) -> None:
        """What was told and not forgotten."""
        store.insert(make_record("a"), make_event("kept"))
        store.close()
        again = self.open(tmp_path)
        assert told(again) == ["kept"]
        again.close()

    def test_a_token_is_found_until_it_is_forgotten(self, store: Store) -> None:
        """Tokens belong to their owner."""
        store.save_token("me", "t", Token(b"digest", b"answer"), expires=10.0)
        assert store.find_token("me", "t") == Token(b"digest", b"answer")
        assert store.find_token("you", "t") is None

    def test_wipe_leaves_nothing(self, store: Store) -> None:
        """Records, tokens and what was to be told are gone."""
        record = store.insert(make_record("a"))
        store.save_token("me", "t", Token(b"", b""), expires=10.0)
        store.update(record.key, lambda current: Told(current, [make_event("told")]))
        store.wipe()
        assert told(store) == []
        assert store.get(record.key) is None
        assert store.find_token("me", "t") is None

    def test_what_was_written_is_there_after_reopening(self, store: Store, tmp_path: Path) -> None:
        """A closed store keeps its records."""
        record = store.insert(make_record("a"))
        store.close()
        again = self.open(tmp_path)
        assert again.get(record.key) == record
        again.close()
