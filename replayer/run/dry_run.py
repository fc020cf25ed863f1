"""A dry run: every row is read, coerced and encoded. No broker, no registry and no file is touched."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from replayer import __version__
from replayer.config import RunConfig
from replayer.encode.framing import confluent_prefix
from replayer.metrics.ledger import SourceCounts, close_ledger
from replayer.metrics.snapshot import Snapshot
from replayer.report import model
from replayer.run import planning
from replayer.run.arena import Arena
from replayer.run.messages import PipelineSetup
from replayer.run.observer import Observer
from replayer.run.pipeline import Pipeline
from replayer.run.rejecting import verdict
from replayer.run.reporting import reject_counts
from replayer.run.watching import signals_noted
from replayer.source.standard_input import ReadingStoppedError, stop_reading_when

_SNAPSHOT_NS = 250_000_000
_NO_SCHEMA_ID = 0


def dry_run(config: RunConfig, observer: Observer) -> model.RunReport:
    """Parse, coerce and encode the dataset once, in this process, up to the limits; report what a run would send.

    Raises DatasetError, SchemaError or UsageError as a run would before its start.
    """
    started_ns, started_at = time.monotonic_ns(), datetime.now(UTC)
    plan = planning.plan_dataset(config.source, config.schema, config.topic)
    limits = planning.batch_limits(dict(config.kafka.properties), None)
    # The rejects are counted, but no file is written: a dry run leaves nothing behind.
    rejects = replace(config.rejects, file=None)
    run_id = f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    setup = planning.pipeline_setup(plan, config.record, rejects, _prefixes(config), limits.max_record_bytes, run_id)
    files = ", ".join(file.path for file in plan.source.files[:3])
    observer.plan([f"dry run: {files}{planning.size_of(plan.source)}, schema {plan.schema_origin}"])
    for note in plan.notes:
        observer.note(note)
    return _Dry(config, observer, plan, setup, started_ns, started_at).run()


def _prefixes(config: RunConfig) -> tuple[bytes, bytes]:
    framed, record = confluent_prefix(_NO_SCHEMA_ID), config.record
    return b"" if record.value_format == "json" else framed, framed if record.key_format == "avro" else b""


class _Dry:
    def __init__(
        self,
        config: RunConfig,
        observer: Observer,
        plan: planning.DatasetPlan,
        setup: PipelineSetup,
        started_ns: int,
        started_at: datetime,
    ) -> None:
        self._config, self._observer, self._plan = config, observer, plan
        self._started_ns, self._started_at = started_ns, started_at
        self._setup, self._pipeline = setup, Pipeline(setup)
        self._is_interrupted = False

    def run(self) -> model.RunReport:
        """One pass; stops at ``max_records`` and at the first Ctrl-C."""
        arena, counts = Arena(), self._pipeline.counts
        limit = self._config.limits.max_records
        first_ns = shown_ns = time.monotonic_ns()
        shown_count = 0
        with signals_noted() as signals, suppress(ReadingStoppedError):
            stop_reading_when(lambda: signals.count > 0)
            self._pipeline.records_left = limit
            for rows in self._pipeline.chunks(arena):
                value_bytes, key_bytes = arena.bytes_of(rows)
                counts.value_bytes += value_bytes
                counts.key_bytes += key_bytes
                if limit is not None:
                    self._pipeline.records_left = limit - counts.encoded
                if limit is not None and counts.encoded >= limit:
                    break
                if signals.count:
                    break
                now_ns = time.monotonic_ns()
                if now_ns - shown_ns >= _SNAPSHOT_NS:
                    rate = (counts.encoded - shown_count) * 1e9 / (now_ns - shown_ns)
                    self._show(now_ns - first_ns, rate)
                    shown_ns, shown_count = now_ns, counts.encoded
        self._is_interrupted = signals.count > 0
        self._pipeline.close()
        return self._report(time.monotonic_ns() - first_ns)

    def _show(self, elapsed_ns: int, rate_per_s: float) -> None:
        counts = self._pipeline.counts
        total = self._plan.source.total_rows
        left = None if total is None else max(0, total - counts.rows_read)
        self._observer.progress(
            Snapshot(
                elapsed_ns=elapsed_ns,
                state="dry run",
                total_records=total,
                rows_read=counts.rows_read,
                rejected=counts.rejected,
                encoded=counts.encoded,
                attempted=0,
                delivered=0,
                failed=0,
                unknown=0,
                in_flight=0,
                rate_per_s=rate_per_s,
                asked_rate_per_s=None,
                lag_p99_ns=None,
                eta_ns=None if left is None or not rate_per_s else int(left * 1e9 / rate_per_s),
            )
        )

    def _problems(self) -> tuple[model.Problem, ...]:
        counts, spent = self._pipeline.counts, self._pipeline.rejecting.spent
        rejects = replace(self._config.rejects, file=None)
        error = verdict(rejects, counts.rows_read, counts.rejected, counts.encoded, spent, is_dry=True)
        return (
            () if error is None else (model.Problem(type(error).__name__, error.message, error.hint, error.exit_code),)
        )

    def _report(self, duration_ns: int) -> model.RunReport:
        counts, files = self._pipeline.counts, self._plan.source.files
        ledger = close_ledger(
            SourceCounts(counts.rows_read, 0, counts.rejected, counts.encoded, not_handed_over=counts.encoded), ()
        )
        problems = self._problems()
        exit_code = 130 if self._is_interrupted else max((problem.exit_code for problem in problems), default=0)
        return model.RunReport(
            schema_version=model.SCHEMA_VERSION,
            run_id=self._setup.run_id,
            replayer_version=__version__,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            outcome="interrupted" if self._is_interrupted else "dry run",
            exit_code=exit_code,
            problems=problems,
            notes=self._plan.notes,
            target=None,
            dataset=model.DatasetUsed(
                tuple(file.path for file in files), tuple(sorted({file.format for file in files})),
                self._plan.source.total_rows, self._plan.schema_origin, self._pipeline.loop,
            ),
            encoder=model.EncoderUsed(
                self._pipeline.encoder.name, counts.fallback_rows, self._pipeline.encoder.fallback_reason,
                self._config.record.value_format,
            ),
            producer=None,
            workers_count=0,
            asked_rate_per_s=None,
            achieved_rate_per_s=None,
            duration_ns=duration_ns,
            wall_ns=time.monotonic_ns() - self._started_ns,
            first_delivered_after_ns=None,
            value_bytes=counts.value_bytes,
            key_bytes=counts.key_bytes,
            throughput_per_s=counts.encoded * 1e9 / duration_ns if counts.encoded else None,
            throughput_bytes_per_s=counts.value_bytes * 1e9 / duration_ns if counts.encoded else None,
            latency=None,
            latency_from_send=None,
            lag=None,
            late_count=None,
            shifted_ns=None,
            costs=(),
            cpu_ns_per_record=None,
            stages=model.StageTimes(counts.read_ns, counts.coerce_ns, counts.encode_ns, 0, 0),
            rejects=reject_counts(self._pipeline.rejecting.tallies(), files),
            rejects_file=None,
            failures=(),
            failures_not_listed=0,
            workers=(),
            partitions=(),
            ledger=ledger,
        )  # fmt: skip
