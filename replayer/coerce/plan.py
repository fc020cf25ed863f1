"""Make rows fit a schema, or reject them: planned once per schema, then whole columns at a time."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replayer.coerce.cast import Planner, find_column
from replayer.coerce.fill import Constant, constant_of
from replayer.coerce.fit import Cast, Fault
from replayer.coerce.rejects import RejectedRow, printable_values, raw_writer
from replayer.errors import SchemaError
from replayer.schema.avro import AvroSchema, Record
from replayer.schema.names import avro_names
from replayer.schema.text import text_kind


class MalformedRow(Protocol):
    """A row that the source could not take apart."""

    @property
    def row(self) -> int:
        """From 0 in its file."""

    @property
    def reason(self) -> str:
        """A short code."""

    @property
    def detail(self) -> str:
        """What is wrong, in words."""

    @property
    def raw(self) -> str:
        """Its text."""

    @property
    def column(self) -> str:
        """The column at fault, empty when there is none."""


class Rows(Protocol):
    """What a source yields: columns, and of which file and rows they are."""

    @property
    def batch(self) -> pa.RecordBatch:
        """The columns of the rows that could be taken apart."""

    @property
    def file_index(self) -> int:
        """Which file of the dataset they are of."""

    @property
    def row_numbers(self) -> npt.NDArray[np.int64]:
        """One for each row of the batch, from 0 in the file."""

    @property
    def malformed(self) -> Sequence[MalformedRow]:
        """The rows that could not, in order."""


@dataclass(frozen=True)
class Coerced:
    """Rows that fit, and those that do not: together all rows that came in."""

    batch: pa.RecordBatch
    """The columns of the schema in its order, in the types of ``schema.arrow``; strings possibly by dictionary."""
    file_index: int
    row_numbers: npt.NDArray[np.int64]
    """One for each row of ``batch``, from 0 in the file."""
    rejects: tuple[RejectedRow, ...]


@dataclass(frozen=True)
class _Column:
    name: str
    place: int | None
    cast: Cast | None
    constant: Constant | None


def plan_coercion(source_schema: pa.Schema, schema: AvroSchema, renames: Mapping[str, str]) -> Coercer:
    """Decide for each field of the schema which column it takes and how its values are made to fit.

    A field takes the column of its name, else the one that ``renames`` (column → field) or ``avro_names`` calls so,
    else one named like an alias. Without a column it takes its default, or null. Raises SchemaError when a field has
    neither, when the types can never fit, and when the top of the schema is no record.
    """
    if not isinstance(schema.root, Record):
        raise SchemaError(f"{schema.fullname}: the top of the schema is no record", "rows with columns need a record")
    notes: list[str] = []
    planner = Planner(text_kind(source_schema), notes.append)
    names = list(source_schema.names)
    all_renames = {**avro_names(names), **renames}
    columns = []
    for field in schema.root.fields:
        place = find_column(names, all_renames, field.name, field.aliases)
        if place is not None:
            cast = planner.column(source_schema.field(place).type, field.node, field.name)
            columns.append(_Column(field.name, place, cast, None))
            continue
        constant = constant_of(field)
        if constant is None and names:
            close = difflib.get_close_matches(field.name, names, 1)
            raise SchemaError(
                f"{schema.fullname}: field {field.name!r} has no column and no default",
                (f"did you mean the column {close[0]!r}? " if close else "") + f"columns: {', '.join(names)}",
            )
        columns.append(_Column(field.name, None, None, constant))
        if names:
            notes.append(f"field {field.name} has no column and is always {field.default!r}")
    used = {column.place for column in columns}
    ignored = tuple(name for place, name in enumerate(names) if place not in used)
    return Coercer(tuple(columns), ignored, tuple(notes), raw_writer(source_schema))


class Coercer:
    """Applies one plan.

    ``ignored_columns`` are those that the schema does not ask for; ``notes`` say how values are read.
    """

    def __init__(
        self,
        columns: tuple[_Column, ...],
        ignored_columns: tuple[str, ...],
        notes: tuple[str, ...],
        write_raw: Callable[[Sequence[Any]], str],
    ) -> None:
        self._columns = columns
        self._write_raw = write_raw
        self._names = [column.name for column in columns]
        self.ignored_columns = ignored_columns
        self.notes = notes

    def coerce(self, rows: Rows) -> Coerced:
        """The rows that fit, in order, and the others with their reasons; columns that fit already are not copied."""
        source = rows.batch
        arrays: list[Any] = []
        faults: list[tuple[_Column, Fault]] = []
        for column in self._columns:
            if column.cast is None or column.place is None:
                arrays.append(self._fill(column, source.num_rows))
                continue
            fitted = column.cast(source.column(column.place))
            arrays.append(fitted.array)
            faults += [(column, fault) for fault in fitted.faults]
        batch = _batch(arrays, self._names, source.num_rows)
        numbers = rows.row_numbers
        if not faults and not rows.malformed:
            return Coerced(batch, rows.file_index, numbers, ())
        rejects = [
            RejectedRow(rows.file_index, bad.row, bad.column, bad.reason, bad.detail, bad.raw) for bad in rows.malformed
        ]
        if faults:
            bad_rows = np.logical_or.reduce([fault.rows for _, fault in faults])
            rejects += _rejects(rows, faults, bad_rows, self._write_raw)
            rejects.sort(key=lambda reject: reject.row)
            batch = batch.filter(pa.array(~bad_rows))
            numbers = numbers[~bad_rows]
        return Coerced(batch, rows.file_index, numbers, tuple(rejects))

    def _fill(self, column: _Column, count: int) -> Any:
        if column.constant is None:
            # Planned on a dataset without columns, which can have no rows either.
            return pa.nulls(count)
        return column.constant.rows(count)


def _batch(arrays: list[Any], names: list[str], rows: int) -> pa.RecordBatch:
    if not arrays:
        empty: Any = pa.array([{}] * rows, pa.struct([]))
        return pa.RecordBatch.from_struct_array(empty)
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _rejects(
    rows: Rows,
    faults: Sequence[tuple[_Column, Fault]],
    bad_rows: npt.NDArray[np.bool_],
    write_raw: Callable[[Sequence[Any]], str],
) -> list[RejectedRow]:
    """One reject a row, with its first fault in the order of the schema."""
    places = np.flatnonzero(bad_rows)
    first: dict[int, tuple[_Column, Fault]] = {}
    for column, fault in reversed(faults):
        for place in np.flatnonzero(fault.rows):
            first[int(place)] = (column, fault)
    source = rows.batch.take(places)
    values = [printable_values(column) for column in source.columns]
    rejects = []
    for index, place in enumerate(places):
        column, fault = first[int(place)]
        assert column.place is not None
        shown = repr(values[column.place][index])
        shown = shown if len(shown) <= 200 else f"{shown[:200]}…"
        path = f" at {column.name}{fault.path}" if fault.path else ""
        detail = f"expected {fault.expected}{path}, found {shown}"
        raw = write_raw([one[index] for one in values])
        rejects.append(
            RejectedRow(
                rows.file_index, int(rows.row_numbers[place]), column.name + fault.path, fault.reason, detail, raw
            )
        )
    return rejects
