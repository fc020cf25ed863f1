"""Records, arrays and maps: their values are cast as flat columns, and a misfit is a fault of its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from replayer.coerce.fill import Constant
from replayer.coerce.fit import Cast, Fault, Fitted, Mask, valid_rows


@dataclass(frozen=True)
class Child:
    """One field of a record: the place of its column in the source struct and its cast, or the value to fill in."""

    name: str
    place: int | None
    cast: Cast | None
    constant: Constant | None


def record_cast(children: Sequence[Child], target: Any) -> Cast:
    """A struct whose fields are cast one by one, in the order of the schema."""

    def cast(array: Any) -> Fitted:
        is_valid = valid_rows(array)
        faults: list[Fault] = []
        columns = []
        for child in children:
            if child.cast is None or child.place is None:
                assert child.constant is not None
                columns.append(child.constant.rows(len(array)))
                continue
            fitted = child.cast(array.field(child.place))
            columns.append(fitted.array)
            for fault in fitted.faults:
                rows = fault.rows & is_valid
                if rows.any():
                    faults.append(replace(fault, rows=rows, path=f".{child.name}{fault.path}"))
        mask = None if is_valid.all() else pa.array(~is_valid)
        struct = _struct(columns, target, mask, len(array))
        return Fitted(struct, tuple(faults))

    return cast


def _struct(columns: list[Any], target: Any, mask: Any, length: int) -> Any:
    if not columns:
        plain = pa.array([{}] * length, target)
        return plain if mask is None else pc.if_else(mask, pa.scalar(None, target), plain)
    return pa.StructArray.from_arrays(columns, fields=list(target), mask=mask)


def array_cast(item: Cast, target: Any) -> Cast:
    """A list whose items are cast as one column."""

    def cast(array: Any) -> Fitted:
        plain = _as_list(array)
        starts, rows = _places(plain)
        values = plain.values.slice(starts[0], starts[-1] - starts[0])
        fitted = item(values)
        built = _rebuild(plain, target, starts, [fitted.array])
        return Fitted(built, _of_rows(fitted.faults, rows, valid_rows(plain), "[]"))

    return cast


def map_cast(value: Cast, target: Any) -> Cast:
    """A map with string keys whose values are cast as one column."""

    def cast(array: Any) -> Fitted:
        starts, rows = _places(array)
        count = starts[-1] - starts[0]
        keys = array.keys.slice(starts[0], count).cast(pa.string())
        fitted = value(array.items.slice(starts[0], count))
        entries = pa.StructArray.from_arrays([keys, fitted.array], fields=[target.key_field, target.item_field])
        built = _rebuild(array, target, starts, [entries])
        return Fitted(built, _of_rows(fitted.faults, rows, valid_rows(array), "{}"))

    return cast


def _as_list(array: Any) -> Any:
    """Lists with 32-bit offsets, whatever kind they came as."""
    return array if pa.types.is_list(array.type) else array.cast(pa.list_(array.type.value_type))


def _places(array: Any) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """Where each row's values begin and the last end, in the child as it is, and the row of each value."""
    content = np.frombuffer(array.buffers()[1], dtype=np.int32) if array.buffers()[1] else np.zeros(1, np.int32)
    starts = content[array.offset : array.offset + len(array) + 1]
    if not len(starts):
        starts = np.zeros(1, np.int32)
    return starts, np.repeat(np.arange(len(array)), np.diff(starts))


def _rebuild(array: Any, target: Any, starts: npt.NDArray[np.int32], children: list[Any]) -> Any:
    validity = None if array.null_count == 0 else pa.array(valid_rows(array)).buffers()[1]
    ends = pa.py_buffer(memoryview(starts - starts[0]))
    return pa.Array.from_buffers(target, len(array), [validity, ends], children=children)


def _of_rows(faults: Sequence[Fault], rows: npt.NDArray[np.intp], is_valid: Mask, step: str) -> tuple[Fault, ...]:
    """Faults of values as faults of the rows that hold them; what lies under a null does not count."""
    found = []
    for fault in faults:
        hit = np.zeros(len(is_valid), dtype=np.bool_)
        hit[rows[fault.rows]] = True
        hit &= is_valid
        if hit.any():
            found.append(replace(fault, rows=hit, path=step + fault.path))
    return tuple(found)
