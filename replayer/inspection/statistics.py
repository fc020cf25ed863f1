"""What the values of one column are, gathered RecordBatch by RecordBatch after they were coerced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.rejects import printable_values
from replayer.inspection.model import Suggestion
from replayer.units import format_count

_EXAMPLES = 3
_EXAMPLE_ROWS = 2_000
_LOOKED_AT_ROWS = 100_000
"""Rows of which it is known whether they are distinct and whether they rise; more would not fit into memory."""
_KEY_NAMES = ("id", "key", "uuid", "guid", "code", "no", "number", "sku", "user", "customer", "account", "device")
_TIME_NAMES = ("event", "occurred", "created", "timestamp", "time", "ts", "at", "date")


class ColumnStatistics:
    """Follows one field."""

    def __init__(self, name: str, field: str, kind: pa.DataType | None) -> None:
        self.name, self.field, self._kind = name, field, kind
        self.null_count = 0
        self.rows = 0
        self.examples: list[str] = []
        self._lowest: Any = None
        self._highest: Any = None
        self._first: list[Any] = []
        self._first_rows = 0

    def take(self, column: Any, source_column: Any) -> None:
        """More values, in the type of the schema and as the source has them."""
        self.rows += len(column)
        self.null_count += column.null_count
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if self._has_order(column.type) and column.null_count < len(column):
            found: Any = pc.min_max(column)
            self._lowest = _extreme("min", self._lowest, found["min"])
            self._highest = _extreme("max", self._highest, found["max"])
        if self._is_looked_at(column.type) and self._first_rows < _LOOKED_AT_ROWS:
            self._first.append(column)
            self._first_rows += len(column)
        if len(self.examples) < _EXAMPLES and source_column is not None:
            self._find_examples(source_column)

    def _find_examples(self, column: Any) -> None:
        for value in printable_values(column.slice(0, _EXAMPLE_ROWS).drop_null().slice(0, 50)):
            text = str(value)
            if text not in self.examples:
                self.examples.append(text)
            if len(self.examples) == _EXAMPLES:
                return

    def _has_order(self, kind: Any) -> bool:
        types = pa.types
        is_text = types.is_string(kind) or types.is_large_string(kind)
        is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        return is_text or is_number or types.is_temporal(kind) or types.is_boolean(kind)

    def _is_looked_at(self, kind: Any) -> bool:
        return self._kind is not None and (
            pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_string(kind)
        )

    @property
    def lowest(self) -> str | None:
        """The smallest value as text."""
        return _as_text(self._lowest)

    @property
    def highest(self) -> str | None:
        """The largest value as text."""
        return _as_text(self._highest)

    def as_key(self) -> tuple[float, Suggestion] | None:
        """How well the column would do as a key, and why; None when it would not."""
        if not self._first or self.null_count or not self.rows or pa.types.is_timestamp(self._first[0].type):
            return None
        chunked = pa.chunked_array(self._first)
        distinct = len(pc.unique(chunked)) / len(chunked)
        is_named = bool({*self.field.lower().split("_")} & {*_KEY_NAMES})
        if not is_named and distinct < 1:
            return None
        scope = "all rows" if len(chunked) == self.rows else f"the first {format_count(len(chunked))} rows"
        reason = f"no nulls, {distinct * 100:.3g} % distinct in {scope}"
        # A name says more than distinct values do: a measurement may be distinct by chance.
        return is_named * 2 + distinct, Suggestion(self.name, reason)

    def as_event_time(self) -> tuple[float, Suggestion] | None:
        """How well the column would do as the time of an event, and why; None when it is no instant."""
        if not self._first or not pa.types.is_timestamp(self._first[0].type) or self.null_count == self.rows:
            return None
        instants = pa.chunked_array(self._first).drop_null().cast(pa.int64()).to_numpy()
        rises = bool(np.all(np.diff(instants) >= 0))
        is_named = bool({*self.field.lower().split("_")} & {*_TIME_NAMES})
        full = 1 - self.null_count / self.rows
        nulls = "no nulls" if not self.null_count else f"{(1 - full) * 100:.3g} % nulls"
        scope = "" if self._first_rows >= self.rows else f" in the first {format_count(self._first_rows)} rows"
        reason = f"{nulls}, {'rises from row to row' if rises else 'does not rise from row to row'}{scope}"
        return full * 4 + rises * 2 + is_named, Suggestion(self.name, reason)


def _extreme(which: str, one: Any, other: Any) -> Any:
    if one is None or not other.is_valid:
        return other if other.is_valid else one
    both: Any = (
        pc.min_max(pa.concat_arrays([pa.array([value.as_py()], value.type) for value in (one, other)]))
        if (not pa.types.is_temporal(one.type))
        else pc.min_max(pa.array([one, other]))
    )
    return both[which]


def _as_text(value: Any) -> str | None:
    return None if value is None else str(printable_values(pa.array([value], value.type))[0])
