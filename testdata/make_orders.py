"""Writes the orders of a small shop, the same at every call: ``python testdata/make_orders.py``.

2,000 orders with what real exports have: names in several scripts, article numbers with leading zeros, missing values,
money as decimals, instants with a zone, dates, UUIDs, and in the nested formats an address and the items of each order.
The same rows are written as Parquet, CSV and NDJSON, plain and compressed, and 200 of them with bad rows in between.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import random
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).resolve().parent
ORDER_COUNT = 2_000
SEED = 20_240_229

_NAMES = (
    "Anna Schäfer",
    "José García",
    "Zoë O'Neill",
    "Łukasz Wójcik",
    "Ingrid Åkesson",
    "Ольга Иванова",
    "王小明",
    "佐藤 花子",
    "محمد علي",
    "Θεόδωρος Παππάς",
    "Nguyễn Văn An",
    "Søren Kierk",
    "Emma Brown",
    'Liam "Lee" Smith',
    "Noah, Jr. Miller",
    "Mia 🚲 Rossi",
    "Çağla Yılmaz",
    "Renée Dubois",
    "Mats van den Berg",
    "Siobhán Ní Bhriain",
)
_CITIES = (
    ("Berlin", "DE", "10115"),
    ("Zürich", "CH", "8001"),
    ("Kraków", "PL", "31-001"),
    ("Boston", "US", "02108"),
    ("東京", "JP", "100-0001"),
    ("São Paulo", "BR", "01000-000"),
)
_CURRENCIES = ("EUR", "USD", "CHF", "PLN")
_STATUSES = ("PLACED", "PAID", "SHIPPED", "RETURNED")
_START = dt.datetime(2024, 2, 26, 6, 0, tzinfo=dt.UTC)

_ADDRESS = pa.struct(
    [("street", pa.string()), ("city", pa.string()), ("postcode", pa.string()), ("country", pa.string())]
)
_ITEM = pa.struct([("sku", pa.string()), ("quantity", pa.int32()), ("unit_price", pa.decimal128(10, 2))])
SCHEMA = pa.schema(
    [
        pa.field("order_id", pa.int64(), nullable=False),
        ("customer", pa.string()),
        ("sku", pa.string()),
        ("quantity", pa.int32()),
        ("price", pa.decimal128(10, 2)),
        ("currency", pa.string()),
        ("status", pa.string()),
        ("created_at", pa.timestamp("us", "UTC")),
        ("delivery_date", pa.date32()),
        ("request_id", pa.string()),
        ("is_gift", pa.bool_()),
        ("discount", pa.float64()),
        ("address", _ADDRESS),
        ("items", pa.list_(_ITEM)),
    ]
)


def make_orders(count: int = ORDER_COUNT) -> list[dict[str, Any]]:
    """Orders in the order in which they were placed, as Python values."""
    draw = random.Random(SEED)
    orders = []
    created = _START
    for index in range(count):
        created += dt.timedelta(microseconds=int(draw.expovariate(1 / 90e6)) + 1)
        items = [_make_item(draw) for _ in range(draw.choice((0, 1, 1, 1, 2, 3)))]
        city, country, postcode = draw.choice(_CITIES)
        orders.append(
            {
                # Beyond 2^53 from the first: a double would round them.
                "order_id": 9_007_199_254_740_993 + index,
                "customer": draw.choice(_NAMES),
                "sku": f"{draw.randrange(10**5):07d}",
                "quantity": None if draw.random() < 0.08 else draw.randrange(1, 20),
                "price": Decimal(draw.randrange(100, 50_000)) / 100,
                "currency": draw.choice(_CURRENCIES),
                "status": draw.choice(_STATUSES),
                "created_at": created,
                "delivery_date": None if draw.random() < 0.1 else (created + dt.timedelta(draw.randrange(1, 9))).date(),
                "request_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
                "is_gift": None if draw.random() < 0.05 else draw.random() < 0.2,
                "discount": None if draw.random() < 0.5 else draw.randrange(1, 200) / 8,
                "address": None
                if draw.random() < 0.05
                else {
                    "street": f"{draw.randrange(1, 200)} Main St",
                    "city": city,
                    "postcode": postcode,
                    "country": country,
                },
                "items": items,
            }
        )
    return orders


def _make_item(draw: random.Random) -> dict[str, Any]:
    return {
        "sku": f"{draw.randrange(10**5):07d}",
        "quantity": draw.randrange(1, 6),
        "unit_price": Decimal(draw.randrange(100, 20_000)) / 100,
    }


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return str(value)


def _quoted(text: str) -> str:
    needs_quotes = any(one in text for one in ',"\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


def to_csv(orders: list[dict[str, Any]]) -> bytes:
    """The flat columns below a header row, each row ended by a newline."""
    columns = [name for name in SCHEMA.names if name not in ("address", "items")]
    lines = [",".join(columns)]
    lines += [",".join(_quoted(_as_text(order[name])) for name in columns) for order in orders]
    return ("\n".join(lines) + "\n").encode()


def to_ndjson(orders: list[dict[str, Any]]) -> bytes:
    """One object a line: money as numbers, times as ISO text, nulls left out in every other row."""
    lines = []
    for order in orders:
        kept = {name: value for name, value in order.items() if value is not None or order["order_id"] % 2}
        lines.append(json.dumps(kept, default=_as_json, ensure_ascii=False, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def _as_json(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else _as_text(value)


def to_csv_with_bad_rows(orders: list[dict[str, Any]]) -> bytes:
    """The CSV with a short row (3), a long row (6) and a quote that never closes at the end."""
    lines = to_csv(orders).decode().splitlines()
    lines.insert(4, "9007199254740992,too,short")
    lines.insert(7, lines[6] + ",one,too many")
    return ("\n".join(lines) + '\n9007199254800000,"never closed,1,2\n').encode()


def to_ndjson_with_bad_lines(orders: list[dict[str, Any]]) -> bytes:
    """The NDJSON with a comma too many (2), two objects (5), text for a number (8), a null (9), a cut-off end."""
    lines = to_ndjson(orders).decode().splitlines()
    lines.insert(2, '{"order_id":1,}')
    lines.insert(5, '{"order_id":2}{"order_id":3}')
    lines.insert(8, '{"order_id":"5"}')
    lines.insert(9, "null")
    return ("\n".join(lines) + '\n{"order_id":4,"customer":"cut o').encode()


def to_parquet(orders: list[dict[str, Any]]) -> bytes:
    """Two row groups, Snappy, dictionaries where the writer finds them useful."""
    sink = io.BytesIO()
    table = pa.Table.from_pylist(orders, schema=SCHEMA)
    pq.write_table(table, sink, row_group_size=len(orders) // 2, compression="snappy")
    return sink.getvalue()


def main() -> None:
    """Write all files beside this script."""
    orders = make_orders()
    text, lines = to_csv(orders), to_ndjson(orders)
    files = {
        "orders.parquet": to_parquet(orders),
        "orders.csv": text,
        "orders.csv.gz": gzip.compress(text, 9, mtime=0),
        "orders.ndjson": lines,
        "orders.ndjson.zst": pa.Codec("zstd", compression_level=19).compress(lines, asbytes=True),
        "orders_bad.csv": to_csv_with_bad_rows(orders[:200]),
        "orders_bad.ndjson": to_ndjson_with_bad_lines(orders[:200]),
    }
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
