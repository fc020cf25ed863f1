"""The commands by name: each in a module of its own, imported when it is used."""

from __future__ import annotations

import difflib
import importlib

import click

COMMANDS = {
    "run": ("replayer.cli.run", "Publish a dataset's rows to a topic, and prove what arrived."),
    "plan": ("replayer.cli.plan", "Say what a run would do, and show its first records."),
    "inspect": ("replayer.cli.inspect", "Show what a dataset holds, and the schema that fits it."),
    "init": ("replayer.cli.init", "Write a project file and a schema for a dataset."),
    "config": ("replayer.cli.config", "Print the settings that hold here, and where they come from."),
    "broker": ("replayer.cli.broker", "Run the embedded broker in the foreground."),
}
"""Name → module that holds a click command of the same name, and its line in the help."""


class CommandGroup(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown command names the nearest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            error = click.UsageError(f"there is no command {name!r}", ctx=ctx)
            error.possibilities = close  # type: ignore[attr-defined]
            raise error
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
def replayer() -> None:
    r"""Replay datasets into Kafka as typed records, at an exact rate, and prove from the broker what arrived.

    \b
    replayer run orders.parquet                     to an embedded broker
    replayer run orders.parquet -b host:9092        to a cluster
    replayer --version
    """
