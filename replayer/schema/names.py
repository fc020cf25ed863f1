"""Names that Avro allows, made from names that it may not. Standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from replayer.errors import SchemaError

_TYPES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
"""Names that Avro has taken."""
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_]")


def avro_names(columns: Sequence[str], where: str = "the dataset") -> dict[str, str]:
    """Field name by column name, in order: the same columns always give the same names.

    Accents are dropped (``Größe`` → ``Gro_e``), what Avro forbids becomes ``_``, a leading digit gets ``_`` before it,
    an empty name becomes ``column_3`` by its place. Where two would be the same, columns that need no change keep their
    name and the others get ``_2``, ``_3``. Raises SchemaError when two columns have the same name.
    """
    for place, column in enumerate(columns):
        if column in columns[:place]:
            first = list(columns).index(column) + 1
            raise SchemaError(
                f"{where}: columns {first} and {place + 1} are both called {column!r}", "rename one of them in the file"
            )
    taken = {column for column in columns if _plain(column, 0) == column}
    names: dict[str, str] = {}
    for place, column in enumerate(columns):
        name = _plain(column, place)
        if name != column:
            stem, count = name, 1
            while name in taken:
                count += 1
                name = f"{stem}_{count}"
            taken.add(name)
        names[column] = name
    return names


def renamed(names: dict[str, str]) -> dict[str, str]:
    """Only those whose field is called differently than the column, to show."""
    return {column: name for column, name in names.items() if column != name}


def record_name(text: str) -> str:
    """A record's name from a topic or a file: ``orders.v1`` → ``orders_v1``, ``long`` → ``long_``, never empty."""
    name = _plain(text, 0) if text else "record"
    return f"{name}_" if name in _TYPES else name


def _plain(text: str, place: int) -> str:
    if not text:
        return f"column_{place + 1}"
    ascii_text = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    plain = _FORBIDDEN.sub("_", ascii_text)
    return f"_{plain}" if plain[0].isdigit() else plain
