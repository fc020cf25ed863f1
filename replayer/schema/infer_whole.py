"""An Avro schema from all rows of a dataset, in bounded memory: what the whole table would give, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from replayer.schema.infer import fits_exactly, infer_schema
from replayer.schema.text import TextCandidates, TextKind


class WholeInference:
    """Takes RecordBatches one after the other; ``schema`` is that of all of them."""

    def __init__(self, schema: pa.Schema, name: str) -> None:
        """``schema`` is the source's, with its mark of text; ``name`` becomes the record's."""
        self._schema, self._name = schema, name
        self._texts: dict[str, TextCandidates] = {}
        self._exact: dict[tuple[str, str], bool] = {}

    def take(self, batch: pa.RecordBatch) -> None:
        """More rows. Raises SchemaError for types that Avro cannot hold."""
        columns = [_plain(column) for column in batch.columns]
        table = pa.Table.from_arrays(columns, schema=self._schema)
        infer_schema(table, self._name, observed=self)

    def schema(self) -> dict[str, Any]:
        """The record schema, as JSON, that holds every row taken so far."""
        return infer_schema(self._schema.empty_table(), self._name, observed=self)

    def text_type(self, path: str, texts: Any, kind: TextKind) -> Any:
        """See Observed."""
        candidates = self._texts.setdefault(path, TextCandidates(kind))
        candidates.take(texts)
        return candidates.result()

    def is_exact(self, path: str, values: Any, kind: pa.DataType) -> bool:
        """See Observed."""
        place = (path, str(kind))
        self._exact[place] = self._exact.get(place, True) and fits_exactly(values, kind)
        return self._exact[place]


def infer_whole(batches: Iterable[pa.RecordBatch], schema: pa.Schema, name: str) -> dict[str, Any]:
    """As ``infer_schema``, from all RecordBatches instead of a sample."""
    inference = WholeInference(schema, name)
    for batch in batches:
        inference.take(batch)
    return inference.schema()


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
