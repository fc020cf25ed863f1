"""The map of a run's shared memory: nothing overlaps, and what atomics touch is aligned."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.metrics import histogram
from replayer.shm import layout as shm_layout
from replayer.shm.layout import CACHE_LINE, PAGE, Layout, partition_owner

layouts = st.builds(
    Layout,
    worker_count=st.integers(1, 5),
    slots_per_worker=st.integers(1, 4),
    partition_count=st.integers(1, 300),
    record_capacity=st.integers(1, 9_000),
    bytes_capacity=st.integers(1, 3 << 20),
)


@given(layout=layouts)
def test_regions_follow_each_other_without_overlap(layout: Layout) -> None:
    """Control words, counters and slots, as bytes of the file: each begins where the one before it has ended."""
    regions = [(0, shm_layout.CONTROL_WORDS * 8), (layout.reader_offset, layout.reader_words * 8)]
    regions += [(layout.worker_offset(worker), layout.worker_words * 8) for worker in range(layout.worker_count)]
    regions += [
        (layout.slot_offset(worker, slot), layout.slot_bytes)
        for worker in range(layout.worker_count)
        for slot in range(layout.slots_per_worker)
    ]
    end = 0
    for first, size in regions:
        assert first >= end
        assert first % CACHE_LINE == 0
        end = first + size
    assert end == layout.total_bytes


@given(layout=layouts)
def test_columns_of_a_slot_do_not_overlap(layout: Layout) -> None:
    """Columns begin on cache lines, in the order of the layout, and end inside the slot."""
    end = 0
    for column in layout.slot_columns:
        assert column.offset >= end
        assert column.offset % CACHE_LINE == 0
        end = column.end
    assert end <= layout.slot_bytes
    assert layout.slot_bytes % PAGE == 0


@given(layout=layouts)
def test_counters_have_room_for_their_tables(layout: Layout) -> None:
    """The words of a block are enough for its scalars, its tables by partition and its histograms."""
    assert layout.reader_words >= len(shm_layout.READER_SCALARS) + layout.partition_count
    tables = len(shm_layout.PARTITION_COUNTERS) * layout.partition_count
    histograms = len(shm_layout.HISTOGRAMS) * histogram.SIZE
    assert layout.worker_words >= len(shm_layout.WORKER_SCALARS) + tables + histograms


def test_control_words_do_not_overlap() -> None:
    """Two maps of five words, the bucket's setting, and the word that workers swap in a cache line of its own."""
    places = [
        range(shm_layout.COMMAND, shm_layout.COMMAND + 1),
        range(shm_layout.MAP_VERSION, shm_layout.MAP_VERSION + 1),
    ]
    places += [range(first, first + 5) for first in (shm_layout.MAP_0, shm_layout.MAP_1)]
    places += [range(shm_layout.BUCKET_INTERVAL, shm_layout.BUCKET_ORIGIN + 1)]
    places += [range(shm_layout.BUCKET_ARRIVAL, shm_layout.BUCKET_ARRIVAL + 8)]
    words = [word for place in places for word in place]
    assert len(words) == len(set(words))
    assert max(words) < shm_layout.CONTROL_WORDS
    assert shm_layout.BUCKET_ARRIVAL * 8 % CACHE_LINE == 0


@given(layout=layouts)
def test_every_process_computes_the_same_layout(layout: Layout) -> None:
    """A layout survives the way to a child: pickled and back it names the same places."""
    copy = pickle.loads(pickle.dumps(layout))
    assert copy == layout
    assert copy.total_bytes == layout.total_bytes


@pytest.mark.parametrize("worker_count", [1, 2, 3, 7])
def test_each_partition_has_one_owner(worker_count: int) -> None:
    """Every worker owns its share of the partitions, give or take one."""
    owners = [partition_owner(partition, worker_count) for partition in range(24)]
    shares = [owners.count(worker) for worker in range(worker_count)]
    assert sum(shares) == 24
    assert max(shares) - min(shares) <= 1
