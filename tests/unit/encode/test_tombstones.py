"""Which rows become tombstones."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from replayer.encode.options import TombstoneRule
from replayer.encode.parsing import parse_tombstone
from replayer.encode.tombstones import make_tombstone_column
from replayer.errors import UsageError


@pytest.mark.parametrize(
    ("rule", "values", "kind", "expected"),
    [
        ("c", [True, False, None], pa.bool_(), [True, False, False]),
        ("c=false", [True, False, None], pa.bool_(), [False, True, False]),
        ("c=DELETE", ["DELETE", "delete", None, "DELETED"], pa.string(), [True, False, False, False]),
        ("c=a=b", ["a=b", "a", "", "b"], pa.string(), [True, False, False, False]),
        ("c=0", [0, 1, None], pa.int64(), [True, False, False]),
        ("c=x", [b"x", b"", None], pa.binary(), [True, False, False]),
    ],
)
def test_conditions(rule: str, values: list[Any], kind: pa.DataType, expected: list[bool]) -> None:
    """A boolean that is true, or a text that is equal to the byte; null is no tombstone, and slices are read right."""
    for array in (pa.array(values, kind), pa.array([None, *values], kind).slice(1)):
        batch = pa.record_batch([array], names=["c"])
        column = make_tombstone_column(parse_tombstone(rule), batch.schema)
        assert column is not None
        assert column.read(batch).tolist() == expected


@pytest.mark.parametrize("text", ["", "=x", "c="])
def test_what_is_no_condition(text: str) -> None:
    """A column is needed, and behind an equals sign a value."""
    with pytest.raises(UsageError):
        parse_tombstone(text)


def test_a_column_that_is_no_condition() -> None:
    """Without a value the column is boolean; with one it holds single values."""
    schema = pa.schema([("c", pa.string()), ("l", pa.list_(pa.int32()))])
    for rule in (TombstoneRule("c"), TombstoneRule("l", "1"), TombstoneRule("d", "1")):
        with pytest.raises(UsageError, match="--tombstone-if"):
            make_tombstone_column(rule, schema)
    assert make_tombstone_column(None, schema) is None
