"""From what a run left behind to its RunReport: the books closed, the exit code decided."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from replayer.config import RunConfig
from replayer.errors import BrokerError, BudgetSpentError, DeliveryError, exit_code_of
from replayer.kafka.blocks import UNKNOWN
from replayer.kafka.producer import ProducerChoice
from replayer.metrics.ledger import Ledger, close_ledger
from replayer.report import model
from replayer.run import books
from replayer.run.messages import FailedRows, RejectTally, split_source_row
from replayer.run.planning import DatasetPlan
from replayer.run.processes import Child
from replayer.run.registration import Registration
from replayer.run.rejecting import verdict
from replayer.run.watching import Outcome
from replayer.source.discover import InputFile

_REFUSED_BY_ACL = "authorization failed"


@dataclass(frozen=True)
class RunFacts:
    """What the supervisor knows of a run besides what its watch saw."""

    config: RunConfig
    run_id: str
    replayer_version: str
    started_at: datetime
    started_ns: int
    bootstrap: str
    is_embedded: bool
    registration: Registration
    plan: DatasetPlan
    choice: ProducerChoice
    notes: tuple[str, ...]
    end_offsets_before: Sequence[int] | None
    end_offsets_after: Sequence[int] | None
    children: tuple[Child, ...]


def make_report(facts: RunFacts, outcome: Outcome) -> model.RunReport:
    """Close the books and report. Nothing in here asks a clock but for the end of the run."""
    counters = outcome.counters
    partitions = books.partition_counts(counters, facts.end_offsets_before, facts.end_offsets_after)
    ledger = close_ledger(books.source_counts(counters), partitions)
    problems = [*outcome.problems, *_problems(ledger, outcome, facts)]
    codes = {problem.exit_code for problem in problems}
    if outcome.is_interrupted:
        # What was not sent because the user ended the run is no failure, as long as the books close.
        codes = {outcome.interrupt_exit_code} if ledger.closes else codes | {outcome.interrupt_exit_code}
    moments = books.moments(counters)
    duration_ns = _span(moments.first_sent_ns, moments.last_acked_ns) or 0
    delivered_bytes = books.sum_of(counters, "delivered_bytes")
    is_paced = facts.config.pacing.rate is not None
    return model.RunReport(
        schema_version=model.SCHEMA_VERSION,
        run_id=facts.run_id,
        replayer_version=facts.replayer_version,
        started_at=facts.started_at.isoformat(timespec="milliseconds"),
        outcome=_outcome_word(outcome, codes),
        exit_code=exit_code_of(codes),
        problems=tuple(problems),
        notes=(*facts.notes, *outcome.warnings),
        target=_target(facts, len(partitions)),
        dataset=_dataset(facts, counters),
        encoder=_encoder(facts, outcome),
        producer=model.ProducerUsed(facts.choice.name, facts.choice.reason, facts.choice.librdkafka_version),
        workers_count=len(counters.workers),
        asked_rate_per_s=None if facts.config.pacing.rate is None else float(facts.config.pacing.rate),
        achieved_rate_per_s=(
            _rate(ledger.attempted - 1, _span(moments.first_sent_ns, moments.last_sent_ns)) if is_paced else None
        ),
        duration_ns=duration_ns,
        wall_ns=time.monotonic_ns() - facts.started_ns,
        first_delivered_after_ns=_span(facts.started_ns, moments.first_acked_ns),
        value_bytes=counters.reader.get("value_bytes"),
        key_bytes=counters.reader.get("key_bytes"),
        throughput_per_s=_rate(ledger.delivered, duration_ns),
        throughput_bytes_per_s=_rate(delivered_bytes, duration_ns),
        latency=books.distribution(counters, "latency") if is_paced else None,
        latency_from_send=books.distribution(counters, "latency_from_send"),
        lag=books.distribution(counters, "lag") if is_paced else None,
        late_count=sum(worker.get("late_count") for worker in counters.workers) if is_paced else None,
        shifted_ns=0 if is_paced else None,
        costs=_costs(facts, outcome),
        cpu_ns_per_record=_cpu_per_record(facts, outcome, ledger.delivered),
        stages=_stages(counters),
        rejects=reject_counts(outcome.rejects, facts.plan.source.files),
        rejects_file=facts.config.rejects.file,
        failures=tuple(_failed_range(facts, one) for one in outcome.failures),
        failures_not_listed=outcome.failures_not_listed,
        workers=books.worker_counts(counters),
        partitions=partitions,
        ledger=ledger,
    )


def _problems(ledger: Ledger, outcome: Outcome, facts: RunFacts) -> list[model.Problem]:
    errors: list[BrokerError | BudgetSpentError | DeliveryError] = [
        DeliveryError(f"the ledger does not close: {fault}", "please report this with the run's JSON")
        for fault in ledger.faults
    ]
    lost = ledger.failed + ledger.unknown + (0 if outcome.is_interrupted else ledger.not_sent)
    if lost:
        counts = f"{ledger.failed:,} failed, {ledger.unknown:,} unknown, {ledger.not_sent:,} not sent"
        reasons = sorted({one.error for one in outcome.failures})
        because = f": {'; '.join(reasons[:3])}" if reasons else ""
        message = f"{ledger.delivered:,} of {ledger.source.encoded:,} records were delivered ({counts}){because}"
        if ledger.failed == lost and all(_REFUSED_BY_ACL in reason.lower() for reason in reasons) and reasons:
            errors.append(BrokerError(message, "let the user write to the topic (kafka-acls --producer)"))
        else:
            errors.append(DeliveryError(message, ""))
    source = ledger.source
    judged = verdict(facts.config.rejects, source.rows_read, source.rejected, source.encoded, outcome.budget_spent)
    errors += [judged] if judged is not None else []
    return [model.Problem(type(error).__name__, error.message, error.hint, error.exit_code) for error in errors]


def _outcome_word(outcome: Outcome, codes: set[int]) -> str:
    """Rejected rows make no run a failure, unless they ended it."""
    if outcome.is_interrupted:
        return "interrupted"
    return "failed" if codes - {0, 5} or outcome.budget_spent else "complete"


def _span(first_ns: int | None, last_ns: int | None) -> int | None:
    return None if first_ns is None or last_ns is None else last_ns - first_ns


def _rate(count: int, span_ns: int | None) -> float | None:
    return count * 1e9 / span_ns if span_ns and count > 0 else None


def _target(facts: RunFacts, partition_count: int) -> model.Target:
    return model.Target(
        bootstrap=facts.bootstrap,
        is_embedded=facts.is_embedded,
        topic=facts.config.topic,
        partition_count=partition_count,
        registry=facts.registration.registry,
        subject=facts.registration.subject,
        schema_id=facts.registration.schema_id,
        key_subject=facts.registration.key_subject,
        key_schema_id=facts.registration.key_schema_id,
    )


def _dataset(facts: RunFacts, counters: books.Counters) -> model.DatasetUsed:
    files = facts.plan.source.files
    return model.DatasetUsed(
        files=tuple(file.path for file in files),
        formats=tuple(sorted({file.format for file in files})),
        rows_total=facts.plan.source.total_rows,
        schema_origin=facts.plan.schema_origin,
        loops_finished=counters.reader.get("loops_finished"),
    )


def _encoder(facts: RunFacts, outcome: Outcome) -> model.EncoderUsed | None:
    chosen = outcome.encoder
    if chosen is None:
        return None
    fallback_rows = outcome.counters.reader.get("fallback_rows")
    return model.EncoderUsed(chosen.name, fallback_rows, chosen.fallback_reason, facts.config.record.value_format)


def _costs(facts: RunFacts, outcome: Outcome) -> tuple[model.RoleCost, ...]:
    from resource import RUSAGE_SELF, getrusage

    usage = getrusage(RUSAGE_SELF)
    costs = [model.RoleCost("supervisor", 0, usage.ru_utime + usage.ru_stime, None, usage.ru_maxrss * 1024)]
    for child in facts.children:
        startup_ns = outcome.startup_cpu_ns.get(child.name)
        if child.exit_status is not None and child.role != "broker" and startup_ns is not None:
            costs.append(model.RoleCost(child.role, child.index, child.cpu_s, startup_ns / 1e9, child.peak_rss_bytes))
    return tuple(costs)


def _cpu_per_record(facts: RunFacts, outcome: Outcome, delivered: int) -> float | None:
    costs = [cost for cost in _costs(facts, outcome) if cost.role != "supervisor"]
    if not delivered or not costs:
        return None
    return sum(cost.cpu_s - (cost.startup_cpu_s or 0.0) for cost in costs) * 1e9 / delivered


def _stages(counters: books.Counters) -> model.StageTimes:
    read = counters.reader.get
    return model.StageTimes(read("read_ns"), read("coerce_ns"), read("encode_ns"), read("place_ns"), read("wait_ns"))


def reject_counts(tallies: Sequence[RejectTally], files: Sequence[InputFile]) -> tuple[model.RejectCount, ...]:
    """The reader's tallies with the names of files."""
    return tuple(
        model.RejectCount(
            tally.reason,
            tally.column,
            tally.count,
            files[tally.first_file_index].path,
            tally.first_row,
            tally.first_detail,
        )
        for tally in tallies
    )


def _failed_range(facts: RunFacts, failed: FailedRows) -> model.FailedRange:
    file_index, first_row = split_source_row(failed.first_source_row)
    _, last_row = split_source_row(failed.last_source_row)
    return model.FailedRange(
        file=facts.plan.source.files[file_index].path,
        first_row=first_row,
        last_row=last_row,
        partition=failed.partition,
        outcome="unknown" if failed.outcome == UNKNOWN else "failed",
        error=failed.error,
    )
