"""JSON arrays: the same rows as NDJSON, in bounded memory, and broken elements that take no other with them."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.errors import DatasetError
from replayer.source import bytestream
from replayer.source.array_kernels import STATE_WORDS, array_to_lines
from replayer.source.discover import discover
from replayer.source.open import open_source
from replayer.source.options import SourceOptions
from tests.unit.source.reading import malformed_of, open_bytes, rows_of


def _lines(*pieces: bytes) -> bytes:
    state, found = np.zeros(STATE_WORDS, np.int64), b""
    for piece in pieces:
        out = np.empty(2 * len(piece) + 2, np.uint8)
        end = array_to_lines(np.frombuffer(piece, np.uint8), state, out)
        assert 0 <= end <= len(out)
        found += out[:end].tobytes()
    return found


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (b"[]", b""),
        (b" \n[ \n ] \n", b""),
        (b'[{"a":1}]', b'{"a":1}\n'),
        (b'[ {"a": 1} ,\n {"b": [1, 2]} ]\n', b'{"a": 1}\n{"b": [1, 2]}\n'),
        (b'[{\n  "a": 1\r\n}]', b'{   "a": 1  }\n'),
        (b'[{"a":"],}{[,"}]', b'{"a":"],}{[,"}\n'),
        (b'[{"a":"\\"],"},{}]', b'{"a":"\\"],"}\n{}\n'),
        (b'[{"a":"\\\\"},{}]', b'{"a":"\\\\"}\n{}\n'),
        (b'[{"a":"x\ny"},{}]', b'{"a":"x\x0by"}\n{}\n'),
        (b"[[1,2],3,null]", b"[1,2]\n3\nnull\n"),
        (b"[{},]", b"{}\n,\n"),
        (b"[,]", b",\n,\n"),
        (b"[{},,{}]", b"{}\n,\n{}\n"),
        (b'[{"a":1}{"a":2},{}]', b'{"a":1}{"a":2}\n{}\n'),
        (b"[{}}]", b"{}}\n"),
        (b"[{}", b"{}"),
        (b"[{}]\n[{}]\n", b"{}\n[{}] "),
        (b"[{}] x", b"{}\nx"),
    ],
)
def test_elements_are_lines(array: bytes, lines: bytes) -> None:
    """Each element is a line, whole or broken, wherever the content is cut into pieces."""
    assert _lines(array) == lines
    assert _lines(*(array[at : at + 1] for at in range(len(array)))) == lines


def test_what_is_no_array_is_no_line() -> None:
    """Anything but a bracket at the start is refused."""
    assert (
        array_to_lines(np.frombuffer(b' {"a":1}', np.uint8), np.zeros(STATE_WORDS, np.int64), np.empty(20, np.uint8))
        < 0
    )


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    elements=st.lists(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4), max_size=5),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    is_ascii=st.booleans(),
    cuts=st.lists(st.integers(0, 500), max_size=3),
)
def test_lines_equal_a_reference_parser(
    elements: list[dict[str, Any]], indent: int | str | None, is_ascii: bool, cuts: list[int]
) -> None:
    """Any array, printed in any way and cut anywhere: each line parses to the element that Python's parser has."""
    array = json.dumps(elements, indent=indent, ensure_ascii=is_ascii).encode()
    places = [0, *sorted(min(cut, len(array)) for cut in cuts), len(array)]
    lines = _lines(*(array[start:end] for start, end in itertools.pairwise(places)))
    assert [json.loads(line) for line in lines.split(b"\n") if line] == elements


@pytest.mark.parametrize("name", ["o.json", "o.json.gz"])
@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_an_array_has_the_rows_of_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block_bytes: int
) -> None:
    """Case 17: a .json file is known by its first byte, and either kind gives the same rows and types."""
    rows = [{"n": n, "x": n / 4, "s": f"é\n{n}", "o": {"k": [n]}, "z": None} for n in range(50)]
    array = json.dumps(rows, indent=1).encode()
    plain = open_bytes(tmp_path, "o.ndjson", b"\n".join(json.dumps(row).encode() for row in rows))
    monkeypatch.setattr(bytestream, "BLOCK_BYTES", block_bytes)
    source = open_bytes(tmp_path, name, gzip.compress(array) if name.endswith("gz") else array)
    assert source.schema == plain.schema
    assert list(rows_of(source).values()) == list(rows_of(plain).values())
    assert malformed_of(source) == []
    assert any("is a JSON array" in note for note in source.notes)


