"""Files of one dataset with different columns: refused, or united on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replayer.errors import DatasetError
from replayer.source.open import Source, open_dataset
from replayer.source.options import SourceOptions


def _write(folder: Path, format_: str, *tables: dict[str, list[Any]]) -> str:
    for place, columns in enumerate(tables):
        path = folder / f"{place}.{format_}"
        if format_ == "parquet":
            pq.write_table(pa.table(columns), path)
        else:
            rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
            path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return str(folder)


def _rows(source: Source) -> list[dict[str, Any]]:
    return [row for one in source.batches() for row in one.batch.to_pylist()]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"b": ["x"], "a": ["y"]}, "column 1 is 'a' in the first and 'b' in the second"),
        ({"a": ["y"]}, "only the first has column 'b'"),
        ({"a": ["y"], "b": ["x"], "c": ["z"]}, "only the second has column 'c'"),
    ],
)
def test_case_21_columns_that_differ_are_refused(
    tmp_path: Path, format_: str, other: dict[str, list[Any]], words: str
) -> None:
    """Case 21: both files and the first difference are named, and what to do."""
    folder = _write(tmp_path, format_, {"a": ["1"], "b": ["2"]}, other)
    with pytest.raises(DatasetError, match=rf"0\.{format_} and .*1\.{format_} differ: {words}") as caught:
        open_dataset(SourceOptions((folder,)))
    assert "--union-schemas" in caught.value.hint


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_case_21_columns_are_united_by_name(tmp_path: Path, format_: str) -> None:
    """Case 21: on request each value is under its name, whatever its place, and null where a file lacks the column."""
    folder = _write(tmp_path, format_, {"a": ["1", "2"], "b": ["x", "y"]}, {"c": ["z"], "a": ["3"]}, {"d": ["w"]})
    source = open_dataset(SourceOptions((folder,), is_union=True))
    assert source.schema.names == ["a", "b", "c", "d"]
    assert _rows(source) == [
        {"a": "1", "b": "x", "c": None, "d": None},
        {"a": "2", "b": "y", "c": None, "d": None},
        {"a": "3", "b": None, "c": "z", "d": None},
        {"a": None, "b": None, "c": None, "d": "w"},
    ]
    assert any("1." + format_ + " has no b, d: null in its rows" in note for note in source.notes)
    narrow = open_dataset(SourceOptions((folder,), columns=("c", "b"), is_union=True))
    assert [tuple(row.values()) for row in _rows(narrow)] == [("x", None), ("y", None), (None, "z"), (None, None)]


def test_case_21_types_that_differ_are_refused_in_a_union_too(tmp_path: Path) -> None:
    """Case 21: no value is ever of another type than its column; both files are named."""
    folder = _write(tmp_path, "parquet", {"a": [1]}, {"b": [1]}, {"b": ["x"]})
    with pytest.raises(DatasetError, match=r"1\.parquet and .*2\.parquet differ: column 'b' is int64 .* and string"):
        open_dataset(SourceOptions((folder,), is_union=True))


def test_bad_rows_of_a_united_file_keep_their_place(tmp_path: Path) -> None:
    """A file is ragged by its own header, not by the union's."""
    (tmp_path / "0.csv").write_text("a,b\n1,2\n")
    (tmp_path / "1.csv").write_text("c\n5\n6,7\n\xff\n", encoding="latin-1")
    source = open_dataset(SourceOptions((str(tmp_path),), is_union=True))
    assert [row["c"] for row in _rows(source)] == [None, "5"]
    assert [(bad.row, bad.reason) for one in source.batches() for bad in one.malformed] == [
        (1, "ragged"),
        (2, "invalid_utf8"),
    ]
