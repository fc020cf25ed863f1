"""Ids of schemas, asked of a real registry."""

from __future__ import annotations

import json

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from replayer.errors import RegistryError
from replayer.schema.registry import open_registry

pytestmark = pytest.mark.kafka


def schema_of(**fields: str) -> str:
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": listed})


def test_a_schema_has_one_id_that_an_ordinary_client_resolves(registry_url: str, subject: str) -> None:
    """Registering twice gives the same id, and the id gives the same schema to any client."""
    registry = open_registry(registry_url)
    schema_text = schema_of(id="long", name="string")
    schema_id = registry.register(subject, schema_text)
    assert registry.register(subject, schema_text) == schema_id
    assert open_registry(registry_url).register(subject, schema_text) == schema_id
    with SchemaRegistryClient({"url": registry_url}) as client:
        found = client.get_schema(schema_id)
    assert json.loads(found.schema_str or "") == json.loads(schema_text)


def test_lookup_registers_nothing(registry_url: str, subject: str) -> None:
    """An unknown subject, and an unknown schema of a known subject, have no id, before and after being asked for."""
    registry = open_registry(registry_url)
    known, other = schema_of(id="long"), schema_of(id="long", name="string")
    assert registry.lookup(subject, known) is None
    assert registry.lookup(subject, known) is None
    schema_id = registry.register(subject, known)
    assert registry.lookup(subject, known) == schema_id
    assert registry.lookup(subject, other) is None


def test_case_36_incompatible_schema(registry_url: str, subject: str) -> None:
    """The registry's own words say what is incompatible."""
    registry = open_registry(registry_url)
    registry.register(subject, schema_of(id="long"))
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.set_compatibility(subject, "BACKWARD")
    with pytest.raises(RegistryError, match=f"incompatible with {subject}.*STRING not compatible") as caught:
        registry.register(subject, schema_of(id="string"))
    assert caught.value.exit_code == 4
    assert "--schema" in caught.value.hint


def test_case_36_an_address_beside_the_api(registry_url: str, subject: str) -> None:
    """The registry's root is not where it speaks Confluent's API: 404 with a hint at the path."""
    root = registry_url.partition("/apis/")[0]
    with pytest.raises(RegistryError, match="answered 404") as caught:
        open_registry(root).register(subject, schema_of(id="long"))
    assert "/apis/ccompat/v7" in caught.value.hint
