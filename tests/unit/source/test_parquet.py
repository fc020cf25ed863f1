"""Parquet in bounded batches, dictionaries kept where they pay, and damage named by its place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replayer.errors import DatasetError
from replayer.source.batch import BYTES_MAX, ROWS_MAX
from replayer.source.discover import discover
from replayer.source.open import Source, open_source
from replayer.source.options import SourceOptions
from tests.unit.source.reading import all_batches, rows_before_error, rows_of


def _open(path: Path, projection: list[str] | None = None) -> Source:
    return open_source(discover(SourceOptions((str(path),))), projection)


def test_all_rows_come_in_order_with_their_numbers(tmp_path: Path) -> None:
    """Row numbers run through the row groups of a file, and batches hold at most 16,384 rows."""
    pq.write_table(pa.table({"n": pa.array(range(40_000))}), tmp_path / "o.parquet", row_group_size=17_000)
    source = _open(tmp_path / "o.parquet")
    batches = all_batches(source)
    assert source.total_rows == 40_000
    assert [number for one in batches for number in one.row_numbers.tolist()] == list(range(40_000))
    assert [value for one in batches for value in one.batch.column(0).to_pylist()] == list(range(40_000))
    assert max(one.batch.num_rows for one in batches) <= ROWS_MAX
    assert batches[-1].input_bytes == source.total_bytes


def test_wide_rows_come_in_smaller_batches(tmp_path: Path) -> None:
    """A batch stays near 4 MiB, however wide the rows are."""
    pq.write_table(pa.table({"s": [f"{number}" * 5_000 for number in range(2_000)]}), tmp_path / "o.parquet")
    batches = all_batches(_open(tmp_path / "o.parquet"))
    assert sum(one.batch.num_rows for one in batches) == 2_000
    assert max(one.batch.nbytes for one in batches) < 2 * BYTES_MAX


@pytest.mark.parametrize("groups", [0, 1])
def test_case_1_a_file_without_rows(tmp_path: Path, groups: int) -> None:
    """Case 1: zero row groups, or one without rows, is a dataset of zero rows with its columns."""
    with pq.ParquetWriter(tmp_path / "o.parquet", pa.schema([("n", pa.int64())])) as writer:
        for _ in range(groups):
            writer.write_table(pa.table({"n": pa.array([], pa.int64())}))
    source = _open(tmp_path / "o.parquet")
    assert (source.total_rows, source.schema.names, rows_of(source)) == (0, ["n"], {})


def test_repeated_strings_stay_by_dictionary_and_distinct_ones_do_not(tmp_path: Path) -> None:
    """A column of few values comes as a dictionary, one of distinct values as plain strings; the schema says string."""
    rows = 20_000
    table = pa.table(
        {
            "few": [f"value {number % 7}" for number in range(rows)],
            "many": [f"value {number}" for number in range(rows)],
        }
    )
    pq.write_table(table, tmp_path / "o.parquet")
    source = _open(tmp_path / "o.parquet")
    batch = all_batches(source)[0].batch
    assert [field.type for field in source.schema] == [pa.string(), pa.string()]
    assert batch.schema.types == [pa.dictionary(pa.int32(), pa.string()), pa.string()]
    assert batch.column(0).to_pylist()[:8] == [f"value {number % 7}" for number in range(8)]


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    """A projection names columns; one that does not exist is refused with the nearest name."""
    pq.write_table(pa.table({"a": [1], "b": [2], "c": [3]}), tmp_path / "o.parquet")
    assert rows_of(_open(tmp_path / "o.parquet", ["c", "a"])) == {0: {"a": 1, "c": 3}}
    with pytest.raises(DatasetError, match="has no column 'bb'") as caught:
        _open(tmp_path / "o.parquet", ["bb"])
    assert "did you mean 'b'" in caught.value.hint


@pytest.mark.parametrize("kept_bytes", [0, 3, 100, -4])
def test_case_19_a_broken_footer_is_named(tmp_path: Path, kept_bytes: int) -> None:
    """Case 19: a file that was cut off has no footer, which the error says with the file, before anything is read."""
    path = tmp_path / "o.parquet"
    pq.write_table(pa.table({"n": range(1_000)}), path)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(DatasetError, match=r"o\.parquet is (no readable Parquet file|empty)"):
        _open(path)


def test_case_19_a_damaged_row_group_is_named_after_the_rows_before_it(tmp_path: Path) -> None:
    """Case 19: rows before the damage are read; the error names file, row group and row."""
    path = tmp_path / "o.parquet"
    table = pa.table({"n": pa.array(range(60_000), pa.int64())})
    pq.write_table(table, path, row_group_size=30_000, use_dictionary=False, compression="gzip", write_page_index=False)
    chunk = pq.read_metadata(path).row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = chunk.data_page_offset
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    rows, error = rows_before_error(_open(path))
    assert "o.parquet: row group 1 cannot be read from row 30,000 on" in error.message
    assert [row["n"] for row in rows] == list(range(30_000))


def test_case_21_columns_that_differ_are_refused_naming_both_files(tmp_path: Path) -> None:
    """Case 21: files of one dataset have the same columns; the first difference is named."""
    pq.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "2.parquet")
    with pytest.raises(DatasetError) as caught:
        _open(tmp_path)
    for word in ("1.parquet", "2.parquet", "'b'", "int64", "string"):
        assert word in caught.value.message


def test_a_dot_in_a_column_name_is_part_of_the_name(tmp_path: Path) -> None:
    """A column called a.b is read beside a struct a with a field b."""
    pq.write_table(pa.table({"a.b": [1], "a": [{"b": 2}]}), tmp_path / "o.parquet")
    assert rows_of(_open(tmp_path / "o.parquet")) == {0: {"a.b": 1, "a": {"b": 2}}}


def test_types_survive(tmp_path: Path) -> None:
    """Nested values, decimals and instants come as the file has them."""
    rows = [{"t": dt.datetime(2024, 2, 29, tzinfo=dt.UTC), "l": [{"k": 1}, None], "m": [("a", 1)]}]
    schema = pa.schema(
        [
            ("t", pa.timestamp("us", "UTC")),
            ("l", pa.list_(pa.struct([("k", pa.int64())]))),
            ("m", pa.map_(pa.string(), pa.int64())),
        ]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "o.parquet")
    assert rows_of(_open(tmp_path / "o.parquet")) == {0: rows[0]}
