"""Which files a path, a folder or a pattern stands for."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from replayer.errors import DatasetError
from replayer.source.discover import discover
from replayer.source.options import SourceOptions


def _names(*paths: object, format_: str | None = None) -> list[str]:
    return [Path(file.path).name for file in discover(SourceOptions(tuple(map(str, paths)), format_))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv", "part=1/c.csv", "_SUCCESS", ".hidden.csv", "_temporary/d.csv", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x\n1\n")
    return tmp_path


def test_a_folder_is_searched_to_any_depth_without_marker_files(folder: Path) -> None:
    """A folder stands for its data files, sorted by path; names with . or _ in front are passed over."""
    assert _names(folder) == ["a.csv", "b.csv", "c.csv"]


def test_a_pattern_is_sorted_and_arguments_keep_their_order(folder: Path) -> None:
    """Files come in the order of the arguments, sorted only within one pattern."""
    assert _names(folder / "b.csv", folder / "*.csv") == ["b.csv", "a.csv", "b.csv"]


def test_a_name_with_pattern_characters_that_exists_is_that_file(tmp_path: Path) -> None:
    """A file called a[1].csv can be named."""
    (tmp_path / "a[1].csv").write_text("x\n1\n")
    assert _names(tmp_path / "a[1].csv") == ["a[1].csv"]


@pytest.mark.parametrize(
    ("name", "format_", "compression"),
    [
        ("o.parquet", "parquet", ""),
        ("o.PQ", "parquet", ""),
        ("o.arrow", "arrow", ""),
        ("o.feather", "arrow", ""),
        ("o.csv", "csv", ""),
        ("o.tsv.gz", "tsv", "gzip"),
        ("o.ndjson.zst", "ndjson", "zstd"),
        ("o.jsonl", "ndjson", ""),
        ("o.json.zstd", "json", "zstd"),
    ],
)
def test_format_and_compression_by_name(tmp_path: Path, name: str, format_: str, compression: str) -> None:
    """The ending tells the format, the one after it the compression, in either case."""
    (tmp_path / name).write_text("x\n")
    (file,) = discover(SourceOptions((str(tmp_path / name),)))
    assert (file.format, file.compression, file.size_bytes) == (format_, compression, 2)


def test_compression_is_known_by_its_first_bytes_too(tmp_path: Path) -> None:
    """A gzip file without .gz is unpacked all the same."""
    (tmp_path / "o.csv").write_bytes(gzip.compress(b"x\n1\n"))
    assert discover(SourceOptions((str(tmp_path / "o.csv"),)))[0].compression == "gzip"


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("missing.csv", "missing.csv does not exist"),
        ("*.parquet", "no file matches"),
        ("empty", "holds no data files"),
        ("notes.txt", "'.txt' is unknown"),
        ("bare", "its name has no ending"),
    ],
)
def test_case_2_nothing_found_names_the_pattern(folder: Path, argument: str, words: str) -> None:
    """Case 2: a missing file, a pattern without a match and a folder without data are refused by name, exit code 2."""
    (folder / "empty").mkdir()
    (folder / "bare").write_text("x")
    with pytest.raises(DatasetError) as caught:
        discover(SourceOptions((str(folder / argument),)))
    assert words in caught.value.message
    assert argument in caught.value.message
    assert caught.value.exit_code == 2


def test_an_unknown_format_says_the_known_ones(folder: Path) -> None:
    """--format xml is answered with the list."""
    with pytest.raises(DatasetError) as caught:
        discover(SourceOptions((str(folder),), "xml"))
    assert "parquet, arrow, csv, tsv, json, ndjson, json-array" in caught.value.hint


def test_a_given_format_wins_over_the_name(folder: Path) -> None:
    """--format reads a file of any name."""
    assert discover(SourceOptions((str(folder / "notes.txt"),), "csv"))[0].format == "csv"


def test_mixed_formats_are_refused(folder: Path) -> None:
    """One dataset has one format; both files are named."""
    (folder / "x.ndjson").write_text("{}\n")
    with pytest.raises(DatasetError, match=r"mixes formats: .*a\.csv is csv, .*x\.ndjson is ndjson"):
        discover(SourceOptions((str(folder / "a.csv"), str(folder / "x.ndjson"))))
