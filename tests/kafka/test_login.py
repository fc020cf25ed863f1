"""Logins on the real Kafka's SASL listener: PLAIN and SCRAM, in every way that they can be given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.conftest import SASL_PASSWORD, SASL_USER

pytestmark = pytest.mark.kafka

JAAS = "org.apache.kafka.common.security.{module} required username='{user}' password='{password}';"
MODULES = {"PLAIN": "plain.PlainLoginModule", "SCRAM-SHA-256": "scram.ScramLoginModule"}
MECHANISMS = pytest.mark.parametrize("mechanism", MODULES)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("id\n" + "".join(f"{row}\n" for row in range(100)))
    return path


def run(folder: Path, *words: str, expect: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """``replayer run`` in a folder, with no other variables of ours than these."""
    left_out = ("REPLAYER_", "KAFKA_", "SCHEMA_REGISTRY_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)} | variables
    command = [sys.executable, "-m", "replayer", "run", *words, "--create-topic", "partitions=2", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=environment)
    assert done.returncode == expect, done.stderr
    assert SASL_PASSWORD not in done.stderr + done.stdout
    return done


def check_delivered(done: subprocess.CompletedProcess[str]) -> None:
    ledger: dict[str, Any] = json.loads(done.stdout)["ledger"]
    assert (ledger["delivered"], ledger["broker_confirmed"], ledger["closes"]) == (100, 100, True)


@MECHANISMS
def test_by_properties(sasl_bootstrap: str, topic_name: str, dataset: Path, mechanism: str) -> None:
    """-X with librdkafka's names."""
    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism}
    login |= {"sasl.username": SASL_USER, "sasl.password": SASL_PASSWORD}
    words = [word for key, value in login.items() for word in ("-X", f"{key}={value}")]
    check_delivered(run(dataset.parent, "rows.csv", "-b", sasl_bootstrap, "-t", topic_name, *words))


@MECHANISMS
def test_by_a_file_of_java(sasl_bootstrap: str, topic_name: str, dataset: Path, mechanism: str) -> None:
    """-F with the file that Java's console producer takes, address included."""
    jaas = JAAS.format(module=MODULES[mechanism], user=SASL_USER, password=SASL_PASSWORD)
    lines = [f"bootstrap.servers={sasl_bootstrap}", "security.protocol=SASL_PLAINTEXT", f"sasl.mechanism={mechanism}"]
    (dataset.parent / "client.properties").write_text("\n".join([*lines, f"sasl.jaas.config={jaas}"]))
    check_delivered(run(dataset.parent, "rows.csv", "-t", topic_name, "-F", "client.properties"))


@MECHANISMS
def test_by_an_env_file_and_a_project(sasl_bootstrap: str, topic_name: str, dataset: Path, mechanism: str) -> None:
    """User and password in .env, the rest in replayer.yaml, and nothing typed at all."""
    folder = dataset.parent
    (folder / ".env").write_text(f"KAFKA_SASL_USERNAME={SASL_USER}\nKAFKA_SASL_PASSWORD='{SASL_PASSWORD}'\n")
    properties = f"{{security.protocol: SASL_PLAINTEXT, sasl.mechanism: {mechanism}}}"
    (folder / "replayer.yaml").write_text(
        f"version: 1\nkafka: {{bootstrap: '{sasl_bootstrap}', properties: {properties}}}\n"
        f"streams: [{{dataset: {{path: rows.csv}}, topic: {topic_name}}}]\n"
    )
    check_delivered(run(folder))


@MECHANISMS
def test_a_wrong_password(sasl_bootstrap: str, topic_name: str, dataset: Path, mechanism: str) -> None:
    """Case 26: exit 4 and the cause in one line, with the password given by the environment."""
    variables = {"KAFKA_BOOTSTRAP_SERVERS": sasl_bootstrap, "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    variables |= {"KAFKA_SASL_MECHANISM": mechanism, "KAFKA_SASL_USERNAME": SASL_USER, "KAFKA_SASL_PASSWORD": "wrong"}
    done = run(dataset.parent, "rows.csv", "-t", topic_name, expect=4, **variables)
    assert "login refused" in done.stderr.splitlines()[0]
