"""Sources over several files, and the sample from which a schema is inferred."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replayer.errors import DatasetError
from replayer.schema.text import text_kind
from replayer.source.discover import discover
from replayer.source.open import Source, open_dataset, open_source, take_sample
from replayer.source.options import SourceOptions
from tests.unit.source.reading import all_batches

_TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


def _open(*paths: Path) -> Source:
    return open_source(discover(SourceOptions(tuple(map(str, paths)))))


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Rows are numbered from 0 in each file, and say which file they are of; what was read adds up over the files."""
    (tmp_path / "1.csv").write_text("a\n1\n2\n")
    (tmp_path / "2.csv").write_text("")
    (tmp_path / "3.csv").write_text("a\n3\n")
    source = _open(tmp_path)
    found = [(one.file_index, one.row_numbers.tolist(), one.batch.to_pylist()) for one in all_batches(source)]
    assert found == [(0, [0, 1], [{"a": "1"}, {"a": "2"}]), (2, [0], [{"a": "3"}])]
    assert all_batches(source)[-1].input_bytes == source.total_bytes == 10


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("a,b\n", "a,c\n", "column 2 is 'b' in the first and 'c' in the second"),
        ("a,b\n", "a\n", "only the first has column 'b'"),
        ("a\n", "a,b\n", "only the second has column 'b'"),
    ],
)
def test_case_21_headers_that_differ_are_refused(tmp_path: Path, one: str, other: str, words: str) -> None:
    """Case 21: the first difference is named, with both files."""
    (tmp_path / "1.csv").write_text(one)
    (tmp_path / "2.csv").write_text(other)
    with pytest.raises(DatasetError, match=words) as caught:
        _open(tmp_path)
    assert "1.csv" in caught.value.message
    assert "2.csv" in caught.value.message


def test_case_21_json_types_that_differ_are_refused_and_fields_that_lack_are_not(tmp_path: Path) -> None:
    """Case 21: NDJSON has no header, so a missing field is null; a field of two types names both files."""
    (tmp_path / "1.ndjson").write_text('{"a":1}\n')
    (tmp_path / "2.ndjson").write_text('{"a":1.5,"b":"x"}\n')
    source = _open(tmp_path)
    assert list(source.schema.remove_metadata()) == [pa.field("a", pa.float64()), pa.field("b", pa.string())]
    assert [one.batch.to_pylist() for one in all_batches(source)] == [[{"a": 1.0, "b": None}], [{"a": 1.5, "b": "x"}]]
    (tmp_path / "3.ndjson").write_text('{"b":5}\n')
    with pytest.raises(DatasetError, match=r"2\.ndjson and .*3\.ndjson differ: 'b' is string in the first and int64"):
        _open(tmp_path)


@pytest.mark.parametrize("name", ["orders.parquet", "orders.csv", "orders.ndjson"])
def test_a_source_is_a_plain_value(name: str) -> None:
    """A source can be sent to a process that is spawned, and reads the same there."""
    source = _open(_TESTDATA / name)
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert sum(one.batch.num_rows for one in copy.batches()) == 2_000


@pytest.mark.parametrize(
    ("plain", "compressed"), [("orders.csv", "orders.csv.gz"), ("orders.ndjson", "orders.ndjson.zst")]
)
def test_compressed_test_data_has_the_same_rows(plain: str, compressed: str) -> None:
    """The compressed files hold what the plain ones hold."""
    rows = [
        [row for one in _open(_TESTDATA / name).batches() for row in one.batch.to_pylist()]
        for name in (plain, compressed)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["orders.parquet", "orders.csv", "orders.ndjson"])
def test_only_the_columns_asked_for_are_read(name: str) -> None:
    """--columns: whatever the format, in the order of the file; the values are those of a whole read."""
    path = str(_TESTDATA / name)
    whole = take_sample(open_dataset(SourceOptions((path,))))
    wanted = (whole.column_names[3], whole.column_names[1])
    source = open_dataset(SourceOptions((path,), columns=wanted))
    assert source.schema.names == [wanted[1], wanted[0]]
    assert take_sample(source).equals(whole.select([1, 3]))
    with pytest.raises(DatasetError, match="has no column 'nowhere'"):
        open_dataset(SourceOptions((path,), columns=("nowhere",)))


def test_the_sample_is_a_table_of_the_first_rows(tmp_path: Path) -> None:
    """A sample has the source's types, dictionaries unpacked, and of a typed file at most 65,536 rows and a batch."""
    pq.write_table(pa.table({"s": ["same"] * 200_000}), tmp_path / "o.parquet")
    sample = take_sample(_open(tmp_path / "o.parquet"))
    assert sample.schema == pa.schema([("s", pa.string())])
    assert 65_536 <= sample.num_rows < 65_536 + 16_384


@pytest.mark.parametrize(("name", "kind"), [("orders.parquet", ""), ("orders.csv", "csv"), ("orders.ndjson", "json")])
def test_sources_mark_what_their_strings_are(name: str, kind: str) -> None:
    """Strings of a CSV are untyped text, those of NDJSON may hide dates, those of Parquet are strings."""
    assert text_kind(_open(_TESTDATA / name).schema) == kind
