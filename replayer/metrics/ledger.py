"""The ledger of a run: counts from independent counters, and the checks that they agree.

::

    rows read   = filtered + rejected + records encoded                         (per source; counted by the reader)
    handed over = delivered + failed + unknown + not_sent (+ dropped_late)      (per topic-partition)
    proof       : delivered <= end offset after - end offset before <= delivered + unknown   (asked of the broker)

No count here is computed as a remainder of the others, or the ledger would close always. The one exception is the death
of a worker: what it had attempted and not seen reported is *unknown*, and what it had never attempted is *not sent*;
both follow from counters in shared memory that survive it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceCounts:
    """What the reader counted for one source: rows in, and where they went."""

    rows_read: int = 0
    filtered: int = 0
    rejected: int = 0
    encoded: int = 0
    not_handed_over: int = 0
    """Encoded, and still in the reader when the run stopped."""


@dataclass(frozen=True)
class PartitionCounts:
    """What happened to the records of one topic-partition, summed over workers."""

    partition: int
    handed_over: int = 0
    attempted: int = 0
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    not_sent: int = 0
    dropped_late: int = 0
    delivered_bytes: int = 0
    end_offset_before: int | None = None
    end_offset_after: int | None = None

    @property
    def offset_delta(self) -> int | None:
        """How far the end offset moved during the run; None where it was not asked."""
        if self.end_offset_before is None or self.end_offset_after is None:
            return None
        return self.end_offset_after - self.end_offset_before


@dataclass(frozen=True)
class Ledger:
    """The run's books: ``faults`` names each equation that does not hold; empty means that they close."""

    source: SourceCounts
    handed_over: int
    attempted: int
    delivered: int
    failed: int
    unknown: int
    not_sent: int
    dropped_late: int
    broker_confirmed: int | None
    """Sum of end-offset deltas, or None when the broker could not be asked."""
    foreign_records: int
    """Records beyond delivered + unknown that the broker has: another writer was at work."""
    faults: tuple[str, ...]

    @property
    def closes(self) -> bool:
        """True when every equation holds."""
        return not self.faults

    @property
    def is_complete(self) -> bool:
        """True when every record that was encoded is known to be on the broker."""
        return self.closes and self.delivered == self.source.encoded

    @property
    def proof(self) -> str:
        """``exclusive``, ``foreign writers`` or ``not asked``: what the end offsets say."""
        if self.broker_confirmed is None:
            return "not asked"
        return "foreign writers" if self.foreign_records else "exclusive"


def _partition_faults(counts: PartitionCounts) -> list[str]:
    faults = []
    where = f"partition {counts.partition}"
    accounted = counts.delivered + counts.failed + counts.unknown + counts.not_sent + counts.dropped_late
    if counts.handed_over != accounted:
        faults.append(
            f"{where}: handed over {counts.handed_over:,}, but delivered {counts.delivered:,} "
            f"+ failed {counts.failed:,} + unknown {counts.unknown:,} + not sent {counts.not_sent:,} "
            f"+ dropped late {counts.dropped_late:,} = {accounted:,}"
        )
    reported = counts.delivered + counts.failed + counts.unknown
    if counts.attempted != reported:
        faults.append(f"{where}: attempted {counts.attempted:,}, but outcomes are known for {reported:,}")
    delta = counts.offset_delta
    if delta is not None and delta < counts.delivered:
        faults.append(f"{where}: {counts.delivered:,} acknowledged, but the end offset moved by {delta:,} only")
    return faults


def close_ledger(source: SourceCounts, partitions: Sequence[PartitionCounts]) -> Ledger:
    """Add up the partitions, check every equation and name those that do not hold."""
    faults = []
    if source.rows_read != source.filtered + source.rejected + source.encoded:
        faults.append(
            f"rows read {source.rows_read:,}, but filtered {source.filtered:,} + rejected {source.rejected:,} "
            f"+ encoded {source.encoded:,}"
        )
    handed_over = sum(counts.handed_over for counts in partitions)
    if source.encoded != handed_over + source.not_handed_over:
        faults.append(
            f"encoded {source.encoded:,}, but handed over {handed_over:,} "
            f"+ left in the reader {source.not_handed_over:,}"
        )
    foreign_records = 0
    for counts in partitions:
        faults += _partition_faults(counts)
        delta = counts.offset_delta
        if delta is not None:
            foreign_records += max(0, delta - counts.delivered - counts.unknown)
    deltas = [counts.offset_delta for counts in partitions]
    known = [delta for delta in deltas if delta is not None]
    return Ledger(
        source=source,
        handed_over=handed_over,
        attempted=sum(counts.attempted for counts in partitions),
        delivered=sum(counts.delivered for counts in partitions),
        failed=sum(counts.failed for counts in partitions),
        unknown=sum(counts.unknown for counts in partitions),
        not_sent=sum(counts.not_sent for counts in partitions),
        dropped_late=sum(counts.dropped_late for counts in partitions),
        broker_confirmed=sum(known) if len(known) == len(deltas) else None,
        foreign_records=foreign_records,
        faults=tuple(faults),
    )
