"""What a source yields: record batches that know which rows of which file they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ROWS_MAX = 16_384
BYTES_MAX = 4 << 20
RAW_CHARS_MAX = 1 << 20


@dataclass(frozen=True)
class Malformed:
    """A row that could not even be taken apart into columns; it becomes a reject and the run goes on."""

    row: int
    """From 0 in its file."""
    reason: str
    """A short code, like ``ragged`` or ``bad_json``."""
    detail: str
    raw: str
    """The text of the row, cut to about a million characters."""
    column: str = ""
    """The column that is at fault, where one is."""


@dataclass(frozen=True)
class SourceBatch:
    """Rows of one file, at most 16,384 and about 4 MiB, with their row numbers.

    ``row_numbers`` (int64, from 0 in the file, rising) has one entry a row of ``batch``; the rows of ``malformed`` are
    not in ``batch``. A batch may hold no rows and yet malformed ones.
    """

    batch: pa.RecordBatch
    file_index: int
    row_numbers: npt.NDArray[np.int64]
    malformed: tuple[Malformed, ...] = ()
    input_bytes: int = 0
    """How far the dataset has been read with this batch, in bytes of its files as stored (estimated for Parquet)."""


def cut_raw(text: str | bytes) -> str:
    """The start of a row as text, fit to be kept in a reject: bytes that are not UTF-8 show as U+FFFD."""
    part = text[: RAW_CHARS_MAX * 4].decode("utf-8", "replace") if isinstance(text, bytes) else text
    return part if len(part) <= RAW_CHARS_MAX else part[:RAW_CHARS_MAX] + "…"


def bounded(
    batch: pa.RecordBatch,
    file_index: int,
    row_numbers: npt.NDArray[np.int64],
    malformed: Sequence[Malformed] = (),
    input_bytes: int = 0,
) -> Iterator[SourceBatch]:
    """The same rows in batches within the limits, without a copy; each malformed row goes with the rows around it."""
    rows = batch.num_rows
    step = ROWS_MAX
    if batch.nbytes > BYTES_MAX and rows:
        step = max(1, min(ROWS_MAX, rows * BYTES_MAX // batch.nbytes))
    if rows <= step:
        if rows or malformed:
            yield SourceBatch(batch, file_index, row_numbers, tuple(malformed), input_bytes)
        return
    waiting = list(malformed)
    for start in range(0, rows, step):
        end = start + step
        until = int(row_numbers[end]) if end < rows else None
        mine = [one for one in waiting if until is None or one.row < until]
        del waiting[: len(mine)]
        yield SourceBatch(batch.slice(start, step), file_index, row_numbers[start:end], tuple(mine), input_bytes)
