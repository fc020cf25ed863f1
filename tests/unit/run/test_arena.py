"""The arena's cheap bound is never below the exact size of any record."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from replayer.encode.avro import make_encoder
from replayer.encode.keys import make_key_encoder
from replayer.run.arena import Arena
from replayer.schema.avro import parse_schema

SCHEMA = parse_schema({"type": "record", "name": "R", "fields": [{"name": "text", "type": "string"}]}, "test")


@given(texts=st.lists(st.text(max_size=300), max_size=50), has_keys=st.booleans())
def test_the_bound_covers_the_largest_record(texts: list[str], has_keys: bool) -> None:
    """With and without keys, for any texts, also when a larger RecordBatch was there before."""
    arena = Arena()
    encoder = make_encoder(SCHEMA, b"\0" * 5)
    for batch_texts in (["before"] * 60, texts):
        batch = pa.RecordBatch.from_arrays([pa.array(batch_texts, pa.string())], ["text"])
        key_encoder = make_key_encoder(("text",), batch.schema) if has_keys else None
        arena.fill(batch, encoder, key_encoder, np.arange(batch.num_rows))
    assert arena.largest_bound() >= max(arena.sizes(), default=0)
    if not texts:
        assert arena.largest_bound() == 0
