"""The embedded broker as a process: in the foreground for ``replayer broker``, or as a child of a run."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from replayer.kafka.embedded import MockCluster
from replayer.run.messages import Listening


@dataclass(frozen=True)
class CreateTopic:
    """To the embedded broker, which has no admin requests: create a topic."""

    name: str
    partition_count: int


def serve_child_broker(connection: Connection) -> None:
    """Run the embedded broker until the supervisor closes the connection."""
    cluster = MockCluster()
    try:
        connection.send(Listening(cluster.bootstrap))
        while True:
            request = connection.recv()
            cluster.create_topic(request.name, request.partition_count)
            connection.send(Listening(cluster.bootstrap))
    except EOFError:
        return
    finally:
        cluster.close()


def serve_broker(topics: Sequence[str], partition_count: int, listening: Callable[[str], None]) -> None:
    """Run the embedded broker in this process until SIGINT or SIGTERM.

    ``topics`` are created with ``partition_count`` partitions; ``listening`` is told the address once it accepts
    clients.
    """
    cluster = MockCluster()
    try:
        for topic in topics:
            cluster.create_topic(topic, partition_count)
        # Blocked before anyone knows the address, so that no signal falls between.
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        listening(cluster.bootstrap)
        signal.sigwait(signals)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    finally:
        cluster.close()
