from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.aws.s3_client import FakeS3, bucket_on

from iam_ra.engine.address import Address
from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Recorded
from iam_ra.state.model import State
from iam_ra.state.store import Recorder, StateStore

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "default/state.json"


def part(name: str, version: int = 0) -> Recorded:
    return Recorded(Address(f"host/{name}", "stack"), "host-stack", {"v": version}, {})


def store_on(client: FakeS3) -> StateStore:
    return StateStore(bucket_on(client), KEY, "default")


def stored(client: FakeS3) -> State:
    return State.from_json(client.content(KEY), "default")


def names(parts: Mapping[Address, Recorded]) -> set[str]:
    return {address.entity for address in parts}


def test_before_the_first_write_there_is_no_state() -> None:
    assert store_on(FakeS3()).load() is None


def test_each_write_is_one_serial_further() -> None:
    client = FakeS3()
    store = store_on(client)
    state = store.save(State.fresh("default"))
    assert state.serial == 1
    state = store.save(replace(state, parts={part("a").address: part("a")}))
    assert state.serial == 2
    assert stored(client) == state == store_on(client).load()


def test_two_first_writers_do_not_overwrite_each_other() -> None:
    client = FakeS3()
    one, other = store_on(client), store_on(client)
    assert one.load() is None
    assert other.load() is None
    mine = one.save(State.fresh("default"))
    with pytest.raises(StateError, match="somebody else wrote the state"):
        other.save(State.fresh("default"))
    assert stored(client) == mine


def test_a_writer_who_read_too_early_is_refused() -> None:
    client = FakeS3()
    one, other = store_on(client), store_on(client)
    first = one.save(State.fresh("default"))
    assert other.load() == first
    theirs = one.save(replace(first, parts={part("a").address: part("a")}))
    with pytest.raises(StateError, match="somebody else"):
        other.save(first)
    assert stored(client) == theirs


def test_a_state_that_was_deleted_meanwhile_is_not_written_again() -> None:
    client = FakeS3()
    store = store_on(client)
    state = store.save(State.fresh("default"))
    del client.versions[KEY]
    with pytest.raises(StateError):
        store.save(state)
    assert KEY not in client.versions


def test_a_write_whose_answer_was_lost_is_no_conflict() -> None:
    client = FakeS3()
    store = store_on(client)
    state = store.save(State.fresh("default"))
    client.loses_answers = 1
    state = store.save(state)
    assert store.save(state).serial == 3


def test_a_damaged_state_is_not_overwritten_as_if_there_were_none() -> None:
    client = FakeS3()
    client.write(KEY, b"{")
    store = store_on(client)
    with pytest.raises(StateError):
        store.load()
    assert client.content(KEY) == b"{"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def recorder_on(client: FakeS3, clock: Clock) -> Recorder:
    store = store_on(client)
    return Recorder(store, store.save(State.fresh("default")), clock)


def test_a_recorder_writes_at_most_every_five_seconds_and_at_the_end() -> None:
    client, clock = FakeS3(), Clock()
    recorder = recorder_on(client, clock)
    for second in range(12):
        clock.now = 100.0 + second
        recorder.record(part(f"{second:02}").address, part(f"{second:02}"))
    assert client.calls["put_object"] == 1 + 2
    assert len(stored(client).parts) == 11
    state = recorder.flush()
    assert stored(client) == state
    assert len(state.parts) == 12
    assert state.serial == 4


def test_a_flush_of_nothing_writes_nothing() -> None:
    client = FakeS3()
    recorder = recorder_on(client, Clock())
    assert recorder.flush().serial == 1
    recorder.record(part("a").address, part("a"))
    recorder.flush()
    recorder.flush()
    assert client.calls["put_object"] == 2


def test_what_is_gone_is_forgotten_and_the_last_word_counts() -> None:
    client = FakeS3()
    recorder = recorder_on(client, Clock())
    for each in (part("a", 1), part("a", 2), part("b")):
        recorder.record(each.address, each)
    recorder.record(part("b").address, None)
    recorder.record(part("never").address, None)
    assert recorder.flush().parts == {part("a").address: part("a", 2)}


def test_a_recorder_keeps_what_it_does_not_touch() -> None:
    client = FakeS3()
    store = store_on(client)
    state = store.save(State("default", "lineage", 0, {part("kept").address: part("kept")}))
    recorder = Recorder(store, state)
    recorder.record(part("new").address, part("new"))
    assert names(recorder.flush().parts) == {"host/kept", "host/new"}


def test_after_a_failed_write_the_next_one_holds_everything() -> None:
    client = FakeS3()
    recorder = recorder_on(client, Clock())
    recorder.record(part("a").address, part("a"))

    def refuse(operation: str, key: str) -> None:
        raise ConnectionError(f"{operation} {key}")

    client.before = refuse
    with pytest.raises(ConnectionError):
        recorder.flush()
    client.before = lambda *_: None
    recorder.record(part("b").address, part("b"))
    assert names(recorder.flush().parts) == {"host/a", "host/b"}


def test_many_threads_may_record() -> None:
    client = FakeS3()
    recorder = recorder_on(client, Clock())

    def work(thread: int) -> None:
        for n in range(50):
            each = part(f"{thread}-{n}")
            recorder.record(each.address, each)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorder.flush().parts) == 200
