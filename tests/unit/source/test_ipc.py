"""Arrow files and streams: the rows that were written, in bounded batches."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather

from replayer.errors import DatasetError
from replayer.source.batch import ROWS_MAX
from replayer.source.open import Source, open_dataset, take_sample
from replayer.source.options import SourceOptions
from tests.unit.source.reading import all_batches, rows_before_error, rows_of

_TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int16()),
        "s": pa.array(["a", "b", None]).dictionary_encode(),
        "small": pa.array(["x", "y", "x"]).cast(pa.dictionary(pa.int8(), pa.string())),
        "numbers": pa.array([7, 8, 7]).dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.5, 2.5])),
        "t": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "UTC")),
        "d": pa.array([decimal.Decimal("1.10")] * 3, pa.decimal128(9, 2)),
        "l": pa.array([[1], [], None], pa.list_(pa.int64())),
    }
)


def _write(path: Path, table: pa.Table, kind: str, *, batch_rows: int = 2) -> str:
    with pa.OSFile(str(path), "wb") as sink:
        if kind == "stream":
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table, batch_rows)
        else:
            options = pa.ipc.IpcWriteOptions(compression=kind if kind in ("zstd", "lz4") else None)
            with pa.ipc.new_file(sink, table.schema, options=options) as file_writer:
                file_writer.write_table(table, batch_rows)
    return str(path)


def _open(path: str, **options: Any) -> Source:
    return open_dataset(SourceOptions((path,), **options))


@pytest.mark.parametrize("name", ["o.arrow", "o.ipc", "o"])
@pytest.mark.parametrize("kind", ["file", "zstd", "lz4", "stream"])
def test_all_rows_come_in_order_with_their_types(tmp_path: Path, name: str, kind: str) -> None:
    """Files, compressed files and streams, by their names or their first bytes; dictionaries are their values."""
    source = _open(_write(tmp_path / name, _TABLE, kind))
    assert source.total_rows == 3
    assert list(rows_of(source).items()) == list(enumerate(_TABLE.to_pylist()))
    assert source.schema.field("numbers").type == pa.int64()
    assert source.schema.field("runs").type == pa.float64()
    assert take_sample(source).schema == source.schema
    kinds = {str(one.batch.schema.field(name).type) for one in all_batches(source) for name in ("s", "small")}
    assert kinds == {"dictionary<values=string, indices=int32, ordered=0>"}


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_is_read(tmp_path: Path, compression: str) -> None:
    """What pyarrow.feather wrote comes back."""
    table = _TABLE.drop_columns(["runs"])
    feather.write_feather(table, str(tmp_path / "o.feather"), compression=compression)
    assert list(rows_of(_open(str(tmp_path / "o.feather"))).values()) == table.to_pylist()


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_large_batches_are_cut(tmp_path: Path, kind: str) -> None:
    """A file may be one batch; what comes out is never more than 16,384 rows."""
    path = _write(tmp_path / "o.arrow", pa.table({"n": range(100_000)}), kind, batch_rows=100_000)
    batches = all_batches(_open(path))
    assert max(one.batch.num_rows for one in batches) <= ROWS_MAX
    assert [int(number) for one in batches for number in one.row_numbers] == list(range(100_000))


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_only_the_columns_asked_for_are_read(tmp_path: Path, kind: str) -> None:
    """--columns, in the order of the file."""
    source = _open(_write(tmp_path / "o.arrow", _TABLE, kind), columns=("t", "n"))
    assert list(rows_of(source).values()) == _TABLE.select(["n", "t"]).to_pylist()


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_case_1_no_rows(tmp_path: Path, kind: str) -> None:
    """Case 1: a schema without a batch is a dataset of zero rows."""
    source = _open(_write(tmp_path / "o.arrow", _TABLE.slice(0, 0), kind))
    assert (source.total_rows, rows_of(source)) == (0, {})


def test_case_19_what_is_no_arrow_file_is_named(tmp_path: Path) -> None:
    """Case 19: an empty file, one without its end, one of another kind and the old Feather are refused by name."""
    whole = Path(_write(tmp_path / "whole.arrow", _TABLE, "file")).read_bytes()
    for content, words in [
        (b"", "is empty"),
        (whole[:-20], "is no readable Arrow file"),
        (b"a,b\n1,2\n", "is no readable Arrow file"),
        (b"FEA1" + whole, "is Feather version 1"),
    ]:
        (tmp_path / "o.arrow").write_bytes(content)
        with pytest.raises(DatasetError, match=rf"o\.arrow {words}"):
            _open(str(tmp_path / "o.arrow"))


def test_case_19_a_stream_that_is_cut_off_is_delivered_up_to_there(tmp_path: Path) -> None:
    """Case 19: the batches before the damage come, then the row from which on nothing can be read is named."""
    table = pa.table({"n": range(3_000)})
    path = Path(_write(tmp_path / "o.arrows", table, "stream", batch_rows=1_000))
    path.write_bytes(path.read_bytes()[:-4_000])
    rows, error = rows_before_error(_open(str(path)))
    assert [row["n"] for row in rows] == list(range(2_000))
    assert "o.arrows cannot be read from row 2,000 on" in error.message


def test_case_21_files_are_one_dataset(tmp_path: Path) -> None:
    """Case 21: columns that differ are refused naming both, and united on request."""
    _write(tmp_path / "a.arrow", pa.table({"n": [1]}), "file")
    _write(tmp_path / "b.arrow", pa.table({"m": ["x"]}), "stream")
    with pytest.raises(DatasetError, match=r"a\.arrow and .*b\.arrow differ"):
        _open(str(tmp_path))
    source = _open(str(tmp_path), is_union=True)
    assert [list(row.values()) for one in all_batches(source) for row in one.batch.to_pylist()] == [
        [1, None],
        [None, "x"],
    ]
