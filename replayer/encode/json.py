"""RecordBatches to JSON values in a buffer that the caller owns.

==================  ==================================================================================================
column              JSON
==================  ==================================================================================================
int, long           a number with all its digits, also beyond 2^53
float, double       the shortest number that reads back as the same one (a float as a float), as orjson prints it;
                    ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as Protobuf's JSON has them: JSON has no such numbers
decimal             a string with the digits of its scale, ``"12.30"``, as a number would lose digits in many readers;
                    a decimal without places is a whole number and is written like one
boolean, null       ``true``, ``false``, ``null``: a null field is written, not left out
string, enum, uuid  a string; only quotes, backslashes and control characters are escaped (RFC 8259), by orjson's rules
bytes, fixed        a string in base64 with padding (RFC 4648, section 4)
date                ``"2024-02-29"``
time                ``"23:59:59.000"``, with the digits of its unit
timestamp           ``"2024-02-29T23:59:59.000Z"``, with the digits of its unit, without Z if local (ISO 8601; years out
                    of 0000 to 9999 have a sign and six digits); or a count of its unit since 1970, on request
record, map         an object with all fields in the order of the schema; a map's entries in their order
array               an array
==================  ==================================================================================================

The names are those of the schema's fields. There are no spaces.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from replayer.encode import json_kernels as kernels
from replayer.encode.avro import Encoder, check_room, column_at
from replayer.encode.bind import Binding, address
from replayer.encode.framing import PREFIX_SIZE_MAX
from replayer.encode.json_bind import JsonBinder
from replayer.encode.json_plan import JsonPlan, make_json_plan
from replayer.encode.json_rows import JsonRowEncoder
from replayer.encode.json_text_kernels import SCRATCH_BYTES
from replayer.encode.plan import not_columnar
from replayer.errors import SchemaError
from replayer.machine.jit import load_kernel
from replayer.schema.avro import AvroSchema, Record


def make_json_encoder(schema: AvroSchema, prefix: bytes, *, is_epoch: bool = False) -> Encoder:
    """The encoder for a schema: columnar where it can be, else row by row.

    ``is_epoch`` writes timestamps as counts. Raises SchemaError when the top of the schema is not a record.
    """
    if not isinstance(schema.root, Record):
        raise SchemaError(
            f"the top of the schema is {schema.fullname}, not a record", "wrap it: a record has a field for each column"
        )
    reason = not_columnar(schema.root)
    if reason:
        return JsonRowEncoder(schema.root, prefix, reason, is_epoch=is_epoch)
    return JsonEncoder(make_json_plan(schema.root.fields, is_epoch=is_epoch), prefix)


class JsonEncoder:
    """Writes whole RecordBatches in compiled code."""

    name = "columnar"
    fallback_reason = ""

    def __init__(self, plan: JsonPlan, prefix: bytes) -> None:
        if len(prefix) > PREFIX_SIZE_MAX:
            raise ValueError(f"a prefix has at most {PREFIX_SIZE_MAX} bytes, not {len(prefix)}")
        self._plan = plan
        self._prefix = np.frombuffer(prefix.ljust(PREFIX_SIZE_MAX, b"\0"), dtype=np.uint8)
        self._prefix_size = len(prefix)
        self._stack = np.zeros(2 * plan.depth + 2, dtype=np.int64)
        self._scratch = np.zeros(SCRATCH_BYTES, dtype=np.uint8)
        self._binder = JsonBinder(plan, len(prefix))
        self._last: tuple[pa.RecordBatch, Binding] | None = None
        load_kernel(kernels.encode_json_rows, *[0] * 8)

    def upper_bound(self, batch: pa.RecordBatch) -> int:
        """Counts six bytes for each of a string: what is not used of them is never touched."""
        return self._bind(batch).bound

    def encode_into(self, batch: pa.RecordBatch, buffer: NDArray[np.uint8], value_ends: NDArray[np.int64]) -> int:
        """As the protocol says; holds on to nothing of the RecordBatch afterwards but dictionaries."""
        binding = self._bind(batch)
        self._last = None
        row_count = batch.num_rows
        check_room(binding.bound, row_count, buffer, value_ends)
        if row_count == 0:
            return 0
        written = kernels.encode_json_rows(
            address(binding.program), address(self._stack), address(self._scratch), address(self._prefix),
            self._prefix_size, row_count, address(buffer), address(value_ends),
        )  # fmt: skip
        if written < 0:
            column = column_at(self._plan.columns, -1 - written)
            raise SchemaError(
                f"column {column.path}: null in row {value_ends[0]} of a RecordBatch, but the schema has no null there"
            )
        return int(written)

    def _bind(self, batch: pa.RecordBatch) -> Binding:
        if self._last is None or self._last[0] is not batch:
            self._last = (batch, self._binder.bind(batch))
        return self._last[1]
