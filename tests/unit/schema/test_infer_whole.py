"""Inference over all rows gives what inference over one table of them gives."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.schema.infer import infer_schema
from replayer.schema.infer_whole import infer_whole
from replayer.schema.text import mark_text

_TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["true", "false", "007", "-0", "1.50", "12.10", "1e5", "9007199254740993", "9" * 20, "abc", ""]),
    st.integers(-(10**19), 10**19).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1000, 1000, places=2).map(str),
    st.dates(dt.date(1, 1, 1)).map(str),
    st.datetimes().map(lambda one: one.isoformat()),
    st.sampled_from(["2024-01-01T00:00:00Z", "2024-01-01 00:00:00.123456789+01:00", "0001-01-01T00:00:00.000001Z"]),
    st.sampled_from(["12:00:00", "23:59:59.999999"]),
)


def of_one_kind() -> st.SearchStrategy[list[str | None]]:
    """Mostly columns whose strings have something in common, as real ones have."""
    kinds = [
        st.lists(st.integers(-(10**18), 10**18).map(str)),
        st.lists(st.decimals(-(10**20), 10**20, places=2).map(str)),
        st.lists(st.dates().map(str)),
        st.lists(st.sampled_from(["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456789Z", "0001-01-01T00:00:00Z"])),
    ]
    return st.one_of(st.lists(_TEXTS), *kinds)


@given(of_one_kind(), st.lists(st.integers(0, 20), max_size=4), st.sampled_from(["csv", "json"]))
def test_pieces_do_not_matter(texts: list[str | None], cuts: list[int], kind: Any) -> None:
    """Any column of text, cut anywhere, gets the type that it gets as a whole."""
    schema = mark_text(pa.schema([("a", pa.string())]), kind)
    table = pa.table({"a": pa.array(texts, pa.string())}, schema=schema)
    ends = sorted(min(cut, len(texts)) for cut in cuts)
    pieces = [
        batch
        for first, end in zip([0, *ends], [*ends, len(texts)], strict=True)
        for batch in table.slice(first, end - first).to_batches()
    ]
    assert infer_whole(pieces, schema, "row") == infer_schema(table, "row")


@pytest.mark.parametrize(
    ("values", "kind", "logical"),
    [
        ([[0], [1_000]], pa.timestamp("ns", "UTC"), "timestamp-micros"),
        ([[0], [1]], pa.timestamp("ns", "UTC"), "timestamp-nanos"),
        ([[1], [0]], pa.timestamp("ns"), "local-timestamp-nanos"),
    ],
)
def test_one_value_decides(values: list[list[int]], kind: pa.DataType, logical: str) -> None:
    """Nanoseconds are kept as soon as a single row of millions has them."""
    schema = pa.schema([("a", kind)])
    batches = [pa.record_batch([pa.array(piece, pa.int64()).cast(kind)], schema=schema) for piece in values]
    (field,) = infer_whole(batches, schema, "row")["fields"]
    assert field["type"][1]["logicalType"] == logical


def test_nested_text_is_followed_by_its_path() -> None:
    """A string deep inside is a date only when it is one in every row."""
    schema = mark_text(pa.schema([("a", pa.struct([("b", pa.list_(pa.string()))]))]), "json")
    rows = [[{"a": {"b": ["2024-01-01"]}}], [{"a": None}], [{"a": {"b": ["2024-02-30", None]}}]]
    batches = [pa.RecordBatch.from_pylist(piece, schema=schema) for piece in rows]

    def item(pieces: list[pa.RecordBatch]) -> Any:
        return infer_whole(pieces, schema, "row")["fields"][0]["type"][1]["fields"][0]["type"][1]["items"][1]

    assert item(batches[:2]) == {"type": "int", "logicalType": "date"}
    assert item(batches) == "string"
