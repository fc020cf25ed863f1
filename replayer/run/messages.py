"""What the processes of a run tell each other: frozen values, over one single-writer pipe per direction.

An exception never travels: a child sends ``Failed``, and the supervisor makes an error of its own tree of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from replayer.coerce.options import RejectOptions
from replayer.encode.options import RecordOptions
from replayer.shm.layout import Layout

if TYPE_CHECKING:  # a worker imports this module, and must not load pyarrow
    from replayer.source.open import Source

ROW_BITS = 40
"""A source row is ``file index << 40 | row of the file``: two million files, a million million rows."""


def split_source_row(source_row: int) -> tuple[int, int]:
    """File index and row of a packed source row."""
    return source_row >> ROW_BITS, source_row & ((1 << ROW_BITS) - 1)


@dataclass(frozen=True)
class PipelineSetup:
    """How rows become encoded records: everything that the reader and a dry run have in common."""

    source: Source
    schema_text: str
    schema_where: str
    """Names the schema in errors: its file, or ``inferred schema``."""
    prefix: bytes
    key_prefix: bytes
    record: RecordOptions
    """Its columns by their names in the schema."""
    renames: tuple[tuple[str, str], ...]
    """Pairs (column of the dataset, field of the schema) where they differ."""
    rejects: RejectOptions
    max_record_bytes: int
    """The largest size of a record on the wire that the topic takes; larger ones are rejected."""
    run_id: str
    partition_count: int | None
    """None in a dry run, which asks no topic."""


@dataclass(frozen=True)
class ReaderSetup:
    """What the reader needs to know, once it has started."""

    layout: Layout
    pipeline: PipelineSetup
    rate_per_s: Fraction | None
    max_records: int | None
    duration_ns: int | None
    loops: int | None


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs to know, once it has started."""

    layout: Layout
    producer_name: str
    properties: tuple[tuple[str, str], ...]
    topic: str
    is_paced: bool


@dataclass(frozen=True)
class Dismissed:
    """To a child that is not needed: end now."""


@dataclass(frozen=True)
class Ready:
    """From a child that is set up: the run may start. ``cpu_ns`` is what it has cost so far."""

    cpu_ns: int


@dataclass(frozen=True)
class Listening:
    """From the embedded broker: where it listens."""

    bootstrap: str


@dataclass(frozen=True)
class FailedRows:
    """From a worker: consecutive source rows of one partition that were not delivered, for one reason."""

    first_source_row: int
    last_source_row: int
    partition: int
    outcome: int
    """``kafka.blocks.FAILED`` or ``UNKNOWN``."""
    error: str


@dataclass(frozen=True)
class FailuresListed:
    """From a worker: some of its failures, and how many more it does not list."""

    ranges: tuple[FailedRows, ...]
    not_listed: int


@dataclass(frozen=True)
class EncoderChosen:
    """From the reader at its start: which encoder the schema got, and why not the columnar one."""

    name: str
    fallback_reason: str


@dataclass(frozen=True)
class RejectTally:
    """From the reader: how often one column had rows rejected for one reason, and the first of them."""

    reason: str
    column: str
    count: int
    first_file_index: int
    first_row: int
    first_detail: str


@dataclass(frozen=True)
class RejectsCounted:
    """From the reader at its end; ``spent`` says why the rejects ended the run, empty when they did not."""

    tallies: tuple[RejectTally, ...]
    spent: str = ""


@dataclass(frozen=True)
class ReadingFailed:
    """From the reader: the dataset cannot be read on; what was read before that is still to be delivered."""

    message: str
    hint: str


@dataclass(frozen=True)
class Warned:
    """From a child: one line worth showing."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The last word of a child that did all it had to do."""


@dataclass(frozen=True)
class Failed:
    """The last word of a child that could not go on."""

    error_name: str
    message: str
    hint: str
    exit_code: int
    traceback_text: str


FromChild = (
    Ready | Listening | EncoderChosen | FailuresListed | RejectsCounted | ReadingFailed | Warned | Finished | Failed
)
