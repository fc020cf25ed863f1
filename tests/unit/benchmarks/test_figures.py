"""Figures, ratios and verdicts of the benchmarks."""

from __future__ import annotations

import pytest

from benchmarks.figures import AT_LEAST, AT_MOST, Figure, Target, interleaved, pairwise_ratios, ratio_figure


def test_ratios_are_taken_trial_by_trial() -> None:
    """A slow minute that hits both sides of a pair leaves its ratio as it is."""
    figure = ratio_figure("a / b", [10, 40, 90], [10, 20, 30], None, "records/s")
    assert figure.values == (1.0, 2.0, 3.0)
    assert figure.median == 2.0
    assert figure.detail == "40 against 20 records/s"


def test_ratios_need_as_many_trials_on_both_sides() -> None:
    """Trials that cannot be paired are a fault of the scenario."""
    with pytest.raises(ValueError, match="cannot be paired"):
        pairwise_ratios([1, 2], [1])


@pytest.mark.parametrize(
    ("relation", "bound", "values", "verdict"),
    [
        (AT_LEAST, 1.5, (1.5,), "met"),
        (AT_LEAST, 1.5, (1.49,), "missed"),
        (AT_MOST, 0.25, (0.25,), "met"),
        (AT_MOST, 0.25, (0.2, 0.26, 0.3), "missed"),
        (AT_MOST, 0.25, (0.9, 0.2, 0.21), "met"),
    ],
)
def test_the_median_decides_and_the_bound_counts_as_met(
    relation: str, bound: float, values: tuple[float, ...], verdict: str
) -> None:
    """One bad trial among good ones does not miss a target."""
    assert Figure("x", "×", values, Target(relation, bound)).verdict == verdict


def test_a_figure_without_target_has_no_verdict() -> None:
    """What is only told is neither met nor missed."""
    assert Figure("x", "s", (1.0,)).verdict == ""


def test_a_figure_needs_a_value() -> None:
    """A scenario that measured nothing must not print a number."""
    with pytest.raises(ValueError, match="no value"):
        Figure("x", "s", ())


def test_every_other_trial_runs_backwards() -> None:
    """So nobody always follows the same neighbour."""
    assert [interleaved(["a", "b", "c"], trial) for trial in range(3)] == [list("abc"), list("cba"), list("abc")]
