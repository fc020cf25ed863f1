"""CSV as text columns, with exact row numbers whatever is wrong in between."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replayer.errors import DatasetError
from replayer.source import bytestream
from replayer.source.csv_rows import find_row_end
from tests.unit.source.reading import all_batches, malformed_of, open_bytes, rows_of


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(b"a,b\n1,2\n3,4\n", {0: ("1", "2"), 1: ("3", "4")}, id="plain"),
        pytest.param(b"a,b\r\n1,2\r\n3,4\r\n", {0: ("1", "2"), 1: ("3", "4")}, id="crlf"),
        pytest.param(b"a,b\r1,2\r3,4\r", {0: ("1", "2"), 1: ("3", "4")}, id="lone returns"),
        pytest.param(b"a,b\n1,2", {0: ("1", "2")}, id="no final newline"),
        pytest.param(b'a,b\n"x\ny",2\n3,4\n', {0: ("x\ny", "2"), 1: ("3", "4")}, id="quoted newline"),
        pytest.param(b'a,b\n"x,y","say ""hi"""\n', {0: ("x,y", 'say "hi"')}, id="quoted quote"),
        pytest.param(b'a,b\n5" pipe,6"\n3,4\n', {0: ('5" pipe', '6"'), 1: ("3", "4")}, id="quote inside a field"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", {0: ("1", "2")}, id="byte order mark"),
        pytest.param(b'\xef\xbb\xbf"a","b"\n1,2\n', {0: ("1", "2")}, id="byte order mark and quoted header"),
        pytest.param(b"\n\na,b\n\n1,2\n\n3,4\n\n", {0: ("1", "2"), 1: ("3", "4")}, id="empty lines are no rows"),
        pytest.param(b'a,b\n,""\n', {0: (None, "")}, id="nothing is null, quoted nothing is empty"),
        pytest.param(b"a,b\n007, 1\n", {0: ("007", " 1")}, id="text stays as it is"),
        pytest.param("a,b\nŁódź,王\n".encode(), {0: ("Łódź", "王")}, id="unicode"),
    ],
)
def test_rows_are_text_with_their_numbers(
    tmp_path: Path, content: bytes, rows: dict[int, tuple[str | None, str]]
) -> None:
    """Cases 3 and 4: every value is the text between the delimiters, rows count from 0 after the header."""
    source = open_bytes(tmp_path, "o.csv", content)
    assert rows_of(source) == {number: {"a": a, "b": b} for number, (a, b) in rows.items()}
    assert malformed_of(source) == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a,b", b"a,b\n", b"\xef\xbb\xbf"])
def test_case_1_empty_file_and_header_only_have_no_rows(tmp_path: Path, content: bytes) -> None:
    """Case 1: nothing but a header, or nothing at all, is a dataset of zero rows."""
    assert rows_of(open_bytes(tmp_path, "o.csv", content)) == {}


def test_an_empty_file_is_noted(tmp_path: Path) -> None:
    """An empty file has no columns, and the source says so."""
    source = open_bytes(tmp_path, "o.csv", b"")
    assert source.schema.names == []
    assert source.notes == (f"{tmp_path}/o.csv is empty",)


