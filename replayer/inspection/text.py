"""An inspection for people: two lines a column, the second saying why it is what it is."""

from __future__ import annotations

from replayer.inspection.model import Inspection
from replayer.report.escape import printable, shortened
from replayer.report.table import PLAIN, Paint, labelled, plural, table
from replayer.units import format_bytes, format_count

_CELL = 27


def render_inspection(found: Inspection, paint: Paint = PLAIN) -> str:
    """The whole text, ending in a newline."""
    parts = [_headline(found, paint), _columns(found, paint), _unfit(found, paint), _suggestions(found)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _headline(found: Inspection, paint: Paint) -> list[str]:
    named = printable(found.files[0])
    if len(found.files) > 1:
        named += f" and {plural(len(found.files) - 1, 'more file')}"
    seen = plural(found.rows, "row") if found.is_whole else f"the first {plural(found.rows, 'row')} were looked at"
    size = f"{format_bytes(found.size_bytes)}, " if found.size_bytes else ""  # standard input has none
    return [f"{paint.bold(named)}  {found.format}, {size}{seen}"]


def _columns(found: Inspection, paint: Paint) -> list[str]:
    rows = [["column", "type", "nulls", "min", "max", "examples"]]
    for one in found.columns:
        share = "-" if one.null_share is None else _percent(one.null_share)
        examples = shortened(", ".join(one.examples), 40)
        extremes = ["-" if value is None else shortened(value, _CELL) for value in (one.min, one.max)]
        rows.append([shortened(one.name, _CELL), one.type, share, *extremes, examples])
    lines = table(rows, "<<>>><")
    shown = [paint.bold(lines[0])]
    for line, one in zip(lines[1:], found.columns, strict=True):
        shown += [line, paint.dim(f"      {printable(one.evidence)}")]
    return shown


def _percent(share: float) -> str:
    return "0 %" if share == 0 else "100 %" if share == 1 else f"{min(max(share * 100, 0.01), 99.99):.3g} %"


def _unfit(found: Inspection, paint: Paint) -> list[str]:
    if not found.unfit:
        return []
    rows = [["unfit", "reason", "column", "first in", "row", "detail"]]
    rows += [
        [
            format_count(one.count), printable(one.reason), shortened(one.column, _CELL),
            shortened(one.first_file, 40), format_count(one.first_row), shortened(one.first_detail, 60),
        ]
        for one in found.unfit
    ]  # fmt: skip
    lines = table(rows, "><<<><")
    return [paint.bold(lines[0]), *lines[1:]]


def _suggestions(found: Inspection) -> list[str]:
    lines = []
    for label, suggestion in (("key", found.key), ("event time", found.event_time)):
        text = "no column suggests itself"
        if suggestion is not None:
            text = f"{printable(suggestion.column)}: {suggestion.reason}"
        lines.append(labelled(label, text))
    size = "no row" if found.record_bytes is None else f"{found.record_bytes:.1f} bytes on average, as Avro"
    return [*lines, labelled("record", size), *(labelled("note", printable(note)) for note in found.notes)]
