"""What was typed about the make-up of a record, as RecordOptions. Light to import, as options.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from replayer.encode.options import (
    HEADER_ORIGINS,
    HEADERS_MAX,
    JSON_TIMESTAMPS,
    KEY_FORMATS,
    PARTITIONERS,
    TIMESTAMP_UNITS,
    VALUE_FORMATS,
    HeaderRule,
    RecordOptions,
    TimestampOptions,
    TombstoneRule,
)
from replayer.errors import UsageError


def parse_columns(text: str) -> tuple[str, ...]:
    """Names of columns between commas, each once."""
    columns = tuple(column.strip() for column in text.split(","))
    if not all(columns):
        raise UsageError(f"{text!r} names an empty column", "write it like customer_id or country,city")
    doubled = sorted({column for column in columns if columns.count(column) > 1})
    if doubled:
        raise UsageError(f"{text!r} names {', '.join(doubled)} more than once")
    return columns


def parse_headers(text: str) -> tuple[HeaderRule, ...]:
    """Headers, one a line: ``name=text``, ``name={column}``, or ``name={@run}``, ``{@file}``, ``{@row}``.

    Braces are doubled where the text itself has them at both ends.
    """
    rules = tuple(_header(line) for line in text.split("\n") if line.strip())
    if len(rules) > HEADERS_MAX:
        raise UsageError(f"{len(rules)} headers are too many", f"a record has at most {HEADERS_MAX}")
    return rules


def _header(line: str) -> HeaderRule:
    name, equals, value = line.partition("=")
    name = name.strip()
    if not equals or not name:
        raise UsageError(f"{line!r} is not name=value", "write it like source=replay, or region={region} for a column")
    if value.startswith("{{") and value.endswith("}}"):
        return HeaderRule(name, "text", value[1:-1])
    if not value.startswith("{") or not value.endswith("}"):
        return HeaderRule(name, "text", value)
    inner = value[1:-1].strip()
    if inner.startswith("@"):
        if inner[1:] not in HEADER_ORIGINS:
            known = ", ".join(f"{{@{origin}}}" for origin in HEADER_ORIGINS)
            raise UsageError(f"{value!r} is nothing that is known of a record", f"there are {known}")
        return HeaderRule(name, inner[1:])
    if not inner:
        raise UsageError(f"{line!r} names no column", "write region={region}, or braces={{}} for the text {}")
    return HeaderRule(name, "column", inner)


def parse_tombstone(text: str) -> TombstoneRule:
    """``COLUMN`` for a boolean column, or ``COLUMN=VALUE``."""
    column, equals, value = text.partition("=")
    if not column.strip() or (equals and not value):
        raise UsageError(f"{text!r} is no condition", "write it like deleted, or op=DELETE")
    return TombstoneRule(column.strip(), value if equals else None)


def _text(text: str) -> str:
    if not text.strip():
        raise UsageError("the value is empty", "give a value or leave the option out")
    return text.strip()


RECORD_OPTIONS: tuple[tuple[str, str, Callable[[str], Any] | tuple[str, ...]], ...] = (
    ("--key", "streams.key.columns", parse_columns),
    ("--key-format", "streams.key.format", KEY_FORMATS),
    ("--partitioner", "streams.partition.by", PARTITIONERS),
    ("--partition-col", "streams.partition.column", _text),
    ("--tombstone-if", "streams.value.tombstone_if", parse_tombstone),
    ("--value-format", "streams.value.format", VALUE_FORMATS),
    ("--json-timestamps", "streams.value.timestamps", JSON_TIMESTAMPS),
    ("--header", "streams.headers", parse_headers),
    ("--timestamp-col", "streams.timestamp.column", _text),
    ("--timestamp-unit", "streams.timestamp.unit", TIMESTAMP_UNITS),
    ("--timestamp-zone", "streams.timestamp.zone", _text),
)
"""Flag, key in the configuration file, and the parser or the words that there are."""


def record_options(values: Mapping[str, Any]) -> RecordOptions:
    """The options from parsed values by the names of ``config.Option``. Raises UsageError where two do not agree."""
    column, unit, zone = (values.get(f"timestamp_{name}") for name in ("col", "unit", "zone"))
    if column is None and (unit is not None or zone is not None):
        flag = "--timestamp-unit" if unit is not None else "--timestamp-zone"
        raise UsageError(f"{flag} says how a column is read, but none is named", "add --timestamp-col COLUMN")
    value_format = values.get("value_format", "avro")
    if value_format != "json" and "json_timestamps" in values:
        raise UsageError("--json-timestamps is for JSON values", "add --value-format json, or leave it out")
    if "key_format" in values and "key" not in values:
        raise UsageError("--key-format says how a key is written, but there is none", "add --key COLUMN")
    if "partitioner" in values and "partition_col" in values:
        raise UsageError("--partitioner and --partition-col both choose the partition", "keep one of the two")
    if "tombstone_if" in values and "key" not in values:
        raise UsageError("--tombstone-if needs a key: a tombstone says which key is gone", "add --key COLUMN")
    return RecordOptions(
        key_columns=values.get("key", ()),
        key_format=values.get("key_format", "string"),
        timestamp=None if column is None else TimestampOptions(column, unit, zone),
        headers=values.get("header", ()),
        tombstone=values.get("tombstone_if"),
        value_format=value_format,
        partitioner=values.get("partitioner", "murmur2"),
        partition_column=values.get("partition_col"),
        json_timestamps=values.get("json_timestamps", "iso"),
    )
