"""Reads a few bytes through a source, for the tables of these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from replayer.errors import DatasetError
from replayer.source.batch import Malformed, SourceBatch
from replayer.source.open import Source, open_dataset
from replayer.source.options import SourceOptions


def open_bytes(folder: Path, name: str, content: bytes, **options: Any) -> Source:
    """A source over one file with this content."""
    (folder / name).write_bytes(content)
    return open_dataset(SourceOptions((str(folder / name),), **options))


def rows_of(source: Source) -> dict[int, dict[str, Any]]:
    """The good rows by row number."""
    rows: dict[int, dict[str, Any]] = {}
    for one in source.batches():
        rows |= dict(zip(one.row_numbers.tolist(), one.batch.to_pylist(), strict=True))
    return rows


def malformed_of(source: Source) -> list[Malformed]:
    """The malformed rows in the order in which they came."""
    return [bad for one in source.batches() for bad in one.malformed]


def rows_before_error(source: Source) -> tuple[list[dict[str, Any]], DatasetError]:
    """The rows that come before reading fails, and the failure."""
    rows: list[dict[str, Any]] = []
    try:
        for one in source.batches():
            assert one.malformed == ()
            rows += one.batch.to_pylist()
    except DatasetError as error:
        return rows, error
    raise AssertionError("reading did not fail")


def all_batches(source: Source) -> list[SourceBatch]:
    """Every batch."""
    return list(source.batches())
