"""Partitions from a column of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replayer.encode.text_columns import find_column
from replayer.encode.unfit import Unfit
from replayer.errors import UsageError

_FLAG = "--partition-col"


def make_partition_column(name: str | None, schema: pa.Schema, partition_count: int | None) -> PartitionColumn | None:
    """The column, or None without one; ``partition_count`` is None where no topic is asked, as in a dry run.

    ``schema`` is that of the coerced RecordBatches. Raises UsageError for a column that is not there or holds no whole
    numbers.
    """
    if name is None:
        return None
    kind = find_column(_FLAG, name, schema)
    if not pa.types.is_integer(kind):
        raise UsageError(f"{_FLAG}: the column {name!r} is {kind}", "name a column of whole numbers from 0")
    return PartitionColumn(name, partition_count)


class PartitionColumn:
    """Reads the partitions of RecordBatches."""

    def __init__(self, name: str, partition_count: int | None) -> None:
        self._name, self._partition_count = name, partition_count

    def read(self, batch: pa.RecordBatch) -> tuple[npt.NDArray[np.int32], tuple[Unfit, ...]]:
        """One partition a row, and the rows that name none of the topic's."""
        array: Any = batch.column(self._name)
        is_null = array.is_null().to_numpy(zero_copy_only=False)
        numbers = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        last = 2**31 - 1 if self._partition_count is None else self._partition_count - 1
        is_outside = ((numbers < 0) | (numbers > last)) & ~is_null
        found = (
            (is_null, "null_partition", "the record's partition comes from this column, which is null"),
            (is_outside, "no_such_partition", f"the topic's partitions go from 0 to {last:,}"),
        )
        unfit = tuple(Unfit(rows, self._name, reason, detail) for rows, reason, detail in found if rows.any())
        return np.where(is_null | is_outside, 0, numbers).astype(np.int32), unfit
