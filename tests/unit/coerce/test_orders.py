"""The orders of the test data, from each format, through inference and coercion."""

from __future__ import annotations

import datetime as dt
import importlib.util
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from replayer.coerce.plan import Coerced, plan_coercion
from replayer.schema.arrow import arrow_types
from replayer.schema.avro import AvroSchema, parse_schema
from replayer.schema.infer import infer_schema
from replayer.source.discover import discover
from replayer.source.open import open_source, take_sample
from replayer.source.options import SourceOptions

_TESTDATA = Path(__file__).resolve().parents[3] / "testdata"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that made the files."""
    spec = importlib.util.spec_from_file_location("make_orders", _TESTDATA / "make_orders.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _coerce(name: str) -> tuple[AvroSchema, list[Coerced]]:
    source = open_source(discover(SourceOptions((str(_TESTDATA / name),))))
    schema = parse_schema(infer_schema(take_sample(source), "orders"), name)
    coercer = plan_coercion(source.schema, schema, {})
    return schema, [coercer.coerce(one) for one in source.batches()]


def _rows(name: str) -> list[dict[str, Any]]:
    return [row for one in _coerce(name)[1] for row in one.batch.to_pylist()]


def _without_money_digits(value: Any) -> Any:
    """Decimals as the doubles that JSON numbers are."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _without_money_digits(entry) for key, entry in value.items()}
    return [_without_money_digits(entry) for entry in value] if isinstance(value, list) else value


def test_parquet_rows_are_the_orders(script: ModuleType) -> None:
    """Every value of every order comes out of Parquet as it went in."""
    assert _rows("orders.parquet") == script.make_orders()


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
def test_csv_rows_are_the_flat_columns_of_the_orders(script: ModuleType, name: str) -> None:
    """CSV text gets its types back, integers over 2^53 and decimals too; article numbers stay text."""
    flat = [name for name in script.SCHEMA.names if name not in ("address", "items")]
    assert _rows(name) == [{column: order[column] for column in flat} for order in script.make_orders()]


@pytest.mark.parametrize("name", ["orders.ndjson", "orders.ndjson.zst"])
def test_ndjson_rows_are_the_orders_with_money_as_numbers(script: ModuleType, name: str) -> None:
    """NDJSON gives nested values and typed times, and money as the numbers that it was written as."""
    assert _rows(name) == [_without_money_digits(order) for order in script.make_orders()]


@pytest.mark.parametrize("name", ["orders.parquet", "orders.csv", "orders.ndjson"])
def test_columns_have_exactly_the_types_of_the_schema(name: str) -> None:
    """What coercion hands to the encoder are the Arrow types that stand for the schema, in its order."""
    schema, batches = _coerce(name)
    wanted = arrow_types(schema)
    for one in batches:
        assert one.batch.schema.names == list(wanted)
        for field in one.batch.schema:
            kind = field.type.value_type if str(field.type).startswith("dictionary") else field.type
            assert kind == wanted[field.name]


@pytest.mark.parametrize(
    ("name", "rejected"),
    [
        ("orders_bad.csv", [(3, "ragged"), (6, "ragged"), (202, "unclosed_quote")]),
        (
            "orders_bad.ndjson",
            [(2, "bad_json"), (5, "bad_json"), (8, "wrong_type"), (9, "not_an_object"), (204, "bad_json")],
        ),
    ],
)
def test_bad_rows_are_rejected_in_their_place(name: str, rejected: list[tuple[int, str]]) -> None:
    """Cases 5, 10 and 18: the 200 good orders arrive, the bad rows are named by their number in the file."""
    batches = _coerce(name)[1]
    assert [(bad.row, bad.reason) for one in batches for bad in one.rejects] == rejected
    numbers = [number for one in batches for number in one.row_numbers.tolist()]
    assert numbers == [number for number in range(200 + len(rejected)) if number not in dict(rejected)]


def test_the_files_are_what_the_script_writes(script: ModuleType) -> None:
    """The committed files are those of the committed script."""
    orders = script.make_orders()
    assert (_TESTDATA / "orders.csv").read_bytes() == script.to_csv(orders)
    assert (_TESTDATA / "orders.ndjson").read_bytes() == script.to_ndjson(orders)
    assert (_TESTDATA / "orders_bad.csv").read_bytes() == script.to_csv_with_bad_rows(orders[:200])
    assert (_TESTDATA / "orders_bad.ndjson").read_bytes() == script.to_ndjson_with_bad_lines(orders[:200])
    assert orders[0]["created_at"] > dt.datetime(2024, 2, 26, 6, tzinfo=dt.UTC)
