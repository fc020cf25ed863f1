"""What is decided before a run, from numbers alone."""

from __future__ import annotations

import pytest

from replayer.errors import UsageError
from replayer.run.planning import BatchLimits, batch_limits, plan_layout

MIB = 1 << 20


@pytest.mark.parametrize(
    ("properties", "topic_max_bytes", "expected"),
    [
        ({}, None, BatchLimits(998_976, 1_000_000)),
        ({}, 1_048_588, BatchLimits(1_000_000, 1_048_588)),
        ({}, 20_000, BatchLimits(18_976, 20_000)),
        ({}, 1_000, BatchLimits(500, 1_000)),
        ({}, 10 * MIB, BatchLimits(1_000_000, 10 * MIB)),
        ({"message.max.bytes": "5000"}, 1_048_588, BatchLimits(3_976, 5_000)),
        ({"batch.size": "16384"}, 1_048_588, BatchLimits(16_384, 1_048_588)),
    ],
)
def test_batches_stay_below_the_topics_limit(
    properties: dict[str, str], topic_max_bytes: int | None, expected: BatchLimits
) -> None:
    """batch.size is below the limit of the topic and of the client, whichever is lower; the user's own value wins."""
    assert batch_limits(properties, topic_max_bytes) == expected


@pytest.mark.parametrize(
    ("workers", "max_record_bytes", "slots", "slot_bytes"),
    [
        (1, 1_000_000, 12, 2 * MIB),
        (8, 1_000_000, 12, 2 * MIB),
        (1, 100 * MIB, 10, 100 * MIB),
        (4, 100 * MIB, 2, 100 * MIB),
    ],
)
def test_large_records_leave_fewer_slots(workers: int, max_record_bytes: int, slots: int, slot_bytes: int) -> None:
    """A slot holds the largest record, and all slots together stay within 1 GiB."""
    layout = plan_layout(workers, 6, max_record_bytes)
    assert (layout.slots_per_worker, layout.bytes_capacity) == (slots, slot_bytes)


def test_records_that_need_too_much_memory_are_refused() -> None:
    """With less than two slots a worker the run does not start, and says what to change."""
    with pytest.raises(UsageError, match=r"4 workers") as caught:
        plan_layout(4, 6, 200 * MIB)
    assert "message.max.bytes" in caught.value.hint
