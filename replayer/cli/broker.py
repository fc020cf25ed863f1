"""``replayer broker``: the embedded broker in the foreground."""

from __future__ import annotations

import contextlib

import click

from replayer.cli.wiring import Wiring
from replayer.settings.words import parse_partition_count, parse_topic


@click.command()
@click.option("--partitions", default="6", metavar="N", help="Partitions of each topic. Default: 6.")
@click.option("--topic", "topics", multiple=True, metavar="NAME", help="Create this topic at once; repeatable.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
@click.pass_obj
def broker(wiring: Wiring, /, partitions: str, topics: tuple[str, ...]) -> None:
    """Run the embedded broker (librdkafka's mock cluster) until Ctrl-C, and print its address on stdout.

    It keeps the last 5 MB of each partition in memory, and has no authentication, no TLS and no topic administration.
    """
    count = parse_partition_count(partitions)
    names = tuple(parse_topic(topic) for topic in topics)

    def listening(bootstrap: str) -> None:
        wiring.stdout.write(f"{bootstrap}\n".encode())
        wiring.stdout.flush()
        print(f"the embedded broker listens on {bootstrap}; Ctrl-C ends it", file=wiring.stderr)

    # Ctrl-C is how it is meant to end, so it is not an error.
    with contextlib.suppress(KeyboardInterrupt):
        wiring.serve_broker(names, count, listening)
