"""Placing records into slots: nothing lost, nothing twice, order kept, sizes as Kafka counts them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.run import place_kernels
from replayer.run.place_kernels import drop_values, gather, keyless_partitions, segment_end, wire_sizes
from replayer.shm.layout import Layout, partition_owner
from tests.unit.run.placing import arena_of, headers_in, private_slots, records_in

Drawn = tuple[bytes, bytes | None, bool, int]
"""Value, key, whether it is to be sent at all, and a number to draw its partition from."""

values = st.binary(max_size=40)
keys = st.one_of(st.none(), st.binary(max_size=20))


@given(
    drawn=st.lists(st.tuples(values, keys, st.booleans(), st.integers(0, 6)), max_size=60),
    partition_count=st.integers(1, 7),
    worker_count=st.integers(1, 4),
    cut=st.integers(1, 30),
    has_timestamps=st.booleans(),
    has_headers=st.booleans(),
)
def test_every_record_lies_in_one_slot_of_its_owner(
    drawn: list[Drawn], partition_count: int, worker_count: int, cut: int, has_timestamps: bool, has_headers: bool
) -> None:
    """Over all workers each record is there once, byte for byte, in row order within its partition, by its owner."""
    check_placed(drawn, partition_count, worker_count, cut, has_timestamps, has_headers)


@pytest.mark.parametrize("worker_count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_every_record_of_a_large_slot_lies_with_its_owner(seed: int, worker_count: int) -> None:
    """The same for slots with many runs of many records."""
    random = np.random.default_rng(seed)
    drawn: list[Drawn] = [
        (
            random.bytes(random.integers(0, 40)),
            random.bytes(random.integers(0, 20)) if random.random() < 0.8 else None,
            random.random() < 0.9,
            int(random.integers(0, 7)),
        )
        for _ in range(500)
    ]
    check_placed(drawn, 7, worker_count, 200, has_timestamps=False, has_headers=False)


def check_placed(
    drawn: list[Drawn], partition_count: int, worker_count: int, cut: int, has_timestamps: bool, has_headers: bool
) -> None:
    stamps = [7 * (1000 + row) for row in range(len(drawn))] if has_timestamps else ()
    blobs = [b"#" * (row % 5) + b"%d" % row for row in range(len(drawn))] if has_headers else ()
    nulls = [row % 3 == 0 for row in range(len(drawn))] if has_headers else ()
    arena = arena_of([value for value, *_ in drawn], [key for _, key, *_ in drawn], stamps, blobs, nulls)
    rows = np.flatnonzero([is_sent for _, _, is_sent, _ in drawn])
    partitions = np.array([number % partition_count for *_, number in drawn], np.int32)[rows]
    due_ns = 7 * np.arange(len(rows), dtype=np.int64)
    slot_count = len(rows) // cut + 1
    layout = Layout(worker_count, slot_count, partition_count, record_capacity=cut, bytes_capacity=80 * cut)
    workers, scratch = private_slots(layout), np.zeros(place_kernels.SCRATCH_WORDS * partition_count, np.int64)
    handed_over = np.zeros(partition_count, np.int64)
    placed = []
    for worker, slots in enumerate(workers):
        for slot, first in enumerate(range(0, len(rows), cut)):
            end = min(first + cut, len(rows))
            count = gather(
                arena, rows, partitions, due_ns, first, end, worker, worker_count, slots, slot, scratch, handed_over
            )
            assert not scratch.any()
            if count:
                assert slots.scalar(slot, "has_timestamps") == has_timestamps
                assert slots.scalar(slot, "has_headers") == has_headers
                if has_headers:
                    sources = slots.source_rows[slot, :count].tolist()
                    assert headers_in(slots, slot) == [blobs[source - 1000] for source in sources]
                if has_timestamps:
                    assert (slots.timestamps_ms[slot] == slots.source_rows[slot] * 7)[:count].all()
                found = records_in(slots, slot)
                for record, (source, *_) in enumerate(found):
                    assert slots.value_is_null[slot, record] == (has_headers and (source - 1000) % 3 == 0)
                assert len(found) == count
                assert {partition_owner(partition, worker_count) for _, partition, *_ in found} == {worker}
                placed += found
    expected = [
        (1000 + int(row), int(partition), int(due), *drawn[row][:2])
        for row, partition, due in zip(rows, partitions, due_ns, strict=True)
    ]
    for partition in range(partition_count):
        of_partition = [record for record in expected if record[1] == partition]
        assert [record for record in placed if record[1] == partition] == of_partition
        assert handed_over[partition] == len(of_partition)
    assert len(placed) == len(expected)


@given(st.lists(st.tuples(values, st.booleans()), max_size=40))
def test_dropped_values_leave_the_others_as_they_were(rows: list[tuple[bytes, bool]]) -> None:
    """Null values have no bytes, and every other value is what it was, wherever it lies."""
    arena = arena_of([value for value, _ in rows], [None] * len(rows))
    is_null = np.array([null for _, null in rows], np.bool_)
    drop_values(arena.values, arena.value_ends, is_null, len(rows))
    starts = [0, *arena.value_ends.tolist()][: len(rows)]
    found = [arena.values[start:end].tobytes() for start, end in zip(starts, arena.value_ends.tolist(), strict=True)]
    assert found == [b"" if null else value for value, null in rows]


def batch_of_one(value: bytes, key: bytes | None, headers: Sequence[tuple[bytes, bytes | None]] = ()) -> bytes:
    """A Kafka record batch that holds one record, written from the specification of format version 2.

    https://kafka.apache.org/documentation/#recordbatch and #record; checksums and ids are zero: no length changes.
    """

    def varint(number: int) -> bytes:
        zigzag = (number << 1) ^ (number >> 63)
        out = bytearray()
        while zigzag > 0x7F:
            out.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        out.append(zigzag)
        return bytes(out)

    body = b"\0" + varint(0) + varint(0)  # attributes, timestamp delta, offset delta
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(len(headers))
    for name, text in headers:
        body += varint(len(name)) + name + (varint(-1) if text is None else varint(len(text)) + text)
    record = varint(len(body)) + body
    rest = bytes(4) + b"\2" + bytes(4) + bytes(2) + bytes(4) + bytes(8) + bytes(8) + bytes(8) + bytes(2) + bytes(4)
    rest += (1).to_bytes(4, "big") + record
    return bytes(8) + len(rest).to_bytes(4, "big") + rest


@pytest.mark.parametrize("value_bytes", [0, 1, 59, 60, 63, 64, 127, 128, 8191, 8192, 16_384, 1_048_576, 2_097_152])
@pytest.mark.parametrize("key", [None, b"", b"k", bytes(63), bytes(64), bytes(9000)])
def test_wire_sizes_are_those_of_a_record_batch(value_bytes: int, key: bytes | None) -> None:
    """What a record takes alone in its Kafka batch, to the byte, at every length of a variable-length integer."""
    filler = (b"x" * 100, b"key")  # in front, so that no position starts at 0
    arena = arena_of([filler[0], bytes(value_bytes)], [filler[1], key])
    sizes = np.zeros(2, np.int64)
    wire_sizes(arena, 2, sizes)
    assert sizes.tolist() == [len(batch_of_one(*filler)), len(batch_of_one(bytes(value_bytes), key))]


def blob_of(headers: Sequence[tuple[bytes, bytes | None]]) -> bytes:
    """Headers as kafka/blocks.py says that they lie in a block."""
    return b"".join(
        struct.pack("<ii", len(name), -1 if text is None else len(text)) + name + b"\0" + (text or b"")
        for name, text in headers
    )


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"a", None)],
        [(b"a", b"")],
        [(b"a", bytes(63)), (b"b", bytes(64))],
        [(bytes(64), b"x"), (b"", bytes(9000))],
        [(b"n%d" % number, b"v") for number in range(64)],
    ],
)
def test_wire_sizes_count_headers(headers: list[tuple[bytes, bytes | None]]) -> None:
    """Headers take in a batch what the format says, in the first record and in one behind others."""
    blob = blob_of(headers)
    arena = arena_of([b"v", b"w"], [None, b"k"], (), [blob, blob])
    sizes = np.zeros(2, np.int64)
    wire_sizes(arena, 2, sizes)
    assert sizes.tolist() == [len(batch_of_one(b"v", None, headers)), len(batch_of_one(b"w", b"k", headers))]
    assert segment_end(arena, np.arange(2), 0, 2, 2 * len(blob) + 3) == 2
    assert segment_end(arena, np.arange(2), 0, 2, 2 * len(blob) + 2) == 1


def run_keyless(
    due_ns: list[int], value_bytes: list[int], partition_count: int, run_ns: int, run_bytes: int, pieces: int
) -> list[int]:
    """Partitions of records that come in ``pieces`` RecordBatches."""
    state, found = np.zeros(place_kernels.RUN_WORDS, np.int64), []
    for part in np.array_split(np.arange(len(due_ns)), pieces):
        arena = arena_of([bytes(value_bytes[k]) for k in part], [None] * len(part))
        partitions = np.full(len(part), -1, np.int32)
        keyless_partitions(
            state, np.array(due_ns, np.int64)[part], arena, np.arange(len(part)), partition_count, run_ns, run_bytes,
            partitions,
        )  # fmt: skip
        found += partitions.tolist()
    return found


@given(
    gaps=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=200),
    sizes=st.integers(1, 200),
    partition_count=st.integers(1, 5),
    pieces=st.integers(1, 5),
)
def test_paced_keyless_records_change_partition_with_due_time(
    gaps: list[int], sizes: int, partition_count: int, pieces: int
) -> None:
    """A run covers less than 10 ms of due time, the next goes to the next partition, however the input is cut."""
    due_ns = np.cumsum(gaps).tolist()
    partitions = run_keyless(due_ns, [sizes] * len(gaps), partition_count, 10_000_000, 2**62, pieces)
    run_start, expected = due_ns[0] if due_ns[0] >= 10_000_000 else 0, 0
    for due, partition in zip(due_ns, partitions, strict=True):
        if due - run_start >= 10_000_000:
            run_start, expected = due, (expected + 1) % partition_count
        assert partition == expected


@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=400), partition_count=st.integers(1, 6))
def test_unpaced_keyless_records_are_balanced_by_bytes(sizes: list[int], partition_count: int) -> None:
    """Runs of at most 16 KiB, one partition after the other: partitions differ by less than one run and one record."""
    partitions = run_keyless([0] * len(sizes), sizes, partition_count, 2**62, 16_384, 3)
    totals = [0] * partition_count
    runs: list[tuple[int, int]] = []
    for size, partition in zip(sizes, partitions, strict=True):
        totals[partition] += size
        if runs and runs[-1][0] == partition:
            runs[-1] = partition, runs[-1][1] + size
        else:
            runs.append((partition, size))
    if partition_count > 1:
        assert [partition for partition, _ in runs] == [number % partition_count for number in range(len(runs))]
        assert all(16_384 - 3000 < total <= 16_384 for _, total in runs[:-1])
        full_rounds = len(runs) // partition_count
        assert max(totals) - min(totals) <= 16_384 + full_rounds * 3000


@given(sizes=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=50), capacity=st.integers(100, 1000))
def test_a_segment_is_the_longest_that_fits(sizes: list[tuple[int, int]], capacity: int) -> None:
    """Cut where the next record would not fit any more, so that a slot is never overrun and never needlessly empty."""
    arena = arena_of([bytes(value) for value, _ in sizes], [bytes(key) for _, key in sizes])
    rows, first = np.arange(len(sizes)), 0
    while first < len(sizes):
        end = segment_end(arena, rows, first, len(sizes), capacity)
        assert end > first
        assert sum(map(sum, sizes[first:end])) <= capacity
        assert end == len(sizes) or sum(map(sum, sizes[first : end + 1])) > capacity
        first = end
