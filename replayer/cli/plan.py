"""``replayer plan``: what a run would do, without doing any of it."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

import click

from replayer.cli.progress import make_progress
from replayer.cli.run import resolved_run, run
from replayer.cli.wiring import Wiring
from replayer.errors import UsageError
from replayer.report.escape import printable, shortened
from replayer.report.table import labelled, plural
from replayer.units import format_bytes, format_count, format_duration, format_rate

if TYPE_CHECKING:
    from replayer.run.preview import Preview, RecordShown, SchemaPlan

_NOT_HERE = ("dry_run", "progress", "quiet", "verbose", "output")
_HEX_SHOWN = 64


@click.command()
@click.option("--show", metavar="N", default="0", help="Show the first N records: row, key, partition, bytes, decoded.")
@click.option("--full", is_flag=True, help="Read, fit and encode every row, as run --dry-run.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="Lines for people, or JSON.")
@click.pass_obj
def plan(
    wiring: Wiring,
    /,
    dataset: tuple[str, ...],
    overrides: tuple[str, ...],
    env_file: str | None,
    show: str,
    full: bool,
    output: str,
    **typed: Any,
) -> int:
    """Say what run would do with the same words: rows, bytes, time, topic and schema. Nothing is sent or created."""
    if not show.isdecimal() or int(show) > 1_000:
        raise UsageError(f"--show {show!r} is not a number of records", "give a whole number up to 1000")
    resolved = resolved_run(wiring, dataset, overrides, env_file, typed)
    for note in resolved.notes:
        print(f"note: {printable(note)}", file=wiring.stderr)
    found = wiring.preview(resolved.config, int(show))
    if output == "json":
        import dataclasses

        text = json.dumps(_finite({"version": 1, **dataclasses.asdict(found)}), indent=2, default=_text) + "\n"
    else:
        text = "\n".join(_lines(found)) + "\n"
    wiring.stdout.write(text.encode("utf-8", "backslashreplace"))
    wiring.stdout.flush()
    if not full:
        return 0
    display = make_progress("auto", wiring.stderr, wiring.environment, wiring.now_ns, is_quiet=False, is_verbose=False)
    try:
        report = wiring.dry_run(resolved.config, display)
    finally:
        display.finish()
    display.report(report)
    return report.exit_code


plan.params = [
    *(one for one in run.params if one.name not in _NOT_HERE),
    *plan.params,
]


def _lines(found: Preview) -> list[str]:
    about = "" if found.is_exact else "about "
    rows = "rows not known" if found.row_count is None else about + plural(found.row_count, "row")
    named = printable(found.files[0]) + (f" and {len(found.files) - 1} more" if len(found.files) > 1 else "")
    topic, schema = found.topic, found.schema
    size = format_bytes(found.size_bytes) if found.size_bytes else ""  # standard input has none
    where = topic.bootstrap or "the embedded broker"
    state = "would be created" if topic.is_new else "is there"
    lines = [
        labelled("dataset", named, ", ".join(found.formats), size, rows),
        labelled("records", *_records(found)),
        labelled("schema", printable(schema.origin), *_registered(schema)),
        labelled("encoder", schema.encoder, printable(schema.fallback_reason)),
        labelled("topic", f"{printable(topic.name)} {state}", plural(topic.partition_count, "partition"), where),
        labelled("rate", format_rate(found.rate_per_s), _duration(found)),
    ]
    if found.sampled_rejects:
        seen = format_count(found.sampled_rows)
        lines.append(
            labelled("rejects", f"{plural(found.sampled_rejects, 'row')} of the first {seen} would be rejected")
        )
    lines += [labelled("note", printable(note)) for note in found.notes]
    for shown in found.records:
        lines += ["", *_record(shown)]
    return lines


def _registered(schema: SchemaPlan) -> list[str]:
    ids = ((schema.subject, schema.schema_id), (schema.key_subject, schema.key_schema_id))
    named = [
        f"{printable(subject)} " + ("would be registered" if schema_id is None else f"id {schema_id}")
        for subject, schema_id in ids
        if subject is not None
    ]
    return [*named, "no registry" if schema.registry is None else f"{schema.registry} registry"]


def _records(found: Preview) -> list[str]:
    if found.record_count is None:
        parts = ["without end" if found.row_count is not None else "count not known"]
    else:
        is_exact = found.is_exact and not found.sampled_rejects
        parts = [("" if is_exact else "about ") + plural(found.record_count, "record")]
    if found.value_bytes is not None and found.key_bytes is not None:
        size = found.value_bytes + found.key_bytes
        parts.append(f"{size:.1f} bytes each (key {found.key_bytes:.1f})")
        if found.record_count is not None:
            parts.append(f"about {format_bytes(size * found.record_count)}")
    return parts


def _duration(found: Preview) -> str:
    if found.rate_per_s is None:
        return "as fast as it goes"
    return "" if found.duration_s is None else f"takes {format_duration(found.duration_s * 1e9)}"


def _record(shown: RecordShown) -> list[str]:
    size = len(shown.value_hex) // 2
    bytes_shown = shown.value_hex[:_HEX_SHOWN] + ("…" if len(shown.value_hex) > _HEX_SHOWN else "")
    partition = "any" if shown.partition is None else str(shown.partition)
    timestamp = [] if shown.timestamp_ms is None else [f"timestamp {shown.timestamp_ms} ms"]
    return [
        f"  row {format_count(shown.row)} of {printable(shown.file)}",
        labelled("  source", shortened(json.dumps(shown.source, ensure_ascii=False, default=_text), 400)),
        labelled("  key", "none" if shown.key is None else printable(shown.key), f"partition {partition}", *timestamp),
        labelled("  bytes", f"{bytes_shown} ({size})".strip()),
        labelled("  decoded", shortened(json.dumps(shown.value, ensure_ascii=False, default=_text), 400)),
    ]


def _finite(value: Any) -> Any:
    """The same with NaN and infinities as text: JSON has no word for them."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
