"""NDJSON: types from the first lines, and bad lines that take no other line with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.errors import DatasetError
from replayer.source.batch import Malformed
from replayer.source.bytestream import Block
from replayer.source.discover import discover
from replayer.source.json import LineParser, is_one_object_a_line
from replayer.source.open import open_source
from replayer.source.options import SourceOptions
from tests.unit.source.reading import malformed_of, open_bytes, rows_of

_SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("o", pa.struct([("k", pa.int64())])),
        ("l", pa.list_(pa.float64())),
        ("big", pa.decimal128(38, 0)),
    ]
)
_GOOD = b'{"n":1,"s":"good"}'


def _parse(*lines: bytes) -> tuple[dict[int, dict[str, Any]], list[Malformed]]:
    batch, numbers, malformed = LineParser(_SCHEMA).parse(Block(b"\n".join(lines), 0, is_last=True), 0)
    return dict(zip(numbers.tolist(), batch.to_pylist(), strict=True)), malformed


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        pytest.param(b'{"n":1,}', "bad_json", "trailing comma", id="trailing comma"),
        pytest.param(b'{"n":1', "bad_json", "", id="cut off"),
        pytest.param(b'{"n":1}{"n":2}', "bad_json", "after document", id="two objects"),
        pytest.param(b"null", "not_an_object", "", id="bare null"),
        pytest.param(b"[1]", "not_an_object", "list", id="list"),
        pytest.param(b"5", "not_an_object", "int", id="number"),
        pytest.param(b'{"n":5.9}', "wrong_type", "expected long, found number 5.9", id="fraction into long"),
        pytest.param(b'{"n":5.0}', "wrong_type", "expected long", id="fraction that is whole"),
        pytest.param(b'{"n":"5"}', "wrong_type", "expected long, found string '5'", id="text into long"),
        pytest.param(b'{"n":true}', "wrong_type", "expected long, found boolean", id="true into long"),
        pytest.param(b'{"n":9223372036854775808}', "wrong_type", "expected long", id="2^63 into long"),
        pytest.param(b'{"b":"false"}', "wrong_type", "expected boolean", id="text into boolean"),
        pytest.param(b'{"b":0}', "wrong_type", "expected boolean", id="0 into boolean"),
        pytest.param(b'{"s":5}', "wrong_type", "expected string", id="number into string"),
        pytest.param(b'{"x":9007199254740993}', "wrong_type", "exact", id="2^53+1 into double"),
        pytest.param(b'{"x":18446744073709551617}', "wrong_type", "exact", id="2^64+1 into double"),
        pytest.param(b'{"x":NaN}', "bad_json", "", id="NaN"),
        pytest.param(b'{"x":-Infinity}', "bad_json", "", id="infinity"),
        pytest.param(b'{"x":1e400}', "bad_json", "", id="1e400"),
        pytest.param(b'{"l":[1.5,9007199254740993]}', "wrong_type", "exact", id="2^53+1 in a list"),
        pytest.param(b'{"o":{"k":"v"}}', "wrong_type", "expected long", id="nested"),
        pytest.param(b'{"o":[]}', "wrong_type", "expected object", id="list into object"),
        pytest.param(b'{"new":1}', "unexpected_field", "did not have", id="new field"),
        pytest.param(b'{"o":{"new":1}}', "unexpected_field", "did not have", id="new nested field"),
        pytest.param(b'{"n":1,"n":2}', "bad_json", "twice", id="key twice"),
        pytest.param(b'{"s":"\\ud800"}', "bad_json", "", id="lone surrogate"),
        pytest.param(b'{"s":"\xff"}', "invalid_utf8", "not UTF-8", id="invalid UTF-8"),
        pytest.param(b'{"big":1.5}', "wrong_type", "whole number", id="fraction into whole number"),
        pytest.param(b'{"o":' * 10_000 + b"1" + b"}" * 10_000, "bad_json", "", id="10,000 deep"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_only_the_bad_line_is_rejected(line: bytes, reason: str, words: str, place: int) -> None:
    """Cases 9, 10, 11, 16, 17, 18: one bad line is one malformed row, wherever it stands, and the others arrive."""
    lines = [_GOOD, _GOOD]
    lines.insert(place, line)
    rows, malformed = _parse(*lines)
    assert [(one.row, one.reason) for one in malformed] == [(place, reason)]
    assert words in malformed[0].detail
    assert malformed[0].raw.encode()[:10] == line.decode("utf-8", "replace").encode()[:10]
    assert list(rows) == [number for number in range(3) if number != place]
    assert all(row["s"] == "good" for row in rows.values())


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        (b'{"n":9223372036854775807}', "n", 2**63 - 1),
        (b'{"n":-9223372036854775808}', "n", -(2**63)),
        (b'{"n":9007199254740993}', "n", 2**53 + 1),
        (b'{"x":5}', "x", 5.0),
        (b'{"x":9007199254740992}', "x", 2.0**53),
        (b'{"x":1e300}', "x", 1e300),
        (b'{"s":"2024-01-01"}', "s", "2024-01-01"),
        (b'{"o":{}}', "o", {"k": None}),
        (b'{"l":[]}', "l", []),
        (b"{}", "n", None),
    ],
)
@pytest.mark.parametrize("neighbour", [_GOOD, b"broken"])
def test_values_do_not_depend_on_their_neighbours(line: bytes, column: str, value: object, neighbour: bytes) -> None:
    """A good line gives the same value in a good block and beside a broken line."""
    rows, _ = _parse(line, neighbour)
    assert rows[0][column] == value


def test_big_integers_are_exact() -> None:
    """Integers beyond 64 bits are decimals to the digit, beside a broken line too."""
    for neighbour in (_GOOD, b"broken"):
        rows, _ = _parse(b'{"big":18446744073709551617}', neighbour)
        assert int(rows[0]["big"]) == 2**64 + 1


def test_blank_lines_are_no_rows() -> None:
    """Lines of white space are passed over, and returns before newlines with them."""
    rows, malformed = _parse(b"", b'{"n":1}\r', b"  ", b'{"n":2}\r', b"")
    assert ({number: row["n"] for number, row in rows.items()}, malformed) == ({0: 1, 1: 2}, [])


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        (b'{"a":1}\n{"a":2}\n', True),
        (b'{"a":1}\r\n{"a":2}\r\n', True),
        (b'{"a":1}', True),
        (b'{"a":1}\n\n{"a":2}', False),
        (b"null", False),
        (b"", False),
        (b"\n", False),
        (b'{"a":\n1}', False),
        (b' {"a":1}\n', False),
        (b'{"a":1}\nnull', False),
        (b"{", False),
        (b'{\n"a":1}', False),
    ],
)
def test_lines_are_looked_at_before_arrow_sees_them(content: bytes, fits: bool) -> None:
    """Only lines that begin with { and end with } are parsed as a block: of a lone null Arrow's parser dies."""
    assert is_one_object_a_line(content) is fits


