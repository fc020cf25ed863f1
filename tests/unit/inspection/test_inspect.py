"""What an inspection says of datasets whose columns are known."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replayer.inspection.inspect import inspect, type_words
from replayer.inspection.model import Inspection
from replayer.inspection.text import render_inspection
from replayer.source.options import SourceOptions

TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


def of(path: Path, *, is_whole: bool = True) -> Inspection:
    return inspect(SourceOptions((str(path),)), "row", is_whole=is_whole)


def column_of(tmp_path: Path, values: list[str]) -> tuple[str, str]:
    """Type and evidence of one column of CSV, beside one that keeps empty rows apart."""
    path = tmp_path / "one.csv"
    path.write_text("v,x\n" + "".join(f"{value},x\n" for value in values))
    column = of(path).columns[0]
    return column.type, column.evidence


@pytest.mark.parametrize(
    ("values", "kind", "evidence"),
    [
        (["1", "2", ""], "long", "every value prints back as a whole number of 64 bits"),
        (["0.5", "2.25"], "double", "every value prints back as a double"),
        (["1.50", "12.10"], "decimal(18, 2)",
         "every value has as many digits after the point, which doubles would not keep"),
        (["true", "False"], "boolean", "every value is true or false"),
        (["2024-02-29"], "date", "every value is a date of the calendar"),
        (["2024-02-29T00:00:00Z"], "timestamp-micros", "every value is a timestamp with a zone"),
        (["2024-02-29 00:00:00"], "local-timestamp-micros", "every value is a timestamp, none has a zone"),
        (["12:00:00"], "time-micros", "every value is a time of day"),
        (["", ""], "string", "without a value"),
        (["1", "007", "010"], "string", "2 values with leading zeros, first '007' in row 1"),
        (["1", "2", "3", "n/a"], "string", "1 value of 4 is no whole number, first 'n/a' in row 3"),
        (["2024-02-29", "2024-02-30"], "string", "1 value of 2 is no date, first '2024-02-30' in row 1"),
        (["1.50", "2.5"], "string", "looks like a number, but would not print back as it is written"),
        (["", "abc", "def"], "string", "text, first 'abc' in row 1"),
    ],
)  # fmt: skip
def test_evidence_of_text(tmp_path: Path, values: list[str], kind: str, evidence: str) -> None:
    """Each type says why it is that, and each string what keeps it from being more, with the first such row."""
    assert column_of(tmp_path, values) == (kind, evidence)


def test_the_orders_in_every_format() -> None:
    """Types, nulls, ranges, key and event time of the example, as they are known from the script that makes it."""
    found = of(TESTDATA / "orders.csv")
    types = {one.name: one.type for one in found.columns}
    assert types == {
        "order_id": "long", "customer": "string", "sku": "string", "quantity": "long", "price": "decimal(18, 2)",
        "currency": "string", "status": "string", "created_at": "timestamp-micros", "delivery_date": "date",
        "request_id": "string", "is_gift": "boolean", "discount": "double",
    }  # fmt: skip
    assert (found.rows, found.is_whole, found.unfit) == (2_000, True, ())
    assert found.key is not None
    assert found.event_time is not None
    assert (found.key.column, found.event_time.column) == ("order_id", "created_at")
    orders = pq.read_table(TESTDATA / "orders.parquet")
    parquet = of(TESTDATA / "orders.parquet")
    for one in (*found.columns, *parquet.columns):
        assert one.null_count == orders.column(one.name).null_count
    order_id = next(one for one in found.columns if one.name == "order_id")
    assert (order_id.min, order_id.max) == ("9007199254740993", "9007199254742992")
    evidence = {one.name: one.evidence for one in parquet.columns}
    assert evidence["price"] == "decimal128(10, 2) in the file"
    json_types = {one.name: one.type for one in of(TESTDATA / "orders.ndjson").columns}
    assert (json_types["address"], json_types["items"]) == ("record of 4", "array of record of 3")


def test_rows_that_fit_nothing_are_counted() -> None:
    """What a run would reject, by reason and column, with the first place."""
    found = of(TESTDATA / "orders_bad.ndjson")
    assert [(one.reason, one.column, one.count, one.first_row) for one in found.unfit] == [
        ("bad_json", "", 3, 2),
        ("wrong_type", "order_id", 1, 8),
        ("not_an_object", "", 1, 9),
    ]
    assert found.rows == 205


@pytest.mark.parametrize(
    ("kind", "values", "low", "high"),
    [
        (pa.int64(), [2**62, -(2**62), None], str(-(2**62)), str(2**62)),
        (pa.decimal128(38, 2), [Decimal("1.50"), Decimal("-2.25")], "-2.25", "1.50"),
        (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], "2024-01-01 00:00:00.000000Z",
         "2024-01-01 00:00:00.000000Z"),
        (pa.timestamp("ns"), [1, 2], "1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000000002"),
        (pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)], "0001-01-01", "9999-12-31"),
        (pa.string(), ["b", "a"], "a", "b"),
        (pa.float64(), [0.5, -1.0, float("inf")], "-1.0", "inf"),
        (pa.bool_(), [None, None], None, None),
        (pa.binary(), [b"a"], None, None),
        (pa.list_(pa.int32()), [[1]], None, None),
    ],
)  # fmt: skip
def test_ranges(tmp_path: Path, kind: pa.DataType, values: list[object], low: str | None, high: str | None) -> None:
    """The smallest and the largest value over all row groups; none where there is no order or no value."""
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"v": pa.array(values, kind)}), path, row_group_size=1)
    (column,) = of(path).columns
    assert (column.min, column.max) == (low, high)


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ({"customer_id": [1, 1, 2], "amount": [5, 6, 7]}, "customer_id"),
        ({"amount": [5, 6, 7], "name": ["a", "a", "b"]}, "amount"),
        ({"order_id": [1, None, 2], "sku": ["a", "b", "b"]}, "sku"),
        ({"v": [1, 1], "w": [0.5, 1.5]}, None),
    ],
)
def test_the_suggested_key(tmp_path: Path, columns: dict[str, list[object]], key: str | None) -> None:
    """A column without nulls that is called like one, else one with distinct values; never a fraction."""
    path = tmp_path / "keys.parquet"
    pq.write_table(pa.table(columns), path)
    found = of(path).key
    assert (found and found.column) == key


def test_a_first_look_says_so(tmp_path: Path) -> None:
    """Typed files give 65,536 rows without --infer full."""
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"a": range(200_000)}), path)
    assert (of(path, is_whole=False).is_whole, of(path).rows) == (False, 200_000)
    assert "the first 65,536 rows were looked at" in render_inspection(of(path, is_whole=False))


@pytest.mark.parametrize("text", ["id,name\n", ""])
def test_case_1_nothing_to_look_at(tmp_path: Path, text: str) -> None:
    """A header alone, or nothing at all, is inspected without an error."""
    path = tmp_path / "empty.csv"
    path.write_text(text)
    found = of(path)
    assert (found.rows, found.record_bytes, found.key) == (0, None, None)
    assert "0 rows" in render_inspection(found)


def test_case_39_names_and_values_are_escaped(tmp_path: Path) -> None:
    """Case 39: a colour sequence in a name or a value does not reach the terminal."""
    path = tmp_path / "evil.csv"
    path.write_text("a\x1b[31m,b\n\x1b[2J,1\n")
    assert "\x1b" not in render_inspection(of(path))


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (["null", "long"], "long"),
        ({"type": "map", "values": ["null", "int"]}, "map of int"),
        ({"type": "fixed", "name": "f", "size": 16}, "fixed(16)"),
        ({"type": "array", "items": ["null", {"type": "int", "logicalType": "date"}]}, "array of date"),
    ],
)
def test_types_in_words(node: object, words: str) -> None:
    """An Avro type in short, without the null that every field has."""
    assert type_words(node) == words
