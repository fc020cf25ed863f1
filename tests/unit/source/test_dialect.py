"""What is found by looking at a CSV file, and what is said instead."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.errors import DatasetError, UsageError
from replayer.source.dialect import find_dialect
from replayer.source.options import CsvOptions, parse_delimiter, parse_encoding, parse_null_words, parse_quote
from tests.unit.source.reading import malformed_of, open_bytes, rows_of


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4\n", ";"),
        ("a\tb\n1,5\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('"a;x";b\n1;2\n', ";"),
        ('a,"b;c;d"\n1,2\n', ","),
        ("a\n1\n", ","),
        ("a;b,c\n1;2,5\n3;4\n5;6\n", ";"),
        ("a,b\n1,2\n1;2;3\n4,5\n", ","),
        ("a;b\r1;2\r", ";"),
        ('a;b\n"x\n;y";2\n', ";"),
    ],
)
def test_the_delimiter_is_the_one_that_makes_rows_alike(text: str, delimiter: str) -> None:
    """Decimal commas, quoted delimiters and a few ragged rows do not mislead; one column is comma-separated."""
    assert find_dialect(text, "csv", CsvOptions()).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a,b\n'x,y',2\n'z',3\n'u,v',4\n", "'"),
        ("a,b\n'tis,2\n'z',3\n", '"'),
        ("a,b\n'x',2\n", '"'),
        ("a,b\n'x',\"2\"\n'y',3\n'z',4\n", '"'),
    ],
)
def test_single_quotes_are_quotes_if_they_close(text: str, quote: str) -> None:
    """An apostrophe at the start of a name is none."""
    assert find_dialect(text, "csv", CsvOptions()).quote == quote


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("id,name\n1,a\n2,b\n", True),
        ("1,a\n2,b\n3,c\n", False),
        ("2024-01-01,5.5\n2024-01-02,6\n2024-01-03,7\n", False),
        ("1,2,3\n", True),
        ("a,b\nc,d\n", True),
        ("country,2019,2020\nDE,5.1,6.2\nFR,1.0,2.0\n", True),
        ("country,2020\nDE,5.1\nFR,6.5\n", True),
        ("name,0,1,2\na,5,6,7\nb,8,9,1\n", True),
        ("id,5.5\n1,2.5\n2,3.5\n", True),
        ("x,-1\ny,-2\nz,-3\n", False),
        ("5\n6\n7\n", False),
        ("", True),
    ],
)
def test_a_header_has_names(text: str, has_header: bool) -> None:
    """A first row with a number where every row has one is data; years and counted columns are names."""
    assert find_dialect(text, "csv", CsvOptions()).has_header is has_header


def test_what_is_said_is_not_looked_for(tmp_path: Path) -> None:
    """Each of the four can be said, against all appearances."""
    options = CsvOptions(delimiter="-", quote="", has_header=False, null_words=("NA", "7"))
    source = open_bytes(tmp_path, "o.csv", b'a,"b-c\nNA-7\nd-e\n', csv=options)
    assert list(rows_of(source).values()) == [
        {"column_1": 'a,"b', "column_2": "c"},
        {"column_1": None, "column_2": None},
        {"column_1": "d", "column_2": "e"},
    ]
    assert source.notes == (
        f"{tmp_path}/o.csv: delimiter -, quote none, no header: columns are named by their place, null: NA, 7, UTF-8",
    )


def test_quoted_null_words_are_text(tmp_path: Path) -> None:
    """Null is only what stands bare."""
    source = open_bytes(tmp_path, "o.csv", b'a,b\nNA,"NA"\n', csv=CsvOptions(null_words=("NA",)))
    assert rows_of(source) == {0: {"a": None, "b": "NA"}}


def test_single_quotes_enclose_line_ends(tmp_path: Path) -> None:
    """Rows, blocks and unclosed quotes follow the quote that was found."""
    source = open_bytes(
        tmp_path, "o.csv", b"a;b\n'x;\n''y';\"2\n'z';'3'\n'u';'4'\n'open;5\n", csv=CsvOptions(quote="'")
    )
    assert next(iter(rows_of(source).values())) == {"a": "x;\n'y", "b": '"2'}
    assert [(one.row, one.reason) for one in malformed_of(source)] == [(3, "unclosed_quote")]


def test_without_a_header_the_first_row_is_row_0(tmp_path: Path) -> None:
    """No row is lost to a header that is not there."""
    source = open_bytes(tmp_path, "o.csv", b"1,a\n2,b\n3\n")
    assert rows_of(source) == {0: {"column_1": "1", "column_2": "a"}, 1: {"column_1": "2", "column_2": "b"}}
    assert [(one.row, one.reason) for one in malformed_of(source)] == [(2, "ragged")]


_TEXT = "id;name\n1;Größe\n2;naïve\n3;Öl\n4;süß\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"]
)
def test_case_3_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    """Case 3: a byte order mark is dropped, and other encodings are read as what they are."""
    source = open_bytes(tmp_path, "o.csv", _TEXT.encode(encoding))
    assert [row["name"] for row in rows_of(source).values()] == ["Größe", "naïve", "Öl", "süß"]
    assert source.schema.names == ["id", "name"]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("latin-1", "latin-1"), ("cp1251", "windows-1251"), ("shift_jis", "shift_jis"), ("utf-16-be", "utf-16-be")],
)
def test_case_3_an_encoding_can_be_said(tmp_path: Path, encoding: str, said: str) -> None:
    """Case 3: what cannot be found can be named."""
    text = {"cp1251": "Привет", "shift_jis": "日本"}.get(encoding, "ÿ")
    source = open_bytes(tmp_path, "o.csv", f"a,b\n{text},1\n".encode(encoding), encoding=parse_encoding(said))
    assert rows_of(source) == {0: {"a": text, "b": "1"}}


@pytest.mark.parametrize(
    ("content", "encoding", "good"),
    [
        (b"a,b\n1,\xff\n3,4\n", None, [1]),
        ("a,b\n1,é\n".encode() + b"2,\xe9\n3,4\n", None, [0, 2]),
        (b"a,b\n1,\x81\n3,4\n", "windows-1252", [1]),
        ("a,b\n1,".encode("utf-16-le") + b"\x00\xd8" + "\n3,4\n".encode("utf-16-le"), "utf-16-le", [1]),
        ("a,b\n3,4\n5,6".encode("utf-16-le") + b"7", "utf-16-le", [0]),
    ],
)
def test_case_3_bytes_that_an_encoding_lacks_reject_their_row(
    tmp_path: Path, content: bytes, encoding: str | None, good: list[int]
) -> None:
    """Case 3: in the middle of a text or at its cut-off end, one such byte rejects one row, whatever the encoding."""
    source = open_bytes(tmp_path, "o.csv", content, encoding=encoding)
    assert list(rows_of(source)) == good
    assert [one.reason for one in malformed_of(source)] == ["invalid_utf8"]


def test_case_3_the_first_bad_byte_is_noted(tmp_path: Path) -> None:
    """A text that is neither UTF-8 nor clearly something else is read as UTF-8, with the byte's position."""
    source = open_bytes(tmp_path, "o.csv", b"a,b\n1,\xff\n3,4\n")
    assert any("is not UTF-8 at byte 6" in note and "--encoding" in note for note in source.notes)