def _type(tmp_path: Path, *lines: bytes) -> pa.DataType:
    return open_bytes(tmp_path, "o.ndjson", b"\n".join(lines) + b"\n").schema.field("v").type


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((b"1", b"2"), pa.int64()),
        ((b"1", b"null"), pa.int64()),
        ((b"1", b"1.5"), pa.float64()),
        ((b"9223372036854775808", b"1"), pa.decimal128(38, 0)),
        ((b"9007199254740993", b"null"), pa.int64()),
        ((b"true", b"null"), pa.bool_()),
        ((b'"x"', b"null"), pa.string()),
        ((b'"2024-01-01T00:00:00"', b'"x"'), pa.string()),
        ((b"null", b"null"), pa.string()),
        ((b"[]", b"[1]"), pa.list_(pa.int64())),
        ((b"[]", b"[]"), pa.list_(pa.string())),
        ((b'{"a":1}', b'{"b":"x"}'), pa.struct([("a", pa.int64()), ("b", pa.string())])),
        ((b'"first"', b"1"), pa.string()),
    ],
)
def test_types_come_from_the_values(tmp_path: Path, values: tuple[bytes, ...], kind: pa.DataType) -> None:
    """Cases 8 and 9: integers with nulls stay long, beyond 64 bits they are decimals, and the first type wins."""
    assert _type(tmp_path, *(b'{"v":' + value + b"}" for value in values)) == kind


def test_bad_lines_among_the_first_do_not_keep_a_file_from_being_read(tmp_path: Path) -> None:
    """Columns are found from the good lines, even when a line is so deep that Arrow's inference would overflow."""
    deep = b'{"v":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    source = open_bytes(tmp_path, "o.ndjson", b"\n".join([b"null", deep, b'{"v":1}', b"oops"]))
    assert rows_of(source) == {2: {"v": 1}}
    assert [one.row for one in malformed_of(source)] == [0, 1, 3]


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_case_1_an_empty_file_has_no_rows(tmp_path: Path, content: bytes) -> None:
    """Case 1: no lines are no rows."""
    assert rows_of(open_bytes(tmp_path, "o.ndjson", content)) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'[{"a":1}]', "is a JSON array"),
        (b"a,b\n1,2\n", "none of the first 2 lines"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    """An array and a file that is no JSON at all are refused before anything is read."""
    with pytest.raises(DatasetError, match=words):
        open_bytes(tmp_path, "o.ndjson", content)


def test_the_last_line_may_lack_its_newline_and_be_cut_off(tmp_path: Path) -> None:
    """Case 18: a whole last line is a row, a cut-off one a malformed row."""
    assert len(rows_of(open_bytes(tmp_path, "o.ndjson", b'{"a":1}\n{"a":2}'))) == 2
    assert [one.row for one in malformed_of(open_bytes(tmp_path, "o.ndjson", b'{"a":1}\n{"a":'))] == [1]


_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32),
        "s": st.none() | st.text(st.characters(exclude_categories=("Cs",))),
        "b": st.none() | st.booleans(),
        "o": st.none() | st.fixed_dictionaries({}, optional={"k": st.integers(-5, 5)}),
        "l": st.none() | st.lists(st.none() | st.floats(0, 9), max_size=3),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_VALUES | st.just(None), max_size=20))
def test_rows_equal_a_reference_parser(values: list[dict[str, Any] | None]) -> None:
    """What orjson wrote comes back value by value; None stands for a broken line, which takes no other with it."""
    rows, malformed = _parse(*(b"broken" if value is None else orjson.dumps(value) for value in values))
    assert [one.row for one in malformed] == [number for number, value in enumerate(values) if value is None]
    for number, row in rows.items():
        value = values[number]
        assert value is not None
        for column in ("n", "x", "s", "b", "l"):
            assert row[column] == value.get(column)


def test_the_whole_file_is_looked_at_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that appears, and a fraction among integers, far behind the sample."""
    monkeypatch.setattr("replayer.source.json_infer.SAMPLE_BYTES", 1)
    monkeypatch.setattr("replayer.source.json_infer.BLOCK_BYTES", 1)
    path = tmp_path / "late.ndjson"
    path.write_text('{"a":1}\n' * 2_000_000 + '{"a":1.5,"b":true}\n')
    files = discover(SourceOptions((str(path),)))
    assert open_source(files).schema.names == ["a"]
    whole = open_source(files, is_whole=True).schema
    assert [(field.name, field.type) for field in whole] == [("a", pa.float64()), ("b", pa.bool_())]
