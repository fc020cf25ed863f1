"""Schemas made known to the registry, once and before any worker starts."""

from __future__ import annotations

from dataclasses import dataclass

from replayer.config import RunConfig
from replayer.encode.framing import confluent_prefix
from replayer.schema.avro import AvroSchema
from replayer.schema.registry import open_registry


@dataclass(frozen=True)
class Registration:
    """Where the value's schema is registered; None throughout for values without a schema id."""

    registry: str | None = None
    subject: str | None = None
    schema_id: int | None = None
    prefix: bytes = b""
    """What stands before every value."""

    def __str__(self) -> str:
        return (
            "no registry"
            if self.registry is None
            else f"subject {self.subject} id {self.schema_id}, {self.registry} registry"
        )


def register(config: RunConfig, schema: AvroSchema) -> Registration:
    """Register what the value format has registered: Avro schemas as ``<topic>-value``. Raises RegistryError."""
    if config.record.value_format == "json":
        return Registration()
    registry = open_registry(config.schema.registry_url)
    subject = f"{config.topic}-value"
    schema_id = registry.register(subject, schema.text)
    return Registration(registry.name, subject, schema_id, confluent_prefix(schema_id))
