"""One set of columns for files that have different ones."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from replayer.errors import DatasetError
from replayer.source.discover import InputFile

_HINT = "replay them as two datasets, or write them with the same columns"
_UNION_HINT = "--union-schemas reads all of them, with nulls for the columns that a file lacks"


def one_schema(known: Sequence[tuple[InputFile, pa.Schema]], *, is_union: bool) -> pa.Schema:
    """The columns of all files: the same for each, or, as a union, those of any, in the order in which they come up.

    Raises DatasetError where files differ, naming both and the first difference; in a union only types may not differ.
    """
    first_file, first = known[0]
    if not is_union:
        for file, schema in known[1:]:
            if difference := _difference(first, schema):
                is_type = difference.startswith("column '")
                raise DatasetError(
                    f"the columns of {first_file.path} and {file.path} differ: {difference}",
                    _HINT if is_type else _UNION_HINT,
                )
        return first
    fields: dict[str, pa.Field[pa.DataType]] = {}
    named_by: dict[str, InputFile] = {}
    for file, schema in known:
        for field in schema:
            one = fields.setdefault(field.name, field)
            other = named_by.setdefault(field.name, file)
            if one.type != field.type:
                raise DatasetError(
                    f"the columns of {other.path} and {file.path} differ: column {field.name!r} is {one.type} in the"
                    f" first and {field.type} in the second",
                    _HINT,
                )
    return pa.schema(list(fields.values()))


def aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of ``schema`` in its order, nulls where the batch lacks one; types stay as they are."""
    names = batch.schema.names
    if names == schema.names:
        return batch
    columns = [
        batch.column(names.index(field.name)) if field.name in names else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def lacking(known: Sequence[tuple[InputFile, pa.Schema]], schema: pa.Schema) -> list[str]:
    """A note for each of the first files that lack columns, and one for the rest."""
    notes = []
    for file, own in known:
        if missing := [name for name in schema.names if name not in own.names]:
            notes.append(f"{file.path} has no {', '.join(missing)}: null in its rows")
    shown = notes[:3]
    return shown if len(notes) <= 3 else [*shown, f"{len(notes) - 3} more files lack columns"]


def _difference(left: pa.Schema, right: pa.Schema) -> str:
    """The first difference in words, empty when there is none."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one.name != other.name:
            return f"column {place + 1} is {one.name!r} in the first and {other.name!r} in the second"
        if one.type != other.type:
            return f"column {one.name!r} is {one.type} in the first and {other.type} in the second"
    if len(left) != len(right):
        longer, name = (
            ("first", left.names[len(right)]) if len(left) > len(right) else ("second", right.names[len(left)])
        )
        return f"only the {longer} has column {name!r}"
    return ""
