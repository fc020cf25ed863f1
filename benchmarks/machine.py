"""What the figures were measured on. Names no host and no path."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or "unknown"


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _kafka_version(jars: str) -> str | None:
    found = [re.fullmatch(r"kafka-clients-(.+)\.jar", path.name) for path in Path(jars).glob("kafka-clients-*.jar")]
    return next((match.group(1) for match in found if match), None)


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_machine(jars: str) -> dict[str, object]:
    """CPU, memory, kernel and versions; ``jars`` is the folder of Kafka's jars, empty where none are used."""
    from confluent_kafka import libversion

    return {
        "cpu_model": _cpu_model(),
        "cpu_cores": cpu_count(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "librdkafka": libversion()[0],
        "kafka": _kafka_version(jars) if jars else None,
        "numba": version("numba"),
        "pyarrow": version("pyarrow"),
        "fastavro": version("fastavro"),
        "numpy": version("numpy"),
    }


def load_average() -> list[float]:
    """Over 1, 5 and 15 minutes: other work on the machine shows here."""
    return [round(value, 2) for value in os.getloadavg()]
