"""Which producer a run uses, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from replayer.errors import ReplayerError, UsageError
from replayer.kafka.blocks import Blocks, RecordProducer, Tallies

STATISTICS = "statistics.interval.ms"
_IDEMPOTENCE = "enable.idempotence"


def gets_producer_id(properties: Mapping[str, str]) -> bool:
    """Whether a client with these properties gets a producer id, and says so in its statistics."""
    return properties.get(_IDEMPOTENCE, "false") == "true" and properties.get(STATISTICS, "0") != "0"


def has_producer_id(statistics: str | bytes) -> bool:
    """Whether librdkafka's statistics (JSON, see its STATISTICS.md) say that the producer id has come."""
    state = json.loads(statistics).get("eos", {}).get("idemp_state")
    return bool(state == "Assigned")


@dataclass(frozen=True)
class ProducerChoice:
    """The producer's name, the reason for it, and the version of librdkafka behind it."""

    name: str
    reason: str
    librdkafka_version: str


def choose_producer(wanted: str) -> ProducerChoice:
    """Resolve ``auto``, ``native`` or ``portable``.

    Raises UsageError when ``native`` is asked for by name and librdkafka's symbols cannot be reached.
    """
    from confluent_kafka import libversion

    version = libversion()[0]
    if wanted == "portable":
        return ProducerChoice("portable", "asked for with --producer", version)
    try:
        _check_native()
    except ReplayerError as error:
        if wanted == "native":
            raise
        return ProducerChoice("portable", f"the native producer cannot be used: {error.message}", version)
    reason = "asked for with --producer" if wanted == "native" else f"librdkafka {version} can be called directly"
    return ProducerChoice("native", reason, version)


def _check_native() -> None:
    from replayer.kafka.library import load_library

    if sys.maxsize < 2**32 or sys.byteorder != "little" or not sys.platform.startswith(("linux", "darwin")):
        raise UsageError("it needs a 64-bit little-endian Linux or macOS", "use --producer portable")
    load_library()


def make_producer(
    name: str, properties: Mapping[str, str], topic: str, blocks: Blocks, tallies: Tallies, timeout_s: float = 10.0
) -> RecordProducer:
    """The producer called ``native`` or ``portable``; see their constructors for the errors."""
    if name == "native":
        from replayer.kafka.native import NativeProducer

        return NativeProducer(properties, topic, blocks, tallies, timeout_s)
    from replayer.kafka.client import PortableProducer

    return PortableProducer(properties, topic, blocks, tallies, timeout_s)
