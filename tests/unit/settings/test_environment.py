"""Variables of an env file, below those of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from replayer.errors import UsageError
from replayer.settings.environment import look_around


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KAFKA_TOPIC=orders", "orders"),
        ("export KAFKA_TOPIC=orders", "orders"),
        ("  KAFKA_TOPIC = orders  ", "orders"),
        ("KAFKA_TOPIC=orders # of today", "orders"),
        ("KAFKA_TOPIC=a#b", "a#b"),
        ("KAFKA_TOPIC='a # b'", "a # b"),
        (r"KAFKA_TOPIC='a\nb'", r"a\nb"),
        (r'KAFKA_TOPIC="a\n\"b\"\\" # c', 'a\n"b"\\'),
        ("KAFKA_TOPIC=a=b", "a=b"),
        ("KAFKA_TOPIC=$HOME", "$HOME"),
        ("KAFKA_TOPIC=", None),
        ("KAFKA_TOPIC=''", None),
        ("# KAFKA_TOPIC=orders", None),
        ("PATH=/bin", None),
    ],
)
def test_lines(tmp_path: Path, line: str, value: str | None) -> None:
    """Assignments as shells and compose files write them, without expansion; only our variables are taken."""
    (tmp_path / ".env").write_text(f"\n{line}\n")
    found = look_around({}, None, tmp_path)
    assert dict(found.variables) == ({} if value is None else {"KAFKA_TOPIC": value})
    assert value is None or found.where("KAFKA_TOPIC") == "KAFKA_TOPIC (.env line 2)"


def test_the_environment_is_stronger(tmp_path: Path) -> None:
    """What is set keeps its value, what is set to nothing does not count; the place is named."""
    (tmp_path / ".env").write_text("KAFKA_TOPIC=file\nREPLAYER_RATE=5\nSCHEMA_REGISTRY_URL=http://r\n")
    found = look_around({"KAFKA_TOPIC": "set", "REPLAYER_RATE": "", "HOME": "/"}, None, tmp_path)
    expected = {"KAFKA_TOPIC": "set", "REPLAYER_RATE": "5", "SCHEMA_REGISTRY_URL": "http://r", "HOME": "/"}
    assert dict(found.variables) == expected
    assert [found.where(name) for name in ("KAFKA_TOPIC", "REPLAYER_RATE")] == [
        "KAFKA_TOPIC",
        "REPLAYER_RATE (.env line 2)",
    ]


def test_a_named_file_stands_for_the_other(tmp_path: Path) -> None:
    """With --env-file the .env of the folder is not read; a missing one is an error, a missing .env is none."""
    (tmp_path / ".env").write_text("KAFKA_TOPIC=a\n")
    other = tmp_path / "production.env"
    other.write_text("KAFKA_TOPIC=b\n")
    assert look_around({}, str(other), tmp_path).variables["KAFKA_TOPIC"] == "b"
    assert dict(look_around({}, None, tmp_path / "other").variables) == {}
    with pytest.raises(UsageError, match=r"missing\.env cannot be read: No such file"):
        look_around({}, str(tmp_path / "missing.env"), tmp_path)


@pytest.mark.parametrize("line", ["KAFKA_TOPIC", "1A=b", 'KAFKA_TOPIC="a', "KAFKA_TOPIC='a'b"])
def test_what_is_no_assignment_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    """A slip is not passed over in silence."""
    (tmp_path / ".env").write_text(f"A=b\n{line}\n")
    with pytest.raises(UsageError, match=r"\.env line 2"):
        look_around({}, None, tmp_path)
