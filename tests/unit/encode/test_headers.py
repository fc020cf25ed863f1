"""Header blobs, taken apart by the portable producer's own reader of them."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.encode.headers import Origin, make_header_encoder
from replayer.encode.options import HeaderRule
from replayer.encode.parsing import parse_headers
from replayer.errors import UsageError
from replayer.kafka.client import decode_headers
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import AvroSchema, parse_schema

Headers = list[tuple[str, bytes | None]]


def headers_of(text: str, batch: pa.RecordBatch, schema: AvroSchema | None = None) -> list[Headers]:
    """The headers of each row; nothing may be touched behind the bound."""
    encoder = make_header_encoder(parse_headers(text), batch.schema, schema)
    assert encoder is not None
    bound = encoder.bind(batch, Origin("run-1", "a/b.csv", np.arange(7, 7 + batch.num_rows)))
    room, ends = np.full(bound.bound + 64, 0xA5, np.uint8), np.zeros(batch.num_rows, np.int64)
    written = bound.write_into(room[: bound.bound], ends)
    assert written == (ends[-1] if len(ends) else 0) <= bound.bound
    assert (room[bound.bound :] == 0xA5).all()
    starts = [0, *ends.tolist()][: len(ends)]
    return [decode_headers(room[start:end].tobytes()) for start, end in zip(starts, ends.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("a=b", [HeaderRule("a", "text", "b")]),
        ("a=", [HeaderRule("a", "text", "")]),
        ("a=b=c", [HeaderRule("a", "text", "b=c")]),
        ("a= b ", [HeaderRule("a", "text", " b ")]),
        ("r={region}", [HeaderRule("r", "column", "region")]),
        ("r={ region }", [HeaderRule("r", "column", "region")]),
        ("r={@run}\n\nf={@file}\nw={@row}", [HeaderRule("r", "run"), HeaderRule("f", "file"), HeaderRule("w", "row")]),
        ("a={{b}}", [HeaderRule("a", "text", "{b}")]),
        ("a={{}}", [HeaderRule("a", "text", "{}")]),
        ("a=x{b}", [HeaderRule("a", "text", "x{b}")]),
        ("a=1\na=2", [HeaderRule("a", "text", "1"), HeaderRule("a", "text", "2")]),
    ],
)
def test_what_is_typed(text: str, rules: list[HeaderRule]) -> None:
    """A value is a text, a column or an origin; the same name may come twice, as in Kafka."""
    assert list(parse_headers(text)) == rules


@pytest.mark.parametrize("text", ["a", "=b", "a={}", "a={@offset}", "\n".join(f"h{k}=v" for k in range(65))])
def test_what_is_refused(text: str) -> None:
    """No name, no column, an origin that there is none of, more headers than 64."""
    with pytest.raises(UsageError):
        parse_headers(text)


KINDS: list[tuple[Any, Any, bytes]] = [
    ("string", 'Zoë "x"', 'Zoë "x"'.encode()),
    ("string", "", b""),
    ("string", "x" * 200, b"x" * 200),
    ("bytes", b"\x00\xff", b"\x00\xff"),
    ("int", -5, b"-5"),
    ("long", -(2**63), b"-9223372036854775808"),
    ("double", 0.1, b"0.1"),
    ("boolean", False, b"false"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, decimal.Decimal("12.30"), b"12.30"),
    ({"type": "int", "logicalType": "date"}, dt.date(2024, 2, 29), b"2024-02-29"),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, 1, b"B"),
    (
        {"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"},
        uuid.UUID(int=1).bytes,
        str(uuid.UUID(int=1)).encode(),
    ),
]


@pytest.mark.parametrize(("kind", "value", "expected"), KINDS)
def test_columns_are_text(kind: Any, value: Any, expected: bytes) -> None:
    """A column's header is what a key of it would be; null is a null header, in slices too."""
    schema = parse_schema({"type": "record", "name": "R", "fields": [{"name": "c", "type": ["null", kind]}]}, "test")
    array = pa.array([None, None, value, value], arrow_types(schema)["c"])
    batch = pa.record_batch([array], names=["c"]).slice(1)
    assert headers_of("h={c}\nfix=ed", batch, schema) == [
        [("h", None), ("fix", b"ed")],
        [("h", expected), ("fix", b"ed")],
        [("h", expected), ("fix", b"ed")],
    ]


def test_where_a_record_came_from() -> None:
    """Run, file and row, on request only."""
    batch = pa.record_batch([pa.array(["x", "y"])], names=["c"])
    assert headers_of("run={@run}\nfile={@file}\nrow={@row}", batch) == [
        [("run", b"run-1"), ("file", b"a/b.csv"), ("row", b"7")],
        [("run", b"run-1"), ("file", b"a/b.csv"), ("row", b"8")],
    ]


@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="="), min_size=1).filter(str.strip),
        min_size=1,
        max_size=5,
    ),
    texts=st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), max_size=20),
    is_dictionary=st.booleans(),
)
def test_any_text_arrives(names: list[str], texts: list[str | None], is_dictionary: bool) -> None:
    """Any name and any value come out as they went in, plain or from a dictionary."""
    array = pa.array(texts, pa.string())
    batch = pa.record_batch([array.dictionary_encode() if is_dictionary else array], names=["c"])
    text = "\n".join(f"{name}={{c}}" for name in names)
    expected = [[(name.strip(), None if value is None else value.encode()) for name in names] for value in texts]
    assert headers_of(text, batch) == expected


def test_a_missing_column_is_named() -> None:
    """The option, the columns that there are, and the one that was meant."""
    with pytest.raises(UsageError) as caught:
        make_header_encoder(parse_headers("r={regoin}"), pa.schema([("region", pa.string())]))
    assert caught.value.message == "--header: there is no column 'regoin'; the columns are region"
    assert make_header_encoder((), pa.schema([])) is None
