"""Compressed text: read as it flows, and up to the byte where it is damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from replayer.errors import DatasetError
from replayer.source import bytestream
from replayer.source.bytestream import Block, blocks
from replayer.source.discover import InputFile
from tests.unit.source.reading import open_bytes, rows_before_error, rows_of

_LINES = [f'{{"n":{number},"s":"{number * 7919 % 65_521}"}}' for number in range(40_000)]
_TEXT = ("\n".join(_LINES) + "\n").encode()


def _zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("o.ndjson.gz", gzip.compress(_TEXT, 1)),
        ("o.ndjson.zst", _zstd(_TEXT)),
        ("o.ndjson.gz", gzip.compress(_TEXT[:1000], 1) + gzip.compress(_TEXT[1000:], 1)),
        ("o.ndjson.zst", _zstd(_TEXT[:1000]) + _zstd(_TEXT[1000:])),
    ],
    ids=["gzip", "zstd", "two gzip members", "two zstd frames"],
)
def test_compressed_files_have_the_same_rows(tmp_path: Path, name: str, content: bytes) -> None:
    """Gzip and zstd, in one part or several, give what the plain file gives."""
    assert [row["n"] for row in rows_of(open_bytes(tmp_path, name, content)).values()] == list(range(40_000))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("o.ndjson.gz", gzip.compress(_TEXT, 1)[:100_000], "gzip stream is cut off after"),
        ("o.ndjson.zst", _zstd(_TEXT)[:100_000], "zstd stream is cut off after"),
        ("o.ndjson.gz", gzip.compress(_TEXT, 1) + b"trailing", "gzip stream is damaged"),
        ("o.ndjson.gz", gzip.compress(_TEXT, 1)[:-8] + bytes(8), "gzip stream is damaged"),
    ],
    ids=["gzip cut off", "zstd cut off", "garbage after gzip", "wrong checksum"],
)
def test_case_19_rows_before_the_damage_are_delivered(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Case 19: every whole row before a damaged place is read, no torn one, and the error names file and place."""
    source = open_bytes(tmp_path, name, content)
    rows, error = rows_before_error(source)
    assert name in error.message
    assert words in error.message
    assert [row["n"] for row in rows] == list(range(len(rows)))
    # The place is the last byte that could be read: what is whole before it are the rows, and none more.
    place = int(error.message.split(" after ")[1].split(" bytes")[0].replace(",", ""))
    assert len(rows) == _TEXT[:place].count(b"\n")
    assert len(rows) > 10_000


def test_an_empty_compressed_file_has_no_rows(tmp_path: Path) -> None:
    """Case 1: a .gz of nothing, and a .gz file of zero bytes, are datasets of zero rows."""
    assert rows_of(open_bytes(tmp_path, "o.csv.gz", gzip.compress(b""))) == {}
    assert rows_of(open_bytes(tmp_path, "p.csv.gz", b"")) == {}


def test_case_17_a_row_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 17: a row over the limit ends with an error that names the byte where it begins, in bounded memory."""
    monkeypatch.setattr(bytestream, "RECORD_BYTES_MAX", 1_000)
    monkeypatch.setattr(bytestream, "BLOCK_BYTES", 100)
    with pytest.raises(DatasetError, match="the row that begins at byte 4 is longer than"):
        rows_of(open_bytes(tmp_path, "o.csv", b'a,b\n1,"' + b"x" * 5_000))


def test_blocks_hold_whole_rows_and_all_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put together, the blocks are the file; each but the last ends with a row's end."""
    monkeypatch.setattr(bytestream, "BLOCK_BYTES", 1_000)
    path = tmp_path / "o.ndjson"
    path.write_bytes(_TEXT)
    stream = bytestream.ByteStream(InputFile(str(path), "ndjson", "", len(_TEXT)))
    found: list[Block] = list(blocks(stream, lambda content: content.rfind(b"\n") + 1, str(path)))
    assert b"".join(block.content for block in found) == _TEXT
    assert all(block.content.endswith(b"\n") for block in found)
    assert found[-1].input_bytes == len(_TEXT)