@pytest.mark.parametrize(
    ("content", "bad", "good"),
    [
        pytest.param(b"a,b\n1,2\n3\n5,6\n", [(1, "ragged", "3")], [0, 2], id="too few"),
        pytest.param(b"a,b\n1,2,3\n5,6\n", [(0, "ragged", "1,2,3")], [1], id="too many"),
        pytest.param(b'a,b\n"x\ny",2\n\n3\n4,5\n', [(1, "ragged", "3")], [0, 2], id="after a quoted newline"),
        pytest.param(b'a,b\n1,2\n3,"open\n5,6\n', [(1, "unclosed_quote", '3,"open\n5,6\n')], [0], id="unclosed quote"),
        pytest.param(b"a,b\n1,\xff\n5,6\n", [(0, "invalid_utf8", "1,\ufffd")], [1], id="invalid UTF-8"),
        pytest.param(b"a,b\n1,\xff,2\n5,6\n", [(0, "ragged", "1,\ufffd,2")], [1], id="ragged and invalid UTF-8"),
        pytest.param(
            "a,b\n1,�\n".encode() + b"2,\xe4\n3\n",
            [(1, "invalid_utf8", "2,\ufffd"), (2, "ragged", "3")],
            [0],
            id="both",
        ),
    ],
)
def test_case_5_bad_rows_are_malformed_and_swallow_none(
    tmp_path: Path, content: bytes, bad: list[tuple[int, str, str]], good: list[int]
) -> None:
    """Cases 3 and 5: a bad row is reported with its own number and text, and those around it keep theirs."""
    source = open_bytes(tmp_path, "o.csv", content)
    assert [(one.row, one.reason, one.raw) for one in malformed_of(source)] == bad
    assert list(rows_of(source)) == good


@pytest.mark.parametrize("block_bytes", [16, 37, 64, 200, 5_000])
def test_numbers_do_not_depend_on_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    """Wherever a block ends, in a quoted newline too, each row has the number that the whole file gives it."""
    monkeypatch.setattr(bytestream, "BLOCK_BYTES", block_bytes)
    lines = [f'{number},"x\n{number}"' if number % 3 else f"{number}" for number in range(100)]
    source = open_bytes(tmp_path, "o.csv", ("a,b\n" + "\n".join(lines) + "\n").encode())
    assert {number: row["a"] for number, row in rows_of(source).items()} == {
        number: str(number) for number in range(100) if number % 3
    }
    assert [one.row for one in malformed_of(source)] == list(range(0, 100, 3))
    if block_bytes <= 200:
        assert len(all_batches(source)) > 1


def test_reading_starts_over_each_time(tmp_path: Path) -> None:
    """A source can be read as often as a loop asks for."""
    source = open_bytes(tmp_path, "o.csv", b"a,b\n1,2\n")
    assert rows_of(source) == rows_of(source)


def test_duplicate_columns_are_refused_and_nameless_ones_named(tmp_path: Path) -> None:
    """Case 6: two columns of one name are refused by place; a column without a name gets one by its place."""
    with pytest.raises(DatasetError, match="columns 1 and 3 are both called 'a'"):
        open_bytes(tmp_path, "o.csv", b"a,b,a\n1,2,3\n")
    assert open_bytes(tmp_path, "o.csv", b"a,,\n1,2,3\n").schema.names == ["a", "column_2", "column_3"]


def test_tabs_separate_tsv(tmp_path: Path) -> None:
    """A .tsv file has tabs between its fields, and commas in them."""
    assert rows_of(open_bytes(tmp_path, "o.tsv", b"a\tb\n1,5\t2\n")) == {0: {"a": "1,5", "b": "2"}}


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (b"1,2\n3", 4),
        (b"1,2", 0),
        (b'1,"2\n3', 0),
        (b'1,"2\n3"\n4', 8),
        (b'1,a"\n2', 5),
        (b'1,"a""\n"\n2', 9),
        (b"1\r2", 2),
    ],
)
def test_a_block_ends_where_a_row_ends(content: bytes, end: int) -> None:
    """The cut lies after the last newline that no quotes enclose."""
    assert find_row_end(content, ",") == end


_FIELDS = st.text(st.sampled_from('ab1,"\n\r é'), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_FIELDS, _FIELDS, _FIELDS), max_size=30), st.sampled_from(["\n", "\r\n"]), st.integers(8, 400)
)
def test_case_4_rows_equal_a_reference_parser(rows: list[tuple[str, str, str]], ending: str, block_bytes: int) -> None:
    """Case 4: what the standard library wrote comes back value by value, whatever the size of the blocks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bytestream, "BLOCK_BYTES", block_bytes)
        source = open_bytes(Path(folder), "o.csv", text.getvalue().encode())
        assert [tuple(row.values()) for row in rows_of(source).values()] == rows
        assert malformed_of(source) == []
