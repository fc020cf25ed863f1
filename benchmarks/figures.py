"""What a scenario finds out: figures, each a median over trials, with the target that it is held against.

Pure: numbers in, numbers out. A verdict is shown, never asserted.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

AT_LEAST, AT_MOST = "≥", "≤"


@dataclass(frozen=True)
class Target:
    """What a figure shall be: ``relation`` is ``≥`` or ``≤``."""

    relation: str
    value: float

    def is_met_by(self, measured: float) -> bool:
        """Whether a measured value is on the right side, the bound included."""
        return measured >= self.value if self.relation == AT_LEAST else measured <= self.value


@dataclass(frozen=True)
class Figure:
    """One measured quantity. ``values`` has one entry a trial; what counts is their median."""

    name: str
    unit: str
    """``×`` for a ratio, else a unit such as ``records/s`` or ``µs``."""
    values: tuple[float, ...]
    target: Target | None = None
    detail: str = ""
    """The two medians behind a ratio, or what the figure means."""

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"figure {self.name!r} has no value")

    @property
    def median(self) -> float:
        """The figure itself."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or empty without a target."""
        if self.target is None:
            return ""
        return "met" if self.target.is_met_by(self.median) else "missed"


@dataclass(frozen=True)
class Outcome:
    """All that one scenario measured."""

    settings: dict[str, Any]
    """What was the same for every contender, and what was not."""
    trials: list[dict[str, Any]]
    """One dictionary a trial, with each contender's own numbers."""
    figures: list[Figure]
    notes: list[str] = field(default_factory=list)


def pairwise_ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """The ratio of each trial: what ran one after the other is compared, so that a slow minute hits both sides."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} trials cannot be paired with {len(theirs)}")
    return tuple(our / their for our, their in zip(ours, theirs, strict=True))


def ratio_figure(
    name: str, ours: Sequence[float], theirs: Sequence[float], target: Target | None, unit: str, digits: int = 0
) -> Figure:
    """A ratio pair by pair, with both medians as its detail."""
    our, their = statistics.median(ours), statistics.median(theirs)
    detail = f"{our:,.{digits}f} against {their:,.{digits}f} {unit}"
    return Figure(name, "×", pairwise_ratios(ours, theirs), target, detail)


def interleaved(contenders: Sequence[str], trial: int) -> list[str]:
    """The order of one trial: every other trial runs backwards, so that nobody always follows the same neighbour."""
    return list(contenders) if trial % 2 == 0 else list(reversed(contenders))
