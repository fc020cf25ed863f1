"""The real Kafka that scenarios publish to: asked of scripts/services, and topics made and deleted on it."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).parent.parent / "scripts" / "services"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Services:
    """Where Kafka listens, and the folder of its jars."""

    bootstrap: str
    jars: str


@contextmanager
def running_services() -> Iterator[Services]:
    """Start Kafka unless it runs; at the end leave it as it was found."""
    was_up = subprocess.run([_SCRIPT, "status"], capture_output=True, check=False).returncode == 0
    started = subprocess.run([_SCRIPT, "up"], stdout=subprocess.PIPE, text=True, check=True)
    values = dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line)
    try:
        yield Services(*(shlex.split(values[name])[0] for name in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_JARS")))
    finally:
        if not was_up:
            subprocess.run([_SCRIPT, "down"], check=False)


@contextmanager
def fresh_topic(
    bootstrap: str, name: str, partition_count: int, config: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A topic that is there, with a leader for each partition, before the contender starts; deleted afterwards.

    ``name`` gets a suffix, because a topic that is being deleted keeps its name for a moment.
    """
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    topic = f"bench-{name}-{time.time_ns() // 1_000_000}"
    admin.create_topics([NewTopic(topic, partition_count, 1, config=dict(config or {}))])[topic].result(_TIMEOUT_S)
    try:
        _await_leaders(admin, topic, partition_count)
        yield topic
    finally:
        admin.delete_topics([topic])[topic].result(_TIMEOUT_S)


def _await_leaders(admin: object, topic: str, partition_count: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        partitions = admin.list_topics(topic, 5).topics[topic].partitions  # type: ignore[attr-defined]
        if len(partitions) == partition_count and all(one.leader >= 0 for one in partitions.values()):
            return
        time.sleep(0.05)
    raise RuntimeError(f"topic {topic} got no leaders within {_TIMEOUT_S:.0f} s")
