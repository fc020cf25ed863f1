"""``replayer inspect``: what a dataset holds, column by column, and why each is what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from replayer.cli.reading import dataset_options, source_options
from replayer.cli.wiring import Wiring
from replayer.settings.words import default_topic

if TYPE_CHECKING:
    from replayer.inspection.model import Inspection


@click.command()
@click.argument("dataset", nargs=-1, required=True)
@dataset_options
@click.option(
    "--infer", type=click.Choice(["full", "fast"]), default="full", help="Look at every row, or at the first 64 MiB."
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="A table, or all of it as JSON.")
@click.option("--avsc", is_flag=True, help="Print the inferred Avro schema instead, to keep and to edit.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
@click.pass_obj
def inspect(
    wiring: Wiring, /, dataset: tuple[str, ...], infer: str, output: str, avsc: bool, **typed: str | None
) -> None:
    """Read DATASET and print each column's Avro type with the evidence, its nulls, range and examples.

    Nothing is written and nothing is sent.
    """
    found = inspection_of(dataset, typed, is_whole=infer == "full")
    if avsc:
        wiring.stdout.write(avsc_text(found.schema).encode())
    elif output == "json":
        import dataclasses

        document = {"version": 1, **dataclasses.asdict(found)}
        wiring.stdout.write((json.dumps(document, indent=2) + "\n").encode())
    else:
        from replayer.inspection.text import render_inspection
        from replayer.report.table import Paint

        paint = Paint(is_coloured=wiring.stdout.isatty() and not wiring.environment.get("NO_COLOR"))
        wiring.stdout.write(render_inspection(found, paint).encode("utf-8", "backslashreplace"))
    wiring.stdout.flush()


def inspection_of(
    dataset: tuple[str, ...], typed: dict[str, Any], *, is_whole: bool, name: str | None = None
) -> Inspection:
    """What the dataset holds; its record is called like its topic would be."""
    from replayer.inspection.inspect import inspect as read

    options = source_options(dataset, typed)
    return read(options, name or default_topic(dataset) or "record", is_whole=is_whole)


def avsc_text(schema: dict[str, Any]) -> str:
    """A schema as a file of its own."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
