"""Which columns NDJSON files and JSON arrays have, from their first lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json as arrow_json

from replayer.errors import DatasetError
from replayer.schema.text import is_utf8, mark_text
from replayer.source.bytestream import BLOCK_BYTES, blocks
from replayer.source.discover import InputFile
from replayer.source.encoding import with_encoding
from replayer.source.json import JsonSource, find_line_end, is_one_object_a_line, suspicious_doubles
from replayer.source.json_array import find_kind, open_lines
from replayer.source.json_schema import (
    DEPTH_MAX,
    TooDeepError,
    conflict,
    depth_of,
    from_arrow_inference,
    merge_fields,
    settled,
    type_of_value,
)
from replayer.source.options import SourceOptions
from replayer.source.projection import choose_columns

SAMPLE_BYTES = 64 << 20
# Blocks that Arrow's own inference gets wrong are walked in Python, about 50 times slower: a few must do.
_WALKED_BLOCKS_MAX = 4
_BRACKETS_MAX = 500

Columns = dict[str, pa.DataType]


def open_json(
    files: tuple[InputFile, ...],
    projection: Sequence[str] | None,
    options: SourceOptions,
    *,
    is_whole: bool = False,
) -> JsonSource:
    """The rows of NDJSON files and JSON arrays, with the columns that their first lines have, or all lines.

    The first lines are 64 MiB over all files.

    Raises DatasetError when a column has types in two files that nothing can hold together, and for a file none of
    whose sampled lines is an object.
    """
    merged: Columns = {}
    named_by: dict[str, str] = {}
    known = [with_encoding(file, options) for file in files]
    notes = [note for _, note in known if note]
    files = tuple(file for file, _ in known)
    files = tuple(replace(file, format=find_kind(file)) if file.format == "json" else file for file in files)
    for file in files:
        columns = _columns_of(file, None if is_whole else max(SAMPLE_BYTES // len(files), BLOCK_BYTES))
        if columns is None:
            notes.append(f"{file.path} is empty")
            continue
        if file.format == "json-array":
            notes.append(f"{file.path} is a JSON array, each element a row")
        for name, kind in columns.items():
            first = named_by.setdefault(name, file.path)
            if name in merged and conflict(merged[name], kind):
                raise DatasetError(
                    f"the columns of {first} and {file.path} differ: {name!r} is {merged[name]} in the first"
                    f" and {kind} in the second",
                    "replay them as two datasets",
                )
        merged = merge_fields(merged, columns)
    all_columns = pa.schema([pa.field(name, settled(kind)) for name, kind in merged.items()])
    names = choose_columns(all_columns.names, projection, files[0].path)
    wanted = pa.schema([all_columns.field(name) for name in names])
    return JsonSource(files, mark_text(wanted, "json"), all_columns, tuple(notes))


def _columns_of(file: InputFile, sample_bytes: int | None) -> Columns | None:
    """The columns in the first lines of one file, or in all of them for None; None when it has no lines."""
    columns: Columns = {}
    walked = 0
    lines_seen, objects_seen = 0, 0
    is_array = file.format == "json-array"
    stream = open_lines(file)
    try:
        for block in blocks(stream, find_line_end, file.path):
            if not lines_seen and not is_array:
                _refuse_other_kinds(block.content, file)
            lines = [line for line in block.content.split(b"\n") if line.strip()]
            lines_seen += len(lines)
            found = _infer_block(block.content, lines)
            if found is None:
                found, count = _walk(lines)
                walked += 1
                objects_seen += count
            else:
                objects_seen += len(lines)
            columns = merge_fields(columns, found)
            if sample_bytes is not None and (stream.position_bytes >= sample_bytes or walked >= _WALKED_BLOCKS_MAX):
                break
    except DatasetError:
        # Cut off or damaged: the rows before that place are still delivered, so their columns count.
        if not objects_seen:
            raise
    finally:
        stream.close()
    if lines_seen and not objects_seen:
        raise DatasetError(
            f"{file.path}: none of the first {lines_seen} {'elements' if is_array else 'lines'} is a JSON object",
            "the rows of an array are objects" if is_array else "NDJSON has one object a line, like jq -c prints",
        )
    return columns if lines_seen else None


def _refuse_other_kinds(content: bytes, file: InputFile) -> None:
    if content.lstrip()[:1] == b"[":
        raise DatasetError(f"{file.path} is a JSON array, expected one object a line", "read it with --json-array")


def _infer_block(content: bytes, lines: Sequence[bytes]) -> Columns | None:
    """Arrow's own inference, where it can be trusted; None where the lines must be looked at one by one."""
    if not lines or not is_one_object_a_line(content) or not is_utf8(content) or _may_be_deep(content):
        return None
    try:
        opened: Any = pa.BufferReader(content)
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(content) + 1)
        table = arrow_json.read_json(opened, read_options=options)
    except (ValueError, pa.ArrowException):
        return None
    found = table.combine_chunks().to_batches()
    is_deep = max((depth_of(field.type) for field in table.schema), default=0) > DEPTH_MAX
    if is_deep or table.num_rows != len(lines) or any(suspicious_doubles(batch).size for batch in found):
        return None
    return {field.name: from_arrow_inference(field.type) for field in table.schema}


def _may_be_deep(content: bytes) -> bool:
    """Whether a line holds so many brackets that Arrow's inference, which is recursive, might overflow the stack."""
    view = np.frombuffer(content, dtype=np.uint8)
    starts = np.append(0, np.flatnonzero(view == ord("\n"))[:-1] + 1)
    opens = (view == ord("{")) | (view == ord("["))
    return int(np.add.reduceat(opens, starts, dtype=np.int32).max()) > _BRACKETS_MAX


def _walk(lines: Sequence[bytes]) -> tuple[Columns, int]:
    """The columns of the lines that are objects, and their count; integers of any size are seen exactly."""
    columns: Columns = {}
    count = 0
    for line in lines:
        try:
            orjson.loads(line)  # strict, and bounded in depth; then once more for exact integers
            value = json.loads(line)
            if type(value) is not dict:
                continue
            found = {name: type_of_value(entry) for name, entry in value.items()}
        except (ValueError, RecursionError, TooDeepError):
            continue
        columns = merge_fields(columns, found)
        count += 1
    return columns, count
