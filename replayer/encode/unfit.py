"""Rows that fit the schema and still make no record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Unfit:
    """Rows of a RecordBatch that are to be rejected, for one reason."""

    rows: npt.NDArray[np.bool_]
    """True where a row is meant."""
    column: str
    reason: str
    """A short code, as those of coercion."""
    detail: str
