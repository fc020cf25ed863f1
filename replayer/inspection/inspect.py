"""Reads a dataset twice: once to find its schema, once more to see what its rows are under that schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from replayer.coerce.plan import plan_coercion
from replayer.coerce.rejects import RejectedRow
from replayer.encode.avro import make_encoder
from replayer.encode.framing import confluent_prefix
from replayer.inspection.evidence import WHY_TYPED, TextEvidence
from replayer.inspection.model import ColumnFound, Inspection, UnfitRows
from replayer.inspection.statistics import ColumnStatistics
from replayer.schema.avro import Record, parse_schema
from replayer.schema.infer_whole import WholeInference
from replayer.schema.names import avro_names, renamed
from replayer.schema.text import text_kind
from replayer.source.batch import SourceBatch
from replayer.source.open import SAMPLE_BYTES, Source, open_dataset
from replayer.source.options import SourceOptions
from replayer.source.standard_input import wait_for_the_end, was_read_to_its_end

_TYPED_SAMPLE_ROWS = 65_536
_JSON_KINDS = {
    "long": "whole numbers", "double": "numbers, some with a fraction", "boolean": "true or false",
    "record": "objects", "array": "lists",
}  # fmt: skip


def inspect(options: SourceOptions, record_name: str, *, is_whole: bool) -> Inspection:
    """All rows, or for a first look the first 64 MiB of text or 65,536 typed rows.

    Raises DatasetError and SchemaError.
    """
    wait_for_the_end()
    source = open_dataset(options, is_whole=is_whole)
    inference = WholeInference(source.schema, record_name)
    evidence = {
        field.name: TextEvidence() for field in source.schema if text_kind(source.schema) and field.type == pa.string()
    }
    for one in _batches(source, is_whole=is_whole):
        inference.take(one.batch)
        for name, column_evidence in evidence.items():
            column_evidence.take(one.batch.column(name), one.row_numbers)
    return _Second(source, inference.schema(), evidence, is_whole=is_whole).inspection()


def _batches(source: Source, *, is_whole: bool) -> Iterator[SourceBatch]:
    rows = read_bytes = 0
    for one in source.batches():
        yield one
        rows, read_bytes = rows + one.batch.num_rows, max(read_bytes + one.batch.nbytes, one.input_bytes)
        is_enough = rows >= _TYPED_SAMPLE_ROWS if source.total_rows is not None else read_bytes >= SAMPLE_BYTES
        if is_enough and not is_whole:
            return


class _Second:
    """The second reading: every row is coerced and encoded as a run would."""

    def __init__(
        self, source: Source, schema: dict[str, Any], evidence: Mapping[str, TextEvidence], *, is_whole: bool
    ) -> None:
        self._source, self._schema, self._evidence, self._is_whole = source, schema, evidence, is_whole
        self._unfit: dict[tuple[str, str], list[RejectedRow]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._rows = self._records = self._bytes = 0

    def inspection(self) -> Inspection:
        source = self._source
        parsed = parse_schema(self._schema, "inferred schema")
        assert isinstance(parsed.root, Record)
        names = avro_names(source.schema.names)
        columns = [
            ColumnStatistics(column, names[column], source.schema.field(column).type) for column in source.schema.names
        ]
        coercer = plan_coercion(source.schema, parsed, {})
        encoder = make_encoder(parsed, confluent_prefix(0))
        buffer, ends = np.zeros(0, np.uint8), np.zeros(0, np.int64)
        is_all = True
        for one in _batches(source, is_whole=self._is_whole):
            coerced = coercer.coerce(one)
            self._note(coerced.rejects)
            self._rows += coerced.batch.num_rows + len(coerced.rejects)
            self._records += coerced.batch.num_rows
            is_same = coerced.batch.num_rows == one.batch.num_rows
            for place, statistics in enumerate(columns):
                statistics.take(coerced.batch.column(place), one.batch.column(place) if is_same else None)
            size = encoder.upper_bound(coerced.batch)
            buffer = buffer if len(buffer) >= size else np.zeros(size + size // 4, np.uint8)
            ends = ends if len(ends) >= coerced.batch.num_rows else np.zeros(coerced.batch.num_rows, np.int64)
            self._bytes += encoder.encode_into(coerced.batch, buffer, ends)
            is_all = one.input_bytes >= source.total_bytes
        if any(file.spool is not None for file in source.files):
            is_all = was_read_to_its_end()
        elif source.total_rows is not None:
            is_all = self._rows >= source.total_rows
        return self._found(columns, names, is_all=self._is_whole or is_all)

    def _note(self, rejects: tuple[RejectedRow, ...]) -> None:
        for reject in rejects:
            place = (reject.reason, reject.column)
            self._counts[place] = self._counts.get(place, 0) + 1
            self._unfit.setdefault(place, [reject])

    def _found(self, columns: list[ColumnStatistics], names: dict[str, str], *, is_all: bool) -> Inspection:
        source = self._source
        types = {field["name"]: field["type"][1] for field in self._schema["fields"]}
        found = tuple(self._column(one, types[one.field]) for one in columns)
        keys = [key for one in columns if (key := one.as_key()) is not None]
        times = [time for one in columns if (time := one.as_event_time()) is not None]
        unfit = [
            UnfitRows(reason, column, self._counts[reason, column], source.files[first.file_index].path, first.row,
                      first.detail)
            for (reason, column), (first,) in self._unfit.items()
        ]  # fmt: skip
        notes = [f"column {column!r} is field {name!r}" for column, name in renamed(names).items()]
        return Inspection(
            files=tuple(file.path for file in source.files),
            format=source.files[0].format,
            size_bytes=source.total_bytes,
            rows=self._rows,
            is_whole=is_all,
            columns=found,
            unfit=tuple(sorted(unfit, key=lambda one: -one.count)),
            # Of equals the first column: max keeps it.
            key=max(keys, key=lambda scored: scored[0])[1] if keys else None,
            event_time=max(times, key=lambda scored: scored[0])[1] if times else None,
            record_bytes=self._bytes / self._records if self._records else None,
            notes=(*source.notes, *notes),
            schema=self._schema,
        )

    def _column(self, statistics: ColumnStatistics, node: Any) -> ColumnFound:
        words = type_words(node)
        evidence = self._evidence.get(statistics.name)
        if evidence is None:
            kind = self._source.schema.field(statistics.name).type
            is_json = text_kind(self._source.schema) == "json"
            why = f"{_JSON_KINDS.get(words.partition(' ')[0], words) if is_json else kind} in the file"
        elif words == "string":
            why = evidence.why_string()
        else:
            why = WHY_TYPED.get(words.partition("(")[0], f"every value is {words}")
        nulls, rows = statistics.null_count, statistics.rows
        return ColumnFound(
            statistics.name, statistics.field, words, why, nulls, nulls / rows if rows else None,
            statistics.lowest, statistics.highest, tuple(statistics.examples),
        )  # fmt: skip


def type_words(node: Any) -> str:
    """An Avro type in short: ``long``, ``decimal(18, 2)``, ``array of record of 3``."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return next((type_words(one) for one in node if one != "null"), "null")
    logical = node.get("logicalType")
    if logical == "decimal":
        return f"decimal({node['precision']}, {node['scale']})"
    if logical:
        return str(logical)
    match node["type"]:
        case "record":
            return f"record of {len(node['fields'])}"
        case "array":
            return f"array of {type_words(node['items'])}"
        case "map":
            return f"map of {type_words(node['values'])}"
        case "fixed":
            return f"fixed({node['size']})"
    return json.dumps(node["type"])
