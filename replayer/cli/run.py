"""``replayer run``: a dataset to a topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from replayer.cli.progress import Progress, make_progress
from replayer.cli.reading import as_texts
from replayer.cli.wiring import Wiring
from replayer.config import Resolved, RunConfig, resolve
from replayer.report.model import RunReport
from replayer.settings.environment import look_around
from replayer.settings.project import read_project

_EPILOG = "What a run does, except -X, can also be set in the environment: REPLAYER_MAX_RECORDS for --max-records."


@click.command(epilog=_EPILOG)
@click.argument("dataset", nargs=-1)
@click.option("-b", "--bootstrap-server", metavar="HOST:PORT", help="Kafka's address. Default: the embedded broker.")
@click.option("-t", "--topic", metavar="NAME", help="Topic to publish to. Default: the dataset's base name.")
@click.option("-X", "overrides", multiple=True, metavar="KEY=VALUE", help="Any librdkafka property; repeatable.")
@click.option("-F", "--command-config", metavar="FILE", help="Java-style .properties file for the client.")
@click.option("--env-file", metavar="FILE", help="Variables that the environment does not set. Default: .env.")
@click.option("--registry-url", metavar="URL", help="Schema registry. Default: ids are kept in the process.")
@click.option("--create-topic", metavar="partitions=N", help="Create the topic if it is missing.")
@click.option("--workers", metavar="N", help="Producer processes. Default: from the cores.")
@click.option("--producer", metavar="auto|native|portable", help="How librdkafka is called. Default: auto.")
@click.option("--format", metavar="NAME", help="parquet, arrow, csv, tsv, json, ndjson, json-array. Default: by name.")
@click.option("--json-lines", is_flag=True, help="The same as --format ndjson.")
@click.option("--json-array", is_flag=True, help="The same as --format json-array.")
@click.option("--columns", metavar="COLUMN[,COLUMN]", help="Columns of the dataset to read. Default: all.")
@click.option("--union-schemas", is_flag=True, default=None, help="Files may lack columns that others have.")
@click.option("--encoding", metavar="NAME", help="Encoding of text files. Default: found by looking.")
@click.option("--delimiter", metavar="CHARACTER", help="Between CSV fields: a character, or tab. Default: found.")
@click.option("--quote", metavar="CHARACTER", help="Around CSV fields: a character, or none. Default: found.")
@click.option(
    "--header-row", metavar="yes|no", help="Whether the first CSV row has the columns' names. Default: found."
)
@click.option("--null-words", metavar="WORD[,WORD]", help="Unquoted CSV fields that mean null, besides the empty one.")
@click.option("--infer", metavar="fast|full", help="Infer from the first 64 MiB, or from every row. Default: fast.")
@click.option("--schema", metavar="FILE", help="Avro schema file. Default: inferred from the dataset.")
@click.option("--key", metavar="COLUMN[,COLUMN]", help="Columns of the record key. Default: no key.")
@click.option("--key-format", metavar="string|json|avro|raw", help="What keys are. Default: string.")
@click.option("--partitioner", metavar="murmur2|crc32|round-robin", help="How partitions are chosen. Default: murmur2.")
@click.option("--partition-col", metavar="COLUMN", help="Column of the partition, instead of a partitioner.")
@click.option("--tombstone-if", metavar="COLUMN[=VALUE]", help="Rows that become a null value.")
@click.option("--value-format", metavar="avro|json", help="What values are. Default: avro.")
@click.option("--json-timestamps", metavar="iso|epoch", help="Timestamps in JSON values. Default: iso.")
@click.option(
    "--header",
    multiple=True,
    metavar="NAME=VALUE",
    help="A record header; {column}, {@run}, {@file} and {@row} are filled in; repeatable.",
)
@click.option(
    "--timestamp-col", metavar="COLUMN", help="Column of the record timestamp. Default: the time of the send."
)
@click.option("--timestamp-unit", metavar="s|ms|us|ns", help="What a column of numbers counts since 1970.")
@click.option("--timestamp-zone", metavar="ZONE", help="Zone of dates and of timestamps without one, like UTC.")
@click.option("--on-reject", metavar="keep|count|stop", help="What becomes of rows that do not fit. Default: keep.")
@click.option("--ignore-parse-errors", "on_reject", flag_value="count", help="The same as --on-reject count.")
@click.option("--max-rejects", metavar="N|P%", help="End the run when more rows are rejected. Default: no limit.")
@click.option("--rejects-file", metavar="FILE", help="Keep rejected rows here: NDJSON, or Parquet by its ending.")
@click.option("--rate", metavar="RATE", help="Records per second, like 100k or 1.5M/s. Default: max.")
@click.option("--max-records", "--max-messages", metavar="COUNT", help="Stop after this many accepted records.")
@click.option("--duration", metavar="TIME", help="Stop after this time, like 30s or 5m.")
@click.option("--loop", is_flag=True, default=None, help="Read the dataset again and again.")
@click.option("--loops", metavar="N", help="Read the dataset N times. Default: 1.")
@click.option("--dry-run", is_flag=True, default=None, help="Read, fit and encode everything; publish nothing.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json puts the report on stdout.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "json", "none"]),
    default="auto",
    help="auto redraws one line on a terminal; json writes NDJSON to stderr.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Show the reason of each choice, every partition and worker.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
@click.pass_obj
def run(
    wiring: Wiring,
    /,
    dataset: tuple[str, ...],
    overrides: tuple[str, ...],
    env_file: str | None,
    output: str,
    progress: str,
    quiet: bool,
    verbose: bool,
    **typed: Any,
) -> int:
    """Publish every row of DATASET (files, folders or globs of Parquet, Arrow, CSV and JSON; .gz and .zst too).

    Without -b an embedded broker is started. The summary goes to stderr, the report to stdout with --output json.
    """
    resolved = resolved_run(wiring, dataset, overrides, env_file, typed)
    display = make_progress(
        progress,
        wiring.stderr,
        wiring.environment,
        wiring.now_ns,
        is_quiet=quiet,
        is_verbose=verbose,
    )
    for note in resolved.notes:
        display.note(note)
    try:
        report = _report_of(resolved.config, wiring, display)
    finally:
        display.finish()
    if output == "json":
        from replayer.report.json import to_json

        wiring.stdout.write(to_json(report))
        wiring.stdout.flush()
    else:
        display.report(report)
    return report.exit_code


def _report_of(config: RunConfig, wiring: Wiring, display: Progress) -> RunReport:
    return (wiring.dry_run if config.dry_run else wiring.run)(config, display)


def resolved_run(
    wiring: Wiring,
    dataset: tuple[str, ...],
    overrides: tuple[str, ...],
    env_file: str | None,
    typed: Mapping[str, Any],
) -> Resolved:
    """What was typed, together with the environment and the project file. Raises ConfigurationError."""
    surroundings = look_around(wiring.environment, env_file, wiring.folder())
    return resolve(dataset, overrides, as_texts(typed), surroundings, read_project(wiring.folder()))
