"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The first call of a kernel may compile it, which no deadline of an example can foresee.
settings.register_profile("replayer", deadline=None)
settings.load_profile("replayer")

GOLDEN = Path(__file__).parent / "golden"


SERVICES = ("KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "KAFKA_JARS")
"""What ``scripts/services up`` prints. All are asked for, so that a KAFKA_BOOTSTRAP_SERVERS that was set for something
else does not make tests write to somebody's cluster."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked kafka are skipped where the real services are not up, but never in CI."""
    missing = [name for name in SERVICES if not os.environ.get(name)]
    if not missing or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.skip(reason='needs the real services: eval "$(scripts/services up)"'))


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file of tests/golden; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"differs from {name}; if on purpose: UPDATE_GOLDEN=1"

    return compare
