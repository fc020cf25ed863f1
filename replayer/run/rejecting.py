"""Rejected rows of a run: settled batch by batch against the budget, kept, counted, and judged at the end.

A run that its budget ends, ends at the very row that was one too many: what comes behind it in the same RecordBatch
counts as not read, so that the outcome does not depend on how a dataset falls into RecordBatches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from replayer.coerce.budget import BudgetWatch
from replayer.coerce.options import WINDOW_ROWS, ErrorBudget, RejectOptions
from replayer.coerce.rejects import RejectedRow, RejectsFile
from replayer.errors import BudgetSpentError
from replayer.run.messages import RejectTally

_STOP = ErrorBudget(count=0)


@dataclass(frozen=True)
class Settled:
    """What of one RecordBatch counts, once its rejects are settled."""

    records: int
    """How many of its records, from the first."""
    rejected: int
    rows: int
    """How many of its rows, from the first."""


class Rejecting:
    """Collects the rejects of each RecordBatch and settles them; ``spent`` says why the run must end, if it must."""

    def __init__(self, options: RejectOptions, files: Sequence[str]) -> None:
        """Open the file. Raises UsageError when rejects could not be kept."""
        self._options, self._files = options, tuple(files)
        self._keeper = RejectsFile(options.file, files) if options.file else None
        budget = _STOP if options.policy == "stop" else options.budget
        self._watch = BudgetWatch(budget) if budget is not None else None
        self._waiting: list[RejectedRow] = []
        self._tallies: dict[tuple[str, str], RejectTally] = {}
        self._rows_read = 0
        self._count = 0
        self.spent = ""

    def add(self, rejects: Sequence[RejectedRow]) -> None:
        """Rejects of the current RecordBatch, in any order."""
        self._waiting += rejects

    def settle(self, record_rows: npt.NDArray[np.int64], records_left: int | None, *, is_kept: bool) -> Settled:
        """Decide how far the current RecordBatch counts.

        ``record_rows`` are the row numbers of its records, rising; ``records_left`` is how many more the run may have:
        what is behind the last of them counts as not read. ``is_kept`` says whether rejects go to the file.
        """
        records = len(record_rows)
        if not self._waiting and (records_left is None or records < records_left):
            self._rows_read += records
            return Settled(records, 0, records)
        rejects = sorted(self._waiting, key=lambda reject: reject.row)
        self._waiting = []
        reject_rows = np.array([reject.row for reject in rejects], np.int64)
        if records_left is not None and records >= records_left:
            records = records_left
            last = int(record_rows[records - 1]) if records else -1
            rejects = rejects[: int(np.searchsorted(reject_rows, last))]
            reject_rows = reject_rows[: len(rejects)]
        if self._watch is not None and rejects:
            # A reject's place among all rows: the rejects before it and the records before it.
            before = np.arange(len(rejects)) + np.searchsorted(record_rows, reject_rows)
            spent_at = self._watch.take(self._rows_read + before)
            if spent_at is not None:
                rejects = rejects[: spent_at + 1]
                records = int(np.searchsorted(record_rows[:records], reject_rows[spent_at]))
                self._say_spent(rejects)
        self._note(rejects, is_kept=is_kept)
        self._rows_read += records + len(rejects)
        return Settled(records, len(rejects), records + len(rejects))

    def _say_spent(self, rejects: Sequence[RejectedRow]) -> None:
        last = rejects[-1]
        file = self._files[last.file_index]
        column = f", column {last.column}" if last.column else ""
        place = f"{file}, row {last.row:,}{column}: {last.reason}, {last.detail}"
        budget = self._options.budget
        if self._options.policy == "stop":
            self.spent = f"stopped at the first rejected row: {place}"
        elif budget is not None and budget.share is not None:
            window = f"of {WINDOW_ROWS:,} rows in a row"
            self.spent = f"stopped: more than {budget} {window} were rejected, the last {place}"
        else:
            self.spent = (
                f"stopped: {self._count + len(rejects):,} rows were rejected, {budget} are allowed; the last {place}"
            )

    def _note(self, rejects: Sequence[RejectedRow], *, is_kept: bool) -> None:
        self._count += len(rejects)
        for reject in rejects:
            place = (reject.reason, reject.column)
            known = self._tallies.get(place)
            if known is None:
                self._tallies[place] = RejectTally(
                    reject.reason, reject.column, 1, reject.file_index, reject.row, reject.detail
                )
            else:
                self._tallies[place] = replace(known, count=known.count + 1)
        if self._keeper is not None and is_kept and rejects:
            self._keeper.write(rejects)

    def tallies(self) -> tuple[RejectTally, ...]:
        """Rejects by reason and column, most first."""
        return tuple(sorted(self._tallies.values(), key=lambda tally: -tally.count))

    def close(self) -> None:
        """Close the file. Raises UsageError when its last rows cannot be written."""
        if self._keeper is not None:
            self._keeper.close()


def verdict(
    options: RejectOptions, rows_read: int, rejected: int, encoded: int, spent: str, *, is_dry: bool = False
) -> BudgetSpentError | None:
    """What the rejects of a whole run make of it: None when there are none, or no more than were allowed."""
    if not rejected:
        return None
    hint = f"see {options.file}" if options.file else "keep them with --rejects-file FILE"
    would = "would be" if is_dry else "were"
    if spent:
        return BudgetSpentError(spent, hint)
    budget = options.budget
    if not encoded:
        return BudgetSpentError(f"every row {'would be' if is_dry else 'was'} rejected ({rejected:,})", hint)
    if budget is not None:
        if not BudgetWatch(budget).is_overdrawn(rejected, rows_read):
            return None
        share = f"{rejected / rows_read * 100:.3g} % of {rows_read:,} rows"
        return BudgetSpentError(f"{share} {would} rejected, --max-rejects allows {budget}", hint)
    if options.policy == "count":
        return None
    rows = "1 row" if rejected == 1 else f"{rejected:,} rows"
    return BudgetSpentError(f"{rows} {'would be' if is_dry else 'was' if rejected == 1 else 'were'} rejected", hint)
