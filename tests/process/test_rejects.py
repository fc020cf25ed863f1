"""Rejected rows of whole runs: budgets that end them, files that keep them, and rows that are mended and replayed."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Consumer, TopicPartition

from replayer.report.json import from_json
from replayer.report.model import RunReport
from replayer.schema.infer import infer_schema
from replayer.source.discover import discover
from replayer.source.open import open_source, take_sample
from replayer.source.options import SourceOptions
from tests.process.test_command_line import ENVIRONMENT, PROGRAM, ROOT, replayer

pytestmark = pytest.mark.process

TESTDATA = ROOT / "testdata"
AMOUNTS = {
    "type": "record",
    "name": "Row",
    "fields": [{"name": "id", "type": "long"}, {"name": "amount", "type": "int"}],
}


def run(*words: str, expect: int) -> RunReport:
    done = replayer("run", *words, "--output", "json")
    assert done.returncode == expect, done.stderr
    report = from_json(done.stdout)
    assert report.ledger.closes
    return report


@pytest.fixture
def broker() -> Iterator[str]:
    """An embedded broker that several runs share, with one partition."""
    words = [*PROGRAM, "broker", "--topic", "orders", "--partitions", "1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)


def consume(bootstrap: str, schema: Any) -> list[dict[str, Any]]:
    """All values of the topic, decoded by fastavro."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    place = TopicPartition("orders", 0, 0)
    wanted = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign([place])
    values: list[dict[str, Any]] = []
    while len(values) < wanted:
        messages = consumer.consume(wanted - len(values), timeout=10)
        assert messages
        values += [fastavro.schemaless_reader(io.BytesIO(one.value()[5:]), schema, None) for one in messages]  # type: ignore[misc]
    consumer.close()
    return values


@pytest.fixture
def amounts(tmp_path: Path) -> Path:
    (tmp_path / "row.avsc").write_text(json.dumps(AMOUNTS))
    return tmp_path


@pytest.mark.parametrize(
    ("every", "options", "read", "rejected", "ending"),
    [
        (100, ["--max-rejects", "0.5%"], 5_001, 51, "ndjson"),
        (1, ["--max-rejects", "0.5%"], 51, 51, "parquet"),
        (100, ["--max-rejects", "7"], 701, 8, "parquet"),
        (1, ["--on-reject", "stop"], 1, 1, "ndjson"),
        (100, ["--max-rejects", "1%"], 30_000, 300, "ndjson"),
    ],
)
def test_case_37_a_budget_ends_a_run(
    amounts: Path, every: int, options: list[str], read: int, rejected: int, ending: str
) -> None:
    """Case 37: with 1 % and 100 % bad rows the run stops at the row that is one too many with exit code 5.

    The file holds every rejected row and no more; everything before that row is delivered.
    """
    lines = [f"{row},{'x' if row % every == 0 else row}" for row in range(30_000)]
    (amounts / "rows.csv").write_text("\n".join(["id,amount", *lines]) + "\n")
    kept = amounts / f"rejects.{ending}"
    expect = 0 if read == 30_000 else 5
    words = [str(amounts / "rows.csv"), "--schema", str(amounts / "row.avsc"), "--rejects-file", str(kept), *options]
    report = run(*words, expect=expect)
    source = report.ledger.source
    assert (source.rows_read, source.rejected, report.ledger.delivered) == (read, rejected, read - rejected)
    rows = (
        pq.read_table(kept).to_pylist()
        if ending == "parquet"
        else [json.loads(line) for line in kept.read_text().splitlines()]
    )
    assert [row["row"] for row in rows] == list(range(0, read, every))
    assert {(row["column"], row["reason"]) for row in rows} == {("amount", "not_an_integer")}
    assert [row["raw"] for row in rows] == [lines[row["row"]] for row in rows]


def test_counted_rejects_are_a_success(amounts: Path) -> None:
    """--ignore-parse-errors counts by reason and column, keeps nothing and exits with 0."""
    (amounts / "rows.csv").write_text("id,amount\n1,1\n2,x\nz,3\n4\n5,y\n")
    words = [str(amounts / "rows.csv"), "--schema", str(amounts / "row.avsc"), "--ignore-parse-errors"]
    report = run(*words, expect=0)
    assert [(one.reason, one.column, one.count) for one in report.rejects] == [
        ("not_an_integer", "amount", 2),
        ("not_an_integer", "id", 1),
        ("ragged", "", 1),
    ]
    assert sorted(path.name for path in amounts.iterdir()) == ["row.avsc", "rows.csv"]


