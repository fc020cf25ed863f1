"""JSON values row by row, for the schemas that the columnar encoder does not do: wide unions and recursive types.

Only the columns that have no single type go by row; the others are written by the columnar encoder, each alone, so that
the rules are the same.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import itertools
import math
import uuid
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from replayer.encode.by_row import RowEncoder
from replayer.encode.fallback import python_values
from replayer.encode.plan import not_columnar
from replayer.errors import SchemaError
from replayer.schema.avro import Field, Record

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class JsonRowEncoder(RowEncoder):
    """Joins each row from its columns' JSON; ``fallback_reason`` says why."""

    name = "orjson"

    def __init__(self, root: Record, prefix: bytes, reason: str, *, is_epoch: bool = False) -> None:
        super().__init__(root.fields, prefix, reason)
        self._is_epoch = is_epoch

    def _write(self, batch: pa.RecordBatch) -> tuple[bytes, list[int]]:
        names = [field.name for field in self._fields]
        columns = [self._column(batch, index, field) for index, field in enumerate(self._fields)]
        labels = [orjson.dumps(name) + b":" for name in names]
        target, ends = bytearray(), []
        for row in range(batch.num_rows):
            members = [label + column[row] for label, column in zip(labels, columns, strict=True)]
            target += self._prefix + b"{" + b",".join(members) + b"}"
            ends.append(len(target))
        return bytes(target), ends

    def _column(self, batch: pa.RecordBatch, index: int, field: Field) -> list[bytes]:
        if not_columnar(field.node):
            try:
                return [orjson.dumps(self._plain(value)) for value in python_values(batch.column(index))]
            except (TypeError, ValueError) as error:
                raise SchemaError(f"column {field.name}: a value cannot be written as JSON: {error}") from error
        from replayer.encode.json import JsonEncoder
        from replayer.encode.json_plan import make_json_plan

        encoder = JsonEncoder(make_json_plan((field,), is_bare=True, is_epoch=self._is_epoch), b"")
        alone = batch.select([index])
        room, ends = np.zeros(encoder.upper_bound(alone), np.uint8), np.zeros(batch.num_rows, np.int64)
        encoder.encode_into(alone, room, ends)
        starts = [0, *ends.tolist()]
        return [room[start:end].tobytes() for start, end in itertools.pairwise(starts)]

    def _plain(self, value: Any) -> Any:
        """The value as orjson prints it by the table in json.py."""
        match value:
            case bool() | None | str():
                return value
            case int():
                return orjson.Fragment(str(value))
            case float():
                return (
                    value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
                )
            case bytes():
                return base64.b64encode(value).decode()
            case decimal.Decimal():
                return orjson.Fragment(str(int(value))) if value.as_tuple().exponent == 0 else f"{value:f}"
            case dt.datetime():
                return self._moment(value)
            case dt.date():
                return value.isoformat()
            case dt.time():
                return value.isoformat(timespec="microseconds")
            case uuid.UUID():
                return str(value)
            case list():
                return [self._plain(entry) for entry in value]
            case dict():
                return {key: self._plain(entry) for key, entry in value.items()}
        raise TypeError(f"{type(value).__name__} {value!r}")

    def _moment(self, value: dt.datetime) -> Any:
        aware = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
        if self._is_epoch:
            return (aware - _EPOCH) // dt.timedelta(microseconds=1)
        text = aware.replace(tzinfo=None).isoformat(timespec="microseconds")
        return text if value.tzinfo is None else f"{text}Z"
