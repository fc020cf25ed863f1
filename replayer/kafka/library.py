"""The librdkafka that confluent_kafka brings along, opened a second time for direct calls.

The wheel of confluent_kafka bundles the whole library with its public symbols. Looking a symbol up through the
extension module also searches the libraries it was linked with (dlsym goes through the dependencies of a handle), so
what is found is the very copy that the extension uses: one library in memory, and no path to guess. ctypes releases the
GIL around each call.
"""

from __future__ import annotations

import ctypes

from replayer.errors import UsageError

OLDEST_VERSION = 0x02100000
"""librdkafka 2.16.0 as ``rd_kafka_version`` writes it: 0xMMmmrrxx. Older ones lack functions of the mock cluster."""

_REMEDY = "reinstall confluent-kafka from its wheel, or use --producer portable and a broker of your own (-b HOST:PORT)"


def version_text(version: int) -> str:
    """``0x021000ff`` becomes ``2.16.0``."""
    return f"{version >> 24}.{version >> 16 & 0xFF}.{version >> 8 & 0xFF}"


def load_library() -> ctypes.CDLL:
    """The bundled librdkafka; a new object on every call, so each caller declares prototypes of its own.

    Raises UsageError when the symbols cannot be reached, or when the library found is not the one of confluent_kafka.
    """
    # Imported here: the options of a run must be readable without loading 10 MB of C.
    from confluent_kafka import cimpl

    library = ctypes.CDLL(cimpl.__file__)
    try:
        library.rd_kafka_version.restype = ctypes.c_int
        version: int = library.rd_kafka_version()
    except AttributeError as error:
        raise UsageError(f"confluent_kafka hides the symbols of its librdkafka: {error}", _REMEDY) from error
    expected: int = cimpl.libversion()[1]
    if version != expected:
        found = f"{version_text(version)} was found, {version_text(expected)} is in use"
        raise UsageError(f"another librdkafka than that of confluent_kafka answers: {found}", _REMEDY)
    if version < OLDEST_VERSION:
        oldest = version_text(OLDEST_VERSION)
        raise UsageError(f"librdkafka {version_text(version)} is too old, {oldest} is the oldest that will do", _REMEDY)
    return library


def function_address(library: ctypes.CDLL, name: str) -> int:
    """The address of a function of ``library``, for kernels that call it without ctypes.

    Raises UsageError naming the function when the library lacks it.
    """
    try:
        function = getattr(library, name)
    except AttributeError as error:
        raise UsageError(f"librdkafka has no function {name}", _REMEDY) from error
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
