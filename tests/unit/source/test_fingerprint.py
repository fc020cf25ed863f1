"""Files that change between planning and the end of reading."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replayer.errors import DatasetError
from replayer.source.open import open_dataset
from replayer.source.options import SourceOptions

_TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


def _grow(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"\n")


def _touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _replace(path: Path) -> None:
    twin = path.with_suffix(".new")
    shutil.copy2(path, twin)
    os.replace(twin, path)


@pytest.mark.parametrize("name", ["orders.csv", "orders.ndjson", "orders.parquet"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_grow, "it grew from"),
        (lambda path: os.truncate(path, 2), "it shrank from .* to 2 bytes"),
        (_touch, "it was written to"),
        (_replace, "another file has taken its place"),
        (Path.unlink, "it is gone"),
    ],
)
@pytest.mark.parametrize("is_open", [False, True])
def test_case_20_a_changed_file_is_noticed(
    tmp_path: Path, name: str, change: Callable[[Path], None], words: str, is_open: bool
) -> None:
    """Case 20: before it is opened no row of it is read; while it is read, the end tells, after the rows read."""
    path = tmp_path / name
    shutil.copy(_TESTDATA / name, path)
    batches = open_dataset(SourceOptions((str(path),))).batches()
    rows = next(batches).batch.num_rows if is_open else 0
    change(path)
    with pytest.raises(DatasetError, match=f"{name} changed during the run: {words}"):
        rows += sum(one.batch.num_rows for one in batches)
    assert (rows > 0) is is_open


def test_an_unchanged_file_is_read_again(tmp_path: Path) -> None:
    """A loop over files that nobody touched finds nothing."""
    source = open_dataset(SourceOptions((str(_TESTDATA / "orders.csv"),)))
    for _ in range(2):
        assert sum(one.batch.num_rows for one in source.batches()) == 2_000


def test_case_20_another_file_of_the_dataset_is_delivered_before(tmp_path: Path) -> None:
    """The rows of the files before the one that changed have come by then."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    batches = open_dataset(SourceOptions((str(tmp_path),))).batches()
    assert next(batches).batch.num_rows == 1
    _grow(tmp_path / "b.csv")
    with pytest.raises(DatasetError, match=r"b\.csv changed"):
        next(batches)
