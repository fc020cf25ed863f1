"""Schemas made known to the registry, once and before any worker starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from replayer.config import RunConfig
from replayer.encode.framing import confluent_prefix
from replayer.encode.value_keys import key_schema
from replayer.run.planning import DatasetPlan, by_field
from replayer.schema.registry import Registry, open_registry, value_subject


@dataclass(frozen=True)
class Registration:
    """Where the schemas of values and keys are registered; None throughout for what has no schema id."""

    registry: str | None = None
    subject: str | None = None
    schema_id: int | None = None
    key_subject: str | None = None
    key_schema_id: int | None = None

    @property
    def prefix(self) -> bytes:
        """What stands before every value."""
        return b"" if self.schema_id is None else confluent_prefix(self.schema_id)

    @property
    def key_prefix(self) -> bytes:
        """What stands before every key."""
        return b"" if self.key_schema_id is None else confluent_prefix(self.key_schema_id)

    def __str__(self) -> str:
        if self.registry is None:
            return "no registry"
        ids = ((self.subject, self.schema_id), (self.key_subject, self.key_schema_id))
        named = [f"subject {subject} id {schema_id}" for subject, schema_id in ids if subject is not None]
        return f"{', '.join(named)}, {self.registry} registry"


def register(config: RunConfig, plan: DatasetPlan) -> Registration:
    """Register what is Avro: values as ``<topic>-value``, keys as ``<topic>-key``. Raises RegistryError.

    Raises UsageError when the key's columns make no schema.
    """
    return _ids(config, plan, lambda registry: registry.register)


def look_up(config: RunConfig, plan: DatasetPlan) -> Registration:
    """As ``register``, but only asks: an id is None where ``register`` would make one known."""
    # A registry in the process knows nothing before a run.
    return _ids(config, plan, lambda registry: registry.lookup)


def _ids(
    config: RunConfig, plan: DatasetPlan, action: Callable[[Registry], Callable[[str, str], int | None]]
) -> Registration:
    record = by_field(config.record, dict(plan.renames))
    # First what can fail without having changed anything.
    keys = key_schema(record.key_columns, plan.schema) if record.key_format == "avro" else None
    if record.value_format == "json" and keys is None:
        return Registration()
    registry = open_registry(config.schema.registry_url)
    ask = action(registry)
    made = Registration(registry.name)
    if record.value_format == "avro":
        subject = value_subject(config.topic)
        made = replace(made, subject=subject, schema_id=ask(subject, plan.schema.text))
    if keys is not None:
        subject = f"{config.topic}-key"
        made = replace(made, key_subject=subject, key_schema_id=ask(subject, keys.text))
    return made
