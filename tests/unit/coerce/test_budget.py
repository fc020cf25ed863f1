"""The error budget: which rejected row is one too many."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayer.coerce.budget import BudgetWatch
from replayer.coerce.options import WINDOW_ROWS, ErrorBudget, parse_budget
from replayer.errors import UsageError


def spent_at(budget: ErrorBudget, places: list[int], cuts: list[int]) -> int | None:
    """The index of the row that is one too many, given in several pieces."""
    watch = BudgetWatch(budget)
    for first, end in zip([0, *cuts], [*cuts, len(places)], strict=True):
        found = watch.take(np.array(places[first:end], np.int64))
        if found is not None:
            return first + found
    return None


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("0", ErrorBudget(count=0)),
        ("100", ErrorBudget(count=100)),
        ("1_000", ErrorBudget(count=1000)),
        ("0.5%", ErrorBudget(share=Fraction(1, 200))),
        ("1 %", ErrorBudget(share=Fraction(1, 100))),
        ("100%", ErrorBudget(share=Fraction(1))),
    ],
)
def test_a_budget_is_a_number_or_a_share(text: str, budget: ErrorBudget) -> None:
    """Shares are exact: half a percent is one in two hundred."""
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "%", "1e3", "5 percent", "٣"])
def test_other_budgets_are_refused(text: str) -> None:
    """A fraction of a row, more than all rows and what is no number."""
    with pytest.raises(UsageError, match="no number of rows"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("budget", "places", "expected"),
    [
        (ErrorBudget(count=0), [5], 0),
        (ErrorBudget(count=2), [5, 900_000], None),
        (ErrorBudget(count=2), [5, 900_000, 900_001, 900_002], 2),
        (ErrorBudget(share=Fraction(0)), [70_000], 0),
        # 0.5 % of a window of 10,000 rows are 50: the 51st within one is too many, wherever the window lies.
        (ErrorBudget(share=Fraction(1, 200)), list(range(50)), None),
        (ErrorBudget(share=Fraction(1, 200)), list(range(51)), 50),
        (ErrorBudget(share=Fraction(1, 200)), [*range(50), WINDOW_ROWS - 1], 50),
        (ErrorBudget(share=Fraction(1, 200)), [*range(50), WINDOW_ROWS], None),
        (ErrorBudget(share=Fraction(1, 200)), list(range(0, 10**6, 200)), None),
        (ErrorBudget(share=Fraction(1, 200)), list(range(0, 10**6, 100)), 50),
    ],
)
def test_the_row_that_is_one_too_many(budget: ErrorBudget, places: list[int], expected: int | None) -> None:
    """A number holds for the whole run, a share for every 10,000 rows in a row."""
    assert spent_at(budget, places, []) == expected


@given(
    st.lists(st.integers(0, 60_000), unique=True, max_size=80).map(sorted),
    st.integers(0, 30),
    st.lists(st.integers(0, 80), max_size=4),
)
def test_pieces_do_not_matter(places: list[int], allowed: int, cuts: list[int]) -> None:
    """Rejects given in any pieces spend the budget at the row at which looking at every window says so."""
    budget = ErrorBudget(share=Fraction(allowed, WINDOW_ROWS))
    expected = next(
        (
            index
            for index, place in enumerate(places)
            if sum(place - WINDOW_ROWS < other <= place for other in places) > allowed
        ),
        None,
    )
    assert spent_at(budget, places, sorted(min(cut, len(places)) for cut in cuts)) == expected


def test_a_short_run_is_judged_as_a_whole() -> None:
    """Ten bad rows of a thousand fit into a window, and are over half a percent at the end."""
    watch = BudgetWatch(ErrorBudget(share=Fraction(1, 200)))
    assert watch.take(np.arange(10)) is None
    assert watch.is_overdrawn(10, 1_000)
    assert not watch.is_overdrawn(5, 1_000)
