"""Which columns of a dataset are read. Standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from replayer.errors import DatasetError


def choose_columns(names: Sequence[str], projection: Sequence[str] | None, path: str) -> list[str]:
    """The names asked for, in the order of the file; all when ``projection`` is None.

    Raises DatasetError for a column that does not exist, unless the dataset is empty and so has no columns at all.
    """
    if projection is None or not names:
        return list(names)
    for wanted in projection:
        if wanted not in names:
            close = difflib.get_close_matches(wanted, names, 1, 0.5)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise DatasetError(f"{path} has no column {wanted!r}", f"{hint}its columns: {', '.join(names)}")
    return [name for name in names if name in projection]