def test_case_3_a_header_in_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    """Names must be text: the byte is named, and what to do."""
    with pytest.raises(DatasetError, match="the header is not UTF-8 at byte 2") as caught:
        open_bytes(tmp_path, "o.csv", b"a,\xff\n1,2\n")
    assert "--encoding" in caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["o.json", "o.ndjson"])
def test_case_3_json_in_other_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    """Case 3: JSON is found by the same marks and zero bytes."""
    assert list(rows_of(open_bytes(tmp_path, name, '{"a":"é"}\n'.encode(encoding))).values()) == [{"a": "é"}]


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]),
)
def test_any_dialect_gives_the_rows_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, ending: str, encoding: str
) -> None:
    """What the standard library wrote in any dialect comes back when the dialect is said."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    folder = tmp_path_factory.mktemp("dialect")
    source = open_bytes(folder, "o.csv", text.getvalue().encode(encoding), csv=CsvOptions(delimiter=delimiter))
    assert [list(row.values()) for row in rows_of(source).values()] == rows


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_delimiter, "tab", "\t"),
        (parse_delimiter, "\\t", "\t"),
        (parse_delimiter, "Semicolon", ";"),
        (parse_delimiter, "\t", "\t"),
        (parse_quote, "none", ""),
        (parse_quote, "'", "'"),
        (parse_encoding, "Latin-1", "iso8859-1"),
        (parse_encoding, "utf-8-sig", "utf-8"),
        (parse_null_words, "NA, NULL", ("NA", "NULL")),
    ],
)
def test_words_for_a_dialect(parse: object, text: str, value: object) -> None:
    """Characters that a shell mangles have names."""
    assert callable(parse)
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_delimiter, "a"),
        (parse_delimiter, ""),
        (parse_delimiter, ",,"),
        (parse_delimiter, '"'),
        (parse_delimiter, "§"),
        (parse_quote, "xx"),
        (parse_quote, " "),
        (parse_encoding, "klingon"),
        (parse_encoding, "zip"),
        (parse_null_words, "NA,"),
    ],
)
def test_words_that_are_none(parse: object, text: str) -> None:
    """What cannot be meant is refused before anything is read."""
    assert callable(parse)
    with pytest.raises(UsageError):
        parse(text)
