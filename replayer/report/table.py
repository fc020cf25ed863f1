"""Columns of text that line up, labelled lines, and the few colours of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replayer.units import format_count

NOT_MEASURED = "not measured"
_LABEL_WIDTH = 10


@dataclass(frozen=True)
class Paint:
    """Wraps text in colour, or leaves it alone where colour is not wanted."""

    is_coloured: bool = False

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_coloured and text else text

    def bold(self, text: str) -> str:
        """Headings."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Labels and what is not needed at first sight."""
        return self._wrap("2", text)

    def good(self, text: str) -> str:
        """All is well."""
        return self._wrap("1;32", text)

    def bad(self, text: str) -> str:
        """Something is wrong."""
        return self._wrap("1;31", text)

    def warn(self, text: str) -> str:
        """Something deserves a look."""
        return self._wrap("33", text)


PLAIN = Paint()


def table(rows: Sequence[Sequence[str]], alignment: str, indent: int = 2, gap: int = 2) -> list[str]:
    """Lines of ``rows`` with columns as wide as their widest cell.

    ``alignment`` has ``<`` or ``>`` for each column. No line ends in spaces.
    """
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(alignment))]
    lines = []
    for row in rows:
        cells = [f"{cell:{alignment[column]}{widths[column]}}" for column, cell in enumerate(row)]
        lines.append((" " * indent + (" " * gap).join(cells)).rstrip())
    return lines


def labelled(label: str, *parts: str) -> str:
    """One line: a label in a column of its own, then the parts that are not empty."""
    return f"  {label:<{_LABEL_WIDTH}}  {' · '.join(part for part in parts if part)}".rstrip()


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{format_count(count)} {noun}" if count == 1 else f"{format_count(count)} {noun}s"


def optional(value: float | None, show: Callable[[float], str]) -> str:
    """The value as ``show`` writes it, or that it was not measured."""
    return NOT_MEASURED if value is None else show(value)
