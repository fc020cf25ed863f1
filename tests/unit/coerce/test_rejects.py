"""The file that keeps rejected rows."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replayer.coerce.rejects import RejectedRow, RejectsFile, raw_writer, unused_path
from replayer.errors import UsageError
from replayer.schema.text import CsvWriting, mark_text
from replayer.source.open import open_dataset
from replayer.source.options import CsvOptions, SourceOptions

_REJECT = RejectedRow(0, 7, "a", "out_of_range", "expected int", '{"a":1}')


def test_each_reject_is_one_line(tmp_path: Path) -> None:
    """A line names file, row, column, reason and detail and holds the row; counts go by reason and column."""
    path = tmp_path / "rejects.ndjson"
    rejects = RejectsFile(str(path), ["o.csv"])
    rejects.write([_REJECT, RejectedRow(0, 8, "", "ragged", "", "line\nbreak \x1b[31m")])
    rejects.write([])
    rejects.close()
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert lines[0] == {
        "file": "o.csv",
        "row": 7,
        "column": "a",
        "reason": "out_of_range",
        "detail": "expected int",
        "raw": '{"a":1}',
    }
    assert lines[1]["raw"] == "line\nbreak \x1b[31m"
    assert rejects.counts == {("out_of_range", "a"): 1, ("ragged", ""): 1}


def test_case_38_a_file_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    """Case 38: a folder that does not exist, or a folder in its place, is exit code 2 with the path."""
    for path in (tmp_path / "missing" / "r.ndjson", tmp_path):
        with pytest.raises(UsageError, match="rejected rows cannot be kept in") as caught:
            RejectsFile(str(path), [])
        assert str(path) in caught.value.message
        assert caught.value.exit_code == 2


def test_case_38_a_full_disk_stops_the_run() -> None:
    """Case 38: when rejects cannot be written any more that is an error, nothing is dropped in silence."""
    rejects = RejectsFile("/dev/full", ["o.csv"])
    with pytest.raises(UsageError, match="No space left"):
        rejects.write([_REJECT])
    rejects.close()


def test_rejects_of_an_earlier_run_are_not_overwritten(tmp_path: Path) -> None:
    """A file that holds something is refused and stays as it is; there is a way to find a free name."""
    path = tmp_path / "rejects.ndjson"
    path.write_text("old\n")
    with pytest.raises(UsageError, match="already holds"):
        RejectsFile(str(path), [])
    assert path.read_text() == "old\n"
    assert unused_path(str(path)) == str(tmp_path / "rejects-2.ndjson")
    assert unused_path(str(tmp_path / "new.ndjson")) == str(tmp_path / "new.ndjson")


def test_a_file_without_rejects_is_removed(tmp_path: Path) -> None:
    """A run that rejects nothing leaves no file behind, and keeps an empty one that was there before."""
    made, kept = tmp_path / "made.ndjson", tmp_path / "kept.ndjson"
    kept.touch()
    for path in (made, kept):
        RejectsFile(str(path), []).close()
    assert (made.exists(), kept.exists()) == (False, True)


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    """A name that ends in .parquet makes it Parquet, with the columns that the lines of NDJSON have as keys."""
    files = [tmp_path / "r.ndjson", tmp_path / "r.PARQUET"]
    for path in files:
        rejects = RejectsFile(str(path), ["o\udcff.csv"])
        rejects.write([_REJECT, RejectedRow(0, 8, "", "ragged", "", "line\nbreak")])
        rejects.close()
    lines = [orjson.loads(line) for line in files[0].read_bytes().splitlines()]
    assert pq.read_table(files[1]).to_pylist() == lines


def test_many_rejects_are_as_many_rows_of_parquet(tmp_path: Path) -> None:
    """Row groups are written on the way; none is lost between them."""
    path = tmp_path / "r.parquet"
    rejects = RejectsFile(str(path), ["o.csv"])
    for start in range(0, 20_000, 5_000):
        rejects.write([RejectedRow(0, row, "a", "x", "", "") for row in range(start, start + 5_000)])
    rejects.close()
    assert pq.read_table(path).column("row").to_pylist() == list(range(20_000))


@pytest.mark.parametrize("path", ["/dev/full"])
def test_case_38_a_full_disk_at_the_end_is_an_error(path: str, tmp_path: Path) -> None:
    """Case 38: Parquet is written at the end, and what fails there fails the run."""
    link = tmp_path / "full.parquet"
    link.symlink_to(path)
    rejects = RejectsFile(str(link), ["o.csv"])
    rejects.write([_REJECT])
    with pytest.raises(UsageError, match="No space left"):
        rejects.close()


_AWKWARD = [None, "", "plain", "a,b", "a\tb", 'say "hi"', '"', "two\nlines", " blank ", "null", "0012", "é\u2028x"]


@pytest.mark.parametrize(
    ("writing", "ending"),
    [
        (CsvWriting(), "csv"),
        (CsvWriting("\t"), "tsv"),
        (CsvWriting(";", "'"), "csv"),
        (CsvWriting(",", '"', ("null", "plain")), "csv"),
    ],
)
def test_a_row_of_csv_is_read_again_as_it_was(tmp_path: Path, writing: CsvWriting, ending: str) -> None:
    """What stands in raw, below a header, is the row: null stays null, the empty string empty, a null word text."""
    write = raw_writer(mark_text(pa.schema([("a", pa.string()), ("b", pa.string())]), "csv", writing))
    rows = [(one, other) for one in _AWKWARD for other in _AWKWARD if (one, other) != (None, None)]
    path = tmp_path / f"mended.{ending}"
    path.write_text("\n".join([writing.delimiter.join("ab"), *map(write, rows)]) + "\n", newline="")
    csv = CsvOptions(writing.delimiter, writing.quote, True, writing.null_words)
    source = open_dataset(SourceOptions((str(path),), csv=csv))
    assert [tuple(row.values()) for one in source.batches() for row in one.batch.to_pylist()] == rows


def test_the_dialect_of_a_source_is_that_of_its_raw_rows(tmp_path: Path) -> None:
    """Delimiter, quote and null words are those that the file was read with."""
    path = tmp_path / "o.csv"
    path.write_text("a;b\n'x;y';NA\n'NA';\n")
    source = open_dataset(SourceOptions((str(path),), csv=CsvOptions(null_words=("NA",))))
    write = raw_writer(source.schema)
    rows = [tuple(row.values()) for one in source.batches() for row in one.batch.to_pylist()]
    assert [write(row) for row in rows] == ["'x;y';", "'NA';"]


def test_a_file_name_that_is_no_unicode_is_written(tmp_path: Path) -> None:
    """Names of files may hold any bytes; a reject is kept all the same."""
    path = tmp_path / "rejects.ndjson"
    rejects = RejectsFile(str(path), ["o\udcff.csv"])
    rejects.write([_REJECT])
    rejects.close()
    assert orjson.loads(path.read_bytes())["file"] == "o?.csv"
