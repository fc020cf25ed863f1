"""What a user can say about the schema. Light to import: the command line needs it before it does anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SchemaOptions:
    """Where the schema comes from and where it is registered."""

    schema_file: str | None = None
    """An Avro schema file (``.avsc``); None infers the schema from the dataset."""
    registry_url: str | None = None
    """A Confluent-compatible registry; None keeps schema ids in the process, from 1."""
    infer: str = "fast"
    """``fast`` infers from the first 64 MiB of text, ``full`` looks at every row before the run."""
