"""The header that the Confluent wire format puts before every Avro body."""

from __future__ import annotations

PREFIX_SIZE_MAX = 16  # what the encoders keep room for; the wire format's is 5


def confluent_prefix(schema_id: int) -> bytes:
    """Five bytes: a zero and the schema id, big endian.

    https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
    Raises OverflowError for an id that is negative or needs more than four bytes.
    """
    return b"\0" + schema_id.to_bytes(4, "big")
