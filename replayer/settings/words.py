"""Parsers of single options: from the text that was typed or written to a checked value, or to a UsageError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from replayer.errors import UsageError
from replayer.settings.faults import did_you_mean

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")
_DATA_SUFFIX = re.compile(
    r"(\.(parquet|parq|pq|arrows?|ipc|feather|csv|tsv|ndjson|jsonl|json|avro|gz|zst|zstd))+\Z", re.IGNORECASE
)
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def one_of(*words: str) -> Callable[[str], str]:
    """A parser that takes one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise UsageError(f"{text!r} is not one of {', '.join(words)}", did_you_mean(text, words))
        return text

    return parse


def boolean(text: str) -> bool:
    """True or false in the words of environment files."""
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise UsageError(f"{text!r} is neither true nor false", "write true or false")
    return value


def worker_count(text: str) -> int:
    """A whole number from 1 to 256."""
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise UsageError(f"{text!r} is not a number of workers", "give a whole number from 1 to 256")
    return int(text)


def parse_topic(text: str) -> str:
    """The name, if Kafka allows it."""
    if not _TOPIC.match(text) or text in (".", ".."):
        raise UsageError(
            f"{text!r} is not a topic's name", "topics have 1 to 249 letters, digits, dots, dashes and underscores"
        )
    return text


def parse_partition_count(text: str) -> int:
    """A whole number from 1 to 100,000."""
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise UsageError(f"{text!r} is not a partition count", "give a whole number from 1 to 100,000, like 6")
    return int(text)


def create_topic(text: str) -> int:
    """The partition count in ``partitions=N``."""
    partitions: int | None = None
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name.strip() != "partitions":
            raise UsageError(f"{name.strip()!r} is not a setting of a new topic", "write partitions=6")
        if not equals:
            raise UsageError(f"{part!r} gives no partition count", "write partitions=6")
        partitions = parse_partition_count(value.strip())
    assert partitions is not None  # split never returns an empty list
    return partitions


def existing_file(text: str) -> str:
    """The path, if there is a file."""
    if text.startswith("registry:"):
        raise UsageError(f"{text!r}: a schema is taken from a file only", "save the schema as FILE.avsc and name that")
    if not Path(text).is_file():
        raise UsageError(f"there is no file {text!r}", "check the path")
    return text


def not_empty(text: str) -> str:
    """The text without blanks around it, if anything is left."""
    if not text.strip():
        raise UsageError("the value is empty", "give a value or leave the option out")
    return text.strip()


def default_topic(paths: Sequence[str]) -> str | None:
    """The dataset's base name as a topic, None if unclear: ``data/orders.csv.gz``, ``orders/*.csv`` give ``orders``."""
    names = set()
    for path in paths:
        name = _DATA_SUFFIX.sub("", Path(path).name)
        if not name.strip("*?.") or (name.startswith("[") and name.endswith("]")):
            name = Path(path).parent.name
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", re.sub(r"\[[^]]*\]|[*?]+", "", name)).strip("._-")
        names.add(name[:249])
    return names.pop() if len(names) == 1 and "" not in names else None
