"""The command behind scripts/bench: runs scenarios one at a time, prints their table and saves it."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import time
import traceback
from typing import Any

from benchmarks import results
from benchmarks.contenders.replayer import warm_up
from benchmarks.dataset import dataset_path
from benchmarks.machine import describe_machine, load_average
from benchmarks.scenario import SCENARIOS, WITHOUT_KAFKA, Bench
from benchmarks.services import running_services
from benchmarks.table import results_table


def _arguments() -> argparse.Namespace:
    listed = "\n".join(f"  {name:11} {text}" for name, text in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure, print figures beside their targets, and save everything in benchmarks/results/.",
        epilog=f"scenarios, all of them by default:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help="what to measure")
    parser.add_argument("--quick", action="store_true", help="fewer records, shorter runs: a first look only")
    parser.add_argument("--trials", type=int, metavar="N", help="how often to repeat; default: by scenario")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.scenario) - set(SCENARIOS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    if arguments.trials is not None and arguments.trials < 1:
        parser.error("--trials needs at least 1")
    return arguments


def _measure(name: str, bench: Bench) -> dict[str, Any]:
    print(f"{name}: {SCENARIOS[name]}", flush=True)
    before, started = load_average(), time.monotonic()
    outcome = importlib.import_module(f"benchmarks.scenarios.{name}").run(bench)
    words = ["scripts/bench", name, *(["--quick"] if bench.is_quick else [])]
    words += ["--trials", str(bench.trials)] if bench.trials else []
    circumstances = {
        "date": results.now_text(),
        "command": " ".join(words),
        "is_quick": bench.is_quick,
        "took_s": round(time.monotonic() - started, 1),
        "machine": describe_machine(bench.services.jars if bench.services else ""),
        "load_average_before": before,
        "load_average_after": load_average(),
    }
    return results.to_document(name, outcome, circumstances)


def main() -> int:
    """Measure, print, save. A missed target is shown and changes no exit code."""
    arguments = _arguments()
    names = arguments.scenario or list(SCENARIOS)
    documents, failed = [], []
    with contextlib.ExitStack() as stack:
        needs_kafka = not WITHOUT_KAFKA.issuperset(names)
        services = stack.enter_context(running_services()) if needs_kafka else None
        bench = Bench(services, arguments.quick, arguments.trials)
        if services is not None:
            warm_up(dataset_path("parquet", 1_000_000))
        for name in names:
            try:
                document = _measure(name, bench)
            except Exception:  # noqa: BLE001 (whatever one scenario met, the others are still worth measuring)
                traceback.print_exc()
                failed.append(name)
                continue
            documents.append(document)
            results.save(document)
            results.write_readme(tuple(SCENARIOS))
            print("\n" + results_table([document]), flush=True)
    if len(documents) > 1:
        print(results_table(documents))
    if failed:
        print(f"not measured, see above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
