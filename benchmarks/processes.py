"""Runs a contender's process to its end, with its costs from the kernel and samples of its roles from /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_FIELDS = {"VmRSS": "rss_bytes", "RssAnon": "anon_bytes", "RssShmem": "shared_bytes"}


@dataclass(frozen=True)
class Sample:
    """One process at one moment."""

    at_s: float
    """Since the start of the contender."""
    role: str
    """The process's name: ``replayer-reader0``, ``replayer-worker0``, ``java``."""
    cpu_s: float
    rss_bytes: int
    anon_bytes: int
    shared_bytes: int


@dataclass(frozen=True)
class Ended:
    """A process that ended well."""

    stdout: str
    started_s: float
    """Monotonic."""
    first_output_s: float
    wall_s: float
    cpu_s: float
    """Of the process and all its children that it waited for."""
    samples: tuple[Sample, ...] = field(repr=False)


def environment() -> dict[str, str]:
    """This process's, without what would redirect a contender."""
    left_out = ("SCHEMA_REGISTRY_URL", "KAFKA_BOOTSTRAP_SERVERS", "REPLAYER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def run_process(command: Sequence[str], sample_every_s: float | None = None) -> Ended:
    """Run a command to its end. Raises RuntimeError with the end of its output when it fails."""
    with tempfile.TemporaryFile() as errors:
        started_s = time.monotonic()
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=environment()
        )
        sampler = _Sampler(process.pid, started_s, sample_every_s)
        try:
            assert process.stdout is not None
            output = process.stdout.read(1)
            first_output_s = time.monotonic()
            output += process.stdout.read()
            sampler.stop()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            sampler.stop()
            process.terminate()
            process.wait()
            raise
        ended_s = time.monotonic()
        if process.returncode != 0:
            errors.seek(0)
            tail = (output + errors.read())[-3000:].decode(errors="replace")
            raise RuntimeError(f"{Path(command[0]).name} ended with {process.returncode}:\n{tail}")
    return Ended(
        stdout=output.decode(),
        started_s=started_s,
        first_output_s=first_output_s,
        wall_s=ended_s - started_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        samples=tuple(sampler.samples),
    )


def run_module(module: str, setup: dict[str, Any], sample_every_s: float | None = None) -> tuple[dict[str, Any], Ended]:
    """Run a contender that is a module of ours; it takes its setup as one JSON argument and prints one JSON object."""
    ended = run_process([sys.executable, "-m", f"benchmarks.contenders.{module}", json.dumps(setup)], sample_every_s)
    result: dict[str, Any] = json.loads(ended.stdout)
    return result, ended


class _Sampler:
    """A thread that looks at a process and its descendants at equal intervals."""

    def __init__(self, pid: int, started_s: float, every_s: float | None) -> None:
        self._pid, self._started_s, self._every_s = pid, started_s, every_s or 0.0
        self._ended = threading.Event()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        if every_s:
            self._thread.start()

    def _run(self) -> None:
        step = 0
        while True:
            step += 1
            left_s = self._started_s + step * self._every_s - time.monotonic()
            if self._ended.wait(max(0.0, left_s)):
                return
            for pid in _descendants(self._pid):
                sample = _sample(pid, time.monotonic() - self._started_s)
                if sample is not None:
                    self.samples.append(sample)

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()


def _descendants(pid: int) -> list[int]:
    """A process and all below it; those that end meanwhile may be missing."""
    found = [pid]
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found += _descendants(int(child))
    except OSError:
        pass
    return found


def _sample(pid: int, at_s: float) -> Sample | None:
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    words = rest.split()
    sizes = dict.fromkeys(_FIELDS.values(), 0)
    for line in status.splitlines():
        field_name, _, value = line.partition(":")
        if field_name in _FIELDS:
            sizes[_FIELDS[field_name]] = int(value.split()[0]) * 1024
    return Sample(at_s, name, (int(words[11]) + int(words[12])) / _TICKS_PER_S, **sizes)


def cores_by_role(samples: Sequence[Sample], after_s: float, before_s: float) -> dict[str, float]:
    """CPU seconds per second of each role between two moments; roles that were there for less are left out."""
    cores = {}
    for role in sorted({sample.role for sample in samples}):
        inside = [one for one in samples if one.role == role and after_s <= one.at_s <= before_s]
        if len(inside) >= 2 and inside[-1].at_s - inside[0].at_s > (before_s - after_s) / 2:
            cores[role] = (inside[-1].cpu_s - inside[0].cpu_s) / (inside[-1].at_s - inside[0].at_s)
    return cores