def mend(raw: str) -> str:
    """What a person does with an editor: correct what is wrong in the row."""
    return raw.replace("lots", "3").replace("2024-02-30", "2024-02-29").replace(",too many", "")


def break_rows(lines: list[str]) -> list[str]:
    """Three rows broken in ways that ``mend`` corrects, one of them not even a row of its own any more."""
    broken = list(lines)
    columns = broken[1].split(",")
    broken[1] = ",".join("lots" if name == "quantity" else value for name, value in zip(HEADER, columns, strict=True))
    columns = broken[2].split(",")
    broken[2] = ",".join(
        "2024-02-30" if name == "delivery_date" else value for name, value in zip(HEADER, columns, strict=True)
    )
    broken[3] += ",too many"
    return broken


HEADER = (TESTDATA / "orders.csv").read_text().splitlines()[0].split(",")


def test_rows_of_csv_are_mended_and_replayed(broker: str, tmp_path: Path) -> None:
    """The raw rows of a rejects file, mended below the header, make the topic what an unbroken dataset makes it."""
    header, *lines = (TESTDATA / "orders.csv").read_text().splitlines()[:60]
    broken = break_rows(lines)
    (tmp_path / "orders.csv").write_text("\n".join([header, *broken]) + "\n")
    schema = infer_schema(take_sample(open_source(discover(SourceOptions((str(TESTDATA / "orders.csv"),))))), "orders")
    (tmp_path / "orders.avsc").write_text(json.dumps(schema))
    kept = tmp_path / "rejects.ndjson"
    common = ["-b", broker, "-t", "orders", "--schema", str(tmp_path / "orders.avsc")]
    report = run(str(tmp_path / "orders.csv"), *common, "--rejects-file", str(kept), expect=5)
    assert report.ledger.source.rejected == 3
    raws = [json.loads(line)["raw"] for line in kept.read_text().splitlines()]
    (tmp_path / "mended.csv").write_text("\n".join([header, *map(mend, raws)]) + "\n")
    run(str(tmp_path / "mended.csv"), *common, expect=0)
    received = {row["order_id"]: row for row in consume(broker, fastavro.parse_schema(schema))}
    wanted = {row["order_id"]: row for row in pq.read_table(TESTDATA / "orders.parquet").to_pylist()[:59]}
    assert received.keys() == wanted.keys()
    compared = ("customer", "sku", "currency", "created_at", "is_gift", "discount")
    for order, row in received.items():
        assert [row[name] for name in compared] == [wanted[order][name] for name in compared]
    assert [received[key]["quantity"] for key in (list(wanted)[1],)] == [3]


def test_rows_of_parquet_are_replayed_as_json(broker: str, tmp_path: Path) -> None:
    """Typed rows are kept as JSON that means the same: decimals, instants, dates, nested records and lists."""
    path = TESTDATA / "orders.parquet"
    schema = infer_schema(take_sample(open_source(discover(SourceOptions((str(path),))))), "orders")
    strict = json.loads(json.dumps(schema))
    for field in strict["fields"]:
        if field["name"] == "sku":  # no row fits
            field["type"] = {"type": "enum", "name": "Never", "symbols": ["never"]}
            del field["default"]
    (tmp_path / "strict.avsc").write_text(json.dumps(strict))
    (tmp_path / "orders.avsc").write_text(json.dumps(schema))
    kept = tmp_path / "rejects.ndjson"
    common = ["-b", broker, "-t", "orders"]
    words = [str(path), *common, "--schema", str(tmp_path / "strict.avsc"), "--rejects-file", str(kept)]
    run(*words, expect=5)
    raws = [json.loads(line)["raw"] for line in kept.read_text().splitlines()]
    (tmp_path / "mended.ndjson").write_text("\n".join(raws) + "\n")
    run(str(tmp_path / "mended.ndjson"), *common, "--schema", str(tmp_path / "orders.avsc"), expect=0)
    assert consume(broker, fastavro.parse_schema(schema)) == pq.read_table(path).to_pylist()
