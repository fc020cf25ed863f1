"""When the rejects of a run are too many: pure, numbers in and a place out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from replayer.coerce.options import WINDOW_ROWS, ErrorBudget


class BudgetWatch:
    """Follows the rejected rows of one run and finds the first that is one too many.

    A number holds for the whole run. A share holds for each window of WINDOW_ROWS consecutive rows, of which the first
    counts as full from its first row on; what that lets through in a shorter run, ``is_overdrawn`` sees at its end.
    """

    def __init__(self, budget: ErrorBudget) -> None:
        self._allowed = budget.rows_allowed
        self._window = None if budget.share is None else WINDOW_ROWS
        self._share = budget.share
        self._last = np.zeros(0, np.int64)  # the places of the last rejects, as many as one window may hold
        self._count = 0

    def take(self, places: npt.NDArray[np.int64]) -> int | None:
        """The index in ``places`` of the row that is one too many, None while all are allowed.

        ``places`` (int64, rising) are those of newly rejected rows among all rows of the run, from 0.
        """
        if self._window is None:
            spent_at = self._allowed - self._count
            self._count += len(places)
            return spent_at if spent_at < len(places) else None
        known = np.concatenate([self._last, places])
        allowed = self._allowed
        self._last = known[max(0, len(known) - allowed) :]
        # Row i is one too many when the reject that many before it lies in the same window.
        is_spent = known[allowed:] - known[: len(known) - allowed] < self._window if len(known) > allowed else []
        found = np.flatnonzero(is_spent)
        return int(found[0]) + allowed - (len(known) - len(places)) if len(found) else None

    def is_overdrawn(self, rejected: int, rows_read: int) -> bool:
        """Whether more than the share of all rows was rejected; of a number ``take`` has seen it already."""
        return self._share is not None and rejected > self._share * rows_read
