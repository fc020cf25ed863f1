"""The file that keeps rejected rows."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from replayer.coerce.rejects import RejectedRow, RejectsFile, unused_path
from replayer.errors import UsageError

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


def test_a_file_name_that_is_no_unicode_is_written(tmp_path: Path) -> None:
    """Names of files may hold any bytes; a reject is kept all the same."""
    path = tmp_path / "rejects.ndjson"
    rejects = RejectsFile(str(path), ["o\udcff.csv"])
    rejects.write([_REJECT])
    rejects.close()
    assert orjson.loads(path.read_bytes())["file"] == "o?.csv"
