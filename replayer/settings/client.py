"""Properties of the Kafka client from all places that may set them, the strongest last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from replayer.settings.environment import CLIENT_VARIABLES, Surroundings

_BOOTSTRAP_NAMES = ("bootstrap.servers", "metadata.broker.list")


class Strength(IntEnum):
    """Which place wins: the larger one. A file of properties is a little weaker than the place that names it."""

    PROJECT_FILE = 1
    PROJECT = 2
    KAFKA_VARIABLE = 3
    REPLAYER_FILE = 4
    REPLAYER_VARIABLE = 5
    TYPED_FILE = 6
    OVERRIDE = 7
    TYPED = 8


def strength_of(where: str) -> Strength:
    """The strength of the place that set an option."""
    if where.startswith("-"):
        return Strength.TYPED
    if where.startswith("REPLAYER_"):
        return Strength.REPLAYER_VARIABLE
    return Strength.KAFKA_VARIABLE if where.startswith(("KAFKA_", "SCHEMA_REGISTRY_")) else Strength.PROJECT


def file_strength(where: str) -> Strength:
    """The strength of a properties file that is named there."""
    return Strength(max(strength_of(where) - 1, Strength.PROJECT_FILE)) if where[:1] != "-" else Strength.TYPED_FILE


@dataclass(frozen=True)
class Layer:
    """The properties that one place sets."""

    strength: Strength
    properties: Mapping[str, str]
    wheres: Mapping[str, str]
    """By property."""


@dataclass
class ClientSettings:
    """Properties as they came out, without the address, and where each was set."""

    properties: dict[str, str] = field(default_factory=dict)
    wheres: dict[str, str] = field(default_factory=dict)
    bootstrap: str = ""
    bootstrap_where: str = ""


def settle_client(
    layers: Iterable[Layer], surroundings: Surroundings, address: str, address_where: str
) -> ClientSettings:
    """All layers on top of each other, with the strongest address.

    ``address`` is that of ``--bootstrap-server`` and its likes, empty when there is none. KAFKA_SASL_* and their
    neighbours only mean a cluster that has an address: the embedded broker knows no login.
    """
    settings = ClientSettings()
    best = strength_of(address_where) if address else None
    settings.bootstrap, settings.bootstrap_where = address, address_where
    variables = [name for name in CLIENT_VARIABLES if surroundings.variables.get(name)]
    from_variables = Layer(
        Strength.KAFKA_VARIABLE,
        {CLIENT_VARIABLES[name]: surroundings.variables[name] for name in variables},
        {CLIENT_VARIABLES[name]: surroundings.where(name) for name in variables},
    )
    given = sorted(layers, key=lambda layer: layer.strength)
    for layer in given:
        for name in _BOOTSTRAP_NAMES:
            if name in layer.properties and (best is None or layer.strength >= best):
                best = layer.strength
                settings.bootstrap, settings.bootstrap_where = layer.properties[name], layer.wheres[name]
    if settings.bootstrap:
        given = sorted([*given, from_variables], key=lambda layer: layer.strength)
    for layer in given:
        for name, value in layer.properties.items():
            if name not in _BOOTSTRAP_NAMES:
                settings.properties[name], settings.wheres[name] = value, layer.wheres[name]
    _imply_login(settings)
    return settings


def _imply_login(settings: ClientSettings) -> None:
    """A user name from the environment alone means SASL_SSL with PLAIN, as hosted clusters have it."""
    where = settings.wheres.get("sasl.username", "")
    if not where.startswith("KAFKA_SASL_USERNAME"):
        return
    implied = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
    for name, value in implied.items():
        if name not in settings.properties and name.replace("mechanism", "mechanisms") not in settings.properties:
            settings.properties[name], settings.wheres[name] = value, f"implied by {where}"
