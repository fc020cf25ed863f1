"""What a user can say about the Kafka client. Light to import: the command line needs it before it does anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KafkaOptions:
    """Which cluster, with which properties, through which producer."""

    bootstrap: str = ""
    """``host:port[,host:port…]``; empty starts the embedded broker."""
    properties: tuple[tuple[str, str], ...] = ()
    """librdkafka properties from -F and -X, in that order of strength, without the bootstrap address."""
    create_partitions: int | None = None
    """Partitions of a topic to create; None expects the topic to be there."""
    producer: str = "auto"
    """``auto``, ``native`` or ``portable``."""
