"""The bundled librdkafka, reached from Python without its extension module."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest
from confluent_kafka import cimpl, libversion

from replayer.errors import UsageError
from replayer.kafka import library as library_module
from replayer.kafka.library import function_address, load_library, version_text


@pytest.mark.parametrize(("version", "text"), [(0x021000FF, "2.16.0"), (0x020800FF, "2.8.0"), (0x010203FF, "1.2.3")])
def test_versions_are_printed_as_people_write_them(version: int, text: str) -> None:
    """0xMMmmrrxx, as rdkafka.h documents it."""
    assert version_text(version) == text


def test_the_library_is_the_one_that_confluent_kafka_uses() -> None:
    """Same version, and the same function at the same address as in a second look: one copy in memory."""
    first, second = load_library(), load_library()
    assert version_text(first.rd_kafka_version()) == libversion()[0].split("-")[0]
    assert function_address(first, "rd_kafka_new") == function_address(second, "rd_kafka_new")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        assert len({line.split()[-1] for line in maps if "librdkafka" in line}) == 1


def test_each_caller_has_prototypes_of_its_own() -> None:
    """Declaring a function's result in one place changes nothing in another."""
    first, second = load_library(), load_library()
    first.rd_kafka_conf_new.restype = ctypes.c_void_p
    assert second.rd_kafka_conf_new.restype is not ctypes.c_void_p


def test_a_missing_function_is_named() -> None:
    """The error names it and the other producer."""
    with pytest.raises(UsageError, match="no function rd_kafka_fly") as caught:
        function_address(load_library(), "rd_kafka_fly")
    assert "--producer portable" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "version", "message"),
    [
        (None, 0, "hides the symbols"),
        (cimpl.__file__, 0x01020300, "another librdkafka"),
    ],
)
def test_a_library_that_will_not_do_is_refused(
    monkeypatch: pytest.MonkeyPatch, file: str | None, version: int, message: str
) -> None:
    """Hidden symbols, and another version than the one in use, are usage errors that name the portable producer."""
    fake = SimpleNamespace(__file__=file, libversion=lambda: ("", version))
    monkeypatch.setattr("confluent_kafka.cimpl", fake)
    if file is None:
        # The C library alone stands for an extension that was linked statically and stripped.
        monkeypatch.setattr(library_module.ctypes, "CDLL", lambda name: SimpleNamespace())
    with pytest.raises(UsageError, match=message) as caught:
        load_library()
    assert "--producer portable" in caught.value.hint


def test_a_library_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that will do is named."""
    monkeypatch.setattr(library_module, "OLDEST_VERSION", 0x7F000000)
    with pytest.raises(UsageError, match=r"too old, 127\.0\.0 is the oldest"):
        load_library()
