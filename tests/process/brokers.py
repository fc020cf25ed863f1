"""The embedded broker in the foreground, runs against it, and records read back with an ordinary consumer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from replayer.report.json import from_json
from replayer.report.model import RunReport

PROGRAM = [sys.executable, "-c", "import sys; from replayer.cli.entry import main; sys.exit(main())"]
# Services of the test run must not become the defaults of the commands under test.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("REPLAYER_", "KAFKA_")) and name != "SCHEMA_REGISTRY_URL"
}
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Broker:
    """An embedded broker that other processes can reach."""

    bootstrap: str

    def run(self, *words: str, expect: int = 0) -> RunReport:
        """Run the command with this broker; the report of a run that ended with exit code ``expect``."""
        done = subprocess.run(
            [*PROGRAM, "run", *words, "-b", self.bootstrap, "--output", "json", "--progress", "none"],
            capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT,
        )  # fmt: skip
        assert done.returncode == expect, done.stderr
        report = from_json(done.stdout)
        assert report.ledger.closes
        return report

    def read(self, topic: str) -> list[Message]:
        """All records of a topic, by partition and offset."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "test", "enable.auto.commit": False})
        try:
            partitions = sorted(consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions)
            ends = {
                partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)[1]
                for partition in partitions
            }
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            messages: list[Message] = []
            while len(messages) < sum(ends.values()):
                taken = consumer.consume(sum(ends.values()) - len(messages), timeout=TIMEOUT_S)
                assert taken, f"{len(messages)} of {sum(ends.values())} records came"
                assert not any(message.error() for message in taken)
                messages += taken
            return sorted(messages, key=lambda message: (message.partition() or 0, message.offset() or 0))
        finally:
            consumer.close()


@contextmanager
def embedded_broker(*topics: str, partitions: int = 3) -> Iterator[Broker]:
    """A broker with these topics, ended with the block."""
    words = [*PROGRAM, "broker", "--partitions", str(partitions)]
    words += [word for topic in topics for word in ("--topic", topic)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            yield Broker(process.stdout.readline().strip())
        finally:
            process.send_signal(signal.SIGINT)
