"""Growth of memory, CPU by role and the limiting stage, from hand-made samples."""

from __future__ import annotations

import pytest

from benchmarks.growth import growth
from benchmarks.processes import Sample, cores_by_role
from benchmarks.scenarios.text import limiting_stage


def test_a_flat_series_has_not_grown() -> None:
    """A peak during warm-up counts as peak, not as growth."""
    found = growth(range(100), [500] + [100] * 99)
    assert (found.first, found.last, found.peak, found.grown) == (100, 100, 500, 0)
    assert found.slope_per_s == pytest.approx(0)


def test_a_leak_shows_as_slope_and_growth() -> None:
    """Two units a second for 100 s, the first 10 s left out; medians of the first and last nine of 90 samples."""
    found = growth(range(100), [1000 + 2 * second for second in range(100)])
    assert found.slope_per_s == pytest.approx(2)
    assert found.grown == pytest.approx(2 * 81)
    assert found.middle == pytest.approx(1000 + 2 * 55)  # samples 51 to 59


@pytest.mark.parametrize(("step_at", "grown_late"), [(20, 0), (80, 7)])
def test_late_growth_is_that_of_the_second_half(step_at: int, grown_late: float) -> None:
    """A step in the first half is over and done with; one in the second half shows."""
    found = growth(range(100), [100.0] * step_at + [107.0] * (100 - step_at))
    assert (found.grown, found.grown_late) == (7, grown_late)


def test_one_odd_sample_does_not_make_growth() -> None:
    """The edges are medians."""
    assert growth(range(100), [100] * 99 + [900]).grown == 0


def test_too_few_samples_are_refused() -> None:
    """Nine points say nothing about ten minutes."""
    with pytest.raises(ValueError, match="at least 10"):
        growth(range(9), [1] * 9)


def _sample(at_s: float, role: str, cpu_s: float) -> Sample:
    return Sample(at_s, role, cpu_s, 0, 0, 0)


def test_cores_are_cpu_over_time_between_two_moments() -> None:
    """What a role spent before the first moment, its start-up, is not counted."""
    samples = [_sample(second, "worker", 5.0 + 0.1 * second) for second in range(11)]
    samples += [_sample(second, "reader", 0.2 * second) for second in range(3)]
    assert cores_by_role(samples, 2, 8) == {"worker": pytest.approx(0.1)}


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ({"read_ns": 6, "coerce_ns": 3, "encode_ns": 1, "place_ns": 1, "wait_ns": 10}, ("read", "reader")),
        (
            {"read_ns": 2, "coerce_ns": 3, "encode_ns": 1, "place_ns": 1, "wait_ns": 60},
            ("coerce", "workers and broker"),
        ),
    ],
)
def test_who_waits_most_of_the_time_does_not_limit(stages: dict[str, int], expected: tuple[str, str]) -> None:
    """A reader that waits for slots more than half of a run of 100 is not what limits it."""
    assert limiting_stage(stages, 100) == expected