@pytest.mark.parametrize(
    ("array", "good", "bad"),
    [
        pytest.param(b'[{"a":1},{"a":2},{"a":', [0, 1], [(2, "bad_json")], id="last element cut off"),
        pytest.param(b'[{"a":1},{"a":2}', [0, 1], [(2, "cut_off")], id="bracket cut off"),
        pytest.param(b'[{"a":1},{"a":2},', [0, 1], [(2, "cut_off")], id="cut off behind a comma"),
        pytest.param(b'[{"a":1},{"a":2},]', [0, 1], [(2, "bad_json")], id="trailing comma"),
        pytest.param(b'[{"a":1},{"a":2,},{"a":3}]', [0, 2], [(1, "bad_json")], id="trailing comma inside"),
        pytest.param(b'[{"a":1}{"a":9},{"a":2}]', [1], [(0, "bad_json")], id="concatenated objects"),
        pytest.param(b'[{"a":1}][{"a":2}]', [0], [(1, "not_an_object")], id="concatenated arrays"),
        pytest.param(b'[{"a":1},null,[2],{"a":3}]', [0, 3], [(1, "not_an_object"), (2, "not_an_object")], id="others"),
        pytest.param(b'[{"a":1},{"a":"x\ny"},{"a":3}]', [0, 2], [(1, "bad_json")], id="newline in a string"),
        pytest.param(b'[{"a":1},{"a":\xff},{"a":3}]', [0, 2], [(1, "invalid_utf8")], id="invalid UTF-8"),
        pytest.param(
            b'[{"a":1},{"a":' + b"[" * 10_000 + b"]" * 10_000 + b'},{"a":3}]', [0, 2], [(1, "bad_json")], id="deep"
        ),
    ],
)
def test_case_18_a_broken_element_takes_no_other_with_it(
    tmp_path: Path, array: bytes, good: list[int], bad: list[tuple[int, str]]
) -> None:
    """Cases 17 and 18: that element is malformed under its number, and the others arrive."""
    source = open_bytes(tmp_path, "o.json", array)
    assert list(rows_of(source)) == good
    assert [(one.row, one.reason) for one in malformed_of(source)] == bad


def test_case_17_memory_is_bounded(tmp_path: Path) -> None:
    """An array is read piece by piece: what 40 MiB cost at their peak is a few blocks, not the array."""
    row = json.dumps({"n": 12345, "s": "x" * 180}) + ","
    with open(tmp_path / "big.json", "w") as stream:
        stream.write("[" + row * ((40 << 20) // len(row)) + '{"n":0,"s":""}]')
    source = open_source(discover(SourceOptions((str(tmp_path / "big.json"),))))
    tracemalloc.start()
    try:
        rows = sum(one.batch.num_rows for one in source.batches())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == (40 << 20) // len(row) + 1
    assert peak < 32 << 20


@pytest.mark.slow
def test_case_17_one_value_of_100_mb(tmp_path: Path) -> None:
    """A value below the limit of a row is a value, one above it is refused by the place where its element begins."""
    source = open_bytes(tmp_path, "o.json", b'[{"a":"x"}, {"a":"' + b"y" * (100 << 20) + b'"}]')
    assert [len(row["a"]) for row in rows_of(source).values()] == [1, 100 << 20]


def test_case_17_an_element_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of a row holds for elements, and the error says where the element begins."""
    array = b'[{"a":"x"},\n {"a":"' + b"y" * 5_000 + b'"}]'
    source = open_bytes(tmp_path, "o.json", array)
    monkeypatch.setattr(bytestream, "BLOCK_BYTES", 64)
    monkeypatch.setattr(bytestream, "RECORD_BYTES_MAX", 1_000)
    with pytest.raises(DatasetError, match="the row that begins at byte 13 is longer"):
        list(source.batches())


@pytest.mark.parametrize(
    ("format_", "content", "words"),
    [
        ("json-array", b'{"a":1}', r"is no JSON array: it begins with '\{'"),
        ("ndjson", b'[{"a":1}]', "is a JSON array, expected one object a line"),
        ("json", b"[1,2,3]", "none of the first 3 elements is a JSON object"),
    ],
)
def test_a_format_that_was_said_is_kept_to(tmp_path: Path, format_: str, content: bytes, words: str) -> None:
    """--json-array and --json-lines are believed; what is something else is refused by name."""
    (tmp_path / "o.json").write_bytes(content)
    with pytest.raises(DatasetError, match=words):
        open_source(discover(SourceOptions((str(tmp_path / "o.json"),), format_)))


def test_arrays_and_lines_are_one_dataset(tmp_path: Path) -> None:
    """A folder may hold both kinds."""
    (tmp_path / "a.json").write_text('[{"a":1}]')
    (tmp_path / "b.json").write_text('{"a":2}\n')
    (tmp_path / "c.ndjson").write_text('{"a":3}\n')
    source = open_source(discover(SourceOptions((str(tmp_path),))))
    assert [row["a"] for one in source.batches() for row in one.batch.to_pylist()] == [1, 2, 3]
