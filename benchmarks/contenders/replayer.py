"""replayer itself, through its command line, as a user starts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Ended, run_process

_COMMAND = Path(sys.executable).with_name("replayer")


@dataclass(frozen=True)
class Replayed:
    """One run: its report as parsed JSON, and the process."""

    report: dict[str, Any]
    process: Ended

    @property
    def throughput_per_s(self) -> float:
        """Delivered records per second, from the first send to the last delivery report."""
        return float(self.report["throughput_per_s"])

    @property
    def delivered(self) -> int:
        """Records that the broker acknowledged."""
        return int(self.report["ledger"]["delivered"])

    def cpu_s(self, role: str) -> float:
        """CPU seconds of a role's processes, without their start-up."""
        costs = [cost for cost in self.report["costs"] if cost["role"] == role]
        return float(sum(cost["cpu_s"] - (cost["startup_cpu_s"] or 0.0) for cost in costs))

    def facts(self) -> dict[str, Any]:
        """What a trial keeps of the report; nothing that names a path."""
        report = self.report
        return {
            "records_per_s": report["throughput_per_s"],
            "delivered": self.delivered,
            "ledger_closes": report["ledger"]["closes"],
            "value_bytes_per_record": round(report["value_bytes"] / max(1, self.delivered), 2),
            "duration_s": report["duration_ns"] / 1e9,
            "wall_s": self.process.wall_s,
            "cpu_ns_per_record": report["cpu_ns_per_record"],
            "workers": report["workers_count"],
            "producer": report["producer"]["name"],
            "encoder": report["encoder"],
            "stages_ns": report["stages"],
            "costs": report["costs"],
        }


def replay(
    dataset: Path,
    topic: str,
    properties: Mapping[str, str],
    options: Sequence[str] = (),
    sample_every_s: float | None = None,
) -> Replayed:
    """Run ``replayer run`` to its end; without a bootstrap address in ``properties`` to the embedded broker.

    Raises RuntimeError when the run ends with an exit code other than 0 or its ledger does not close.
    """
    command = [str(_COMMAND), "run", str(dataset), "-t", topic, "--output", "json", "--progress", "none"]
    for name, value in properties.items():
        command += ["-b", value] if name == "bootstrap.servers" else ["-X", f"{name}={value}"]
    process = run_process([*command, *options], sample_every_s)
    report = json.loads(process.stdout)
    if not report["ledger"]["closes"]:
        raise RuntimeError(f"the ledger does not close: {report['ledger']}")
    return Replayed(report, process)


def warm_up(dataset: Path) -> None:
    """A short run that is not counted, against the embedded broker: afterwards all kernels are compiled and on disk."""
    replay(dataset, "orders", {}, ["--max-records", "10000", "--rate", "100k"])
    replay(dataset, "orders", {}, ["--max-records", "10000"])
