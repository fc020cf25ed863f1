"""Tombstones: which rows become a record with a key and a null value, by which a compacted topic forgets the key."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from replayer.encode.options import TombstoneRule
from replayer.encode.text_columns import TextColumn, find_column, find_text_column
from replayer.errors import UsageError
from replayer.schema.avro import AvroSchema

_FLAG = "--tombstone-if"


def make_tombstone_column(
    rule: TombstoneRule | None, schema: pa.Schema, avro_schema: AvroSchema | None = None
) -> TombstoneColumn | None:
    """The condition, or None without one.

    ``schema`` is that of the coerced RecordBatches, ``avro_schema`` tells enums and uuids. Raises UsageError for a
    column that is not there or cannot be a condition.
    """
    if rule is None:
        return None
    if rule.value is None and not pa.types.is_boolean(find_column(_FLAG, rule.column, schema)):
        kind = schema.field(rule.column).type
        raise UsageError(
            f"{_FLAG}: the column {rule.column!r} is {kind}, not boolean",
            f"name a value too: {_FLAG} {rule.column}=DELETE",
        )
    return TombstoneColumn(find_text_column(_FLAG, rule.column, schema, avro_schema), rule.value or "true")


class TombstoneColumn:
    """Finds the tombstones of RecordBatches: the rows whose column has this text. Null is none."""

    def __init__(self, column: TextColumn, value: str) -> None:
        self._column = column
        self._value = pa.scalar(value.encode(), pa.binary())

    def read(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """True for each row that is a tombstone."""
        text = self._column.text(batch.column(self._column.name)).cast(pa.binary())
        found: Any = pc.equal(text, self._value).fill_null(fill_value=False)
        is_tombstone: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return is_tombstone
