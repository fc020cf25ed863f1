"""How rejects are settled: where a run ends because of them, what is kept, and what it makes of the exit code."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from replayer.coerce.options import ErrorBudget, RejectOptions
from replayer.coerce.rejects import RejectedRow
from replayer.run.rejecting import Rejecting, Settled, verdict


def reject(row: int) -> RejectedRow:
    return RejectedRow(0, row, "a", "out_of_range", "expected int", "{}")


def settle(
    options: RejectOptions, records: list[int], rejects: list[int], records_left: int | None = None
) -> tuple[Settled, Rejecting]:
    rejecting = Rejecting(options, ["o.csv"])
    rejecting.add([reject(row) for row in rejects])
    return rejecting.settle(np.array(records, np.int64), records_left, is_kept=True), rejecting


@pytest.mark.parametrize(
    ("options", "records", "rejects", "left", "expected"),
    [
        # (records that count, rejects that count, rows that count)
        (RejectOptions(), [0, 1, 2], [], None, (3, 0, 3)),
        (RejectOptions(), [0, 2], [3, 1], None, (2, 2, 4)),
        (RejectOptions(policy="stop"), [0, 2, 4], [3, 1], None, (1, 1, 2)),
        (RejectOptions(policy="stop"), [1, 2], [0], None, (0, 1, 1)),
        (RejectOptions(budget=ErrorBudget(count=1)), [0, 2, 4], [3, 1], None, (2, 2, 4)),
        (RejectOptions(budget=ErrorBudget(count=2)), [0, 2, 4], [3, 1], None, (3, 2, 5)),
        # A limit ends the batch at its last record: rejects behind it were not read, and spend nothing.
        (RejectOptions(policy="stop"), [0, 1, 3], [2], 2, (2, 0, 2)),
        (RejectOptions(), [0, 1, 3, 5], [2, 4], 3, (3, 1, 4)),
        (RejectOptions(), [0, 1], [2], 0, (0, 0, 0)),
        (RejectOptions(), [], [0, 1], 5, (0, 2, 2)),
    ],
)
def test_how_far_a_batch_counts(
    options: RejectOptions,
    records: list[int],
    rejects: list[int],
    left: int | None,
    expected: tuple[int, int, int],
) -> None:
    """A run ends at the very row that was one too many, and rows = records + rejects."""
    settled, _ = settle(options, records, rejects, left)
    assert (settled.records, settled.rejected, settled.rows) == expected


def test_what_ends_a_run_says_where() -> None:
    """The row, the column and the reason of the last straw."""
    _, rejecting = settle(RejectOptions(policy="stop"), [0], [1_001])
    assert rejecting.spent == (
        "stopped at the first rejected row: o.csv, row 1,001, column a: out_of_range, expected int"
    )


def test_what_counts_is_what_is_kept(tmp_path: Path) -> None:
    """The file ends with the row that spent the budget, and the tallies agree with it."""
    path = tmp_path / "r.ndjson"
    _, rejecting = settle(RejectOptions(file=str(path), budget=ErrorBudget(count=1)), [0], [1, 2, 3, 4])
    rejecting.close()
    assert len(path.read_text().splitlines()) == 2
    assert [tally.count for tally in rejecting.tallies()] == [2]


HALF_PERCENT = ErrorBudget(share=Fraction(1, 200))


@pytest.mark.parametrize(
    ("options", "rows", "rejected", "spent", "message"),
    [
        (RejectOptions(), 100, 0, "", None),
        (RejectOptions(), 100, 1, "", "1 row was rejected"),
        (RejectOptions(policy="count"), 100, 99, "", None),
        (RejectOptions(policy="count"), 100, 100, "", "every row was rejected (100)"),
        (RejectOptions(budget=ErrorBudget(count=5)), 100, 5, "", None),
        (RejectOptions(budget=ErrorBudget(count=5)), 100, 6, "stopped: x", "stopped: x"),
        (RejectOptions(budget=HALF_PERCENT), 1_000, 5, "", None),
        (
            RejectOptions(budget=HALF_PERCENT),
            1_000,
            10,
            "",
            "1 % of 1,000 rows were rejected, --max-rejects allows 0.5%",
        ),
        (RejectOptions(policy="count", budget=HALF_PERCENT), 1_000, 5, "", None),
    ],
)
def test_the_verdict(options: RejectOptions, rows: int, rejected: int, spent: str, message: str | None) -> None:
    """Rejects make exit code 5 unless a budget or the policy allows them; a run without a single record always does."""
    error = verdict(options, rows, rejected, rows - rejected, spent)
    assert (error and error.message) == message
    assert error is None or error.exit_code == 5
