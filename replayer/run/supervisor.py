"""The supervisor: plan → spawn → watch → ledger → report. It alone starts processes, and it alone speaks to people.

The children are started first and set up later: while they load their libraries, the supervisor asks the broker and
looks at the dataset.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from replayer import __version__
from replayer.config import RunConfig
from replayer.errors import BrokerError, ReplayerError
from replayer.kafka.options import KafkaOptions
from replayer.kafka.producer import STATISTICS, ProducerChoice, choose_producer
from replayer.kafka.properties import client_properties
from replayer.kafka.topics import Cluster, Topic
from replayer.machine.kernel_cache import ensure_kernel_cache
from replayer.pacing.bucket import bucket_setting
from replayer.pacing.clock_map import ClockMap, next_wake_ns
from replayer.report.model import RunReport
from replayer.run import planning
from replayer.run.broker import CreateTopic
from replayer.run.messages import Dismissed, Failed, Listening, ReaderSetup, Ready, WorkerSetup
from replayer.run.observer import Observer
from replayer.run.processes import Child, Family
from replayer.run.registration import Registration, register
from replayer.run.reporting import RunFacts, make_report
from replayer.run.watching import Watch, error_of, signals_noted
from replayer.shm.control import Control, control_of
from replayer.shm.counters import reader_counters, worker_counters
from replayer.shm.memory import create_file, map_file, reserve
from replayer.source.standard_input import WORD, spool_of_process
from replayer.units import format_bytes, format_count, format_duration, format_rate

_START_TIMEOUT_S = 120.0
_START_MARGIN_NS = 30_000_000
"""Between publishing the first map and nominal 0: longer than a worker's longest wait, so that all have seen the map by
then.
"""
_GRID_TOLERANCE_NS = 50_000
"""How far before the wake grid nominal 0 lies: each process measures the grid for itself, and what is due on it must
not wait for the next point in a worker whose grid is some microseconds early.
"""
_PROOF_S, _HASTY_PROOF_S = 10.0, 1.0
"""How long the broker may take to say its end offsets after the run."""
_COMPILE_HINT_S = 3.0
_EMBEDDED_PARTITIONS = 4


def default_worker_count() -> int:
    """One worker for each core but the one that the reader keeps busy, at least one and at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores - 1))


@dataclass
class _Pipes:
    """The two pipes between the reader and one worker; each end is a descriptor."""

    slots_read: int
    slots_write: int
    freed_read: int
    freed_write: int

    @staticmethod
    def open() -> _Pipes:
        return _Pipes(*os.pipe(), *os.pipe())

    def close(self) -> None:
        for descriptor in (self.slots_read, self.slots_write, self.freed_read, self.freed_write):
            os.close(descriptor)


@dataclass
class _Crew:
    """The children of a run."""

    family: Family
    memory_descriptor: int
    broker: Child | None = None
    reader: Child | None = None
    workers: list[Child] = field(default_factory=list)

    def start(self, worker_count: int, inherited: Sequence[int]) -> None:
        """Start the reader, which inherits descriptors, and the workers, with the pipes between them.

        They wait for their setups.
        """
        pipes = [_Pipes.open() for _ in range(worker_count)]
        reader_ends = [end for pair in pipes for end in (pair.slots_write, pair.freed_read)]
        self.reader = self.family.start("reader", 0, [self.memory_descriptor, *reader_ends], inherited)
        for index, pair in enumerate(pipes):
            descriptors = [self.memory_descriptor, pair.slots_read, pair.freed_write]
            self.workers.append(self.family.start("worker", index, descriptors))
        # Our copies must go, or nobody would ever see the end of a pipe.
        for pair in pipes:
            pair.close()

    def start_broker(self) -> str:
        """Start the embedded broker; returns its address."""
        self.broker = self.family.start("broker", 0)
        return self.ask_broker()

    def ask_broker(self) -> str:
        """Wait for the embedded broker's next word; returns its address."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            for child, message in self.family.wait(0.1):
                if child is self.broker and isinstance(message, Listening):
                    return message.bootstrap
                if isinstance(message, Failed):
                    raise error_of(child, message)
            if self.broker is not None and self.broker.reap():
                break
        raise BrokerError("the embedded broker did not start", "give a broker of your own with -b HOST:PORT")

    def members(self) -> list[Child]:
        """Those whose end is the end of the run: the reader and the workers."""
        assert self.reader is not None
        return [self.reader, *self.workers]


@dataclass(frozen=True)
class _Destination:
    """Where the records will go, as the broker described it."""

    kafka: KafkaOptions
    cluster: Cluster
    topic: Topic
    is_embedded: bool


def run(config: RunConfig, observer: Observer) -> RunReport:
    """Run what ``config`` asks for, to its end, and report on it.

    Raises an error of the tree when the run cannot start; once records may have been sent, every fault is in the
    report. No process, memory or port is left behind, however it ends.
    """
    started_ns = time.monotonic_ns()
    ensure_kernel_cache()
    crew = _Crew(Family(), create_file())
    try:
        # The reader is started before the dataset is looked at, and must find standard input where we leave it.
        spool = spool_of_process().descriptors if WORD in config.source.paths else ()
        crew.start(config.workers or default_worker_count(), spool)
        choice = choose_producer(config.kafka.producer)
        destination = _find_destination(config, crew)
        plan = planning.plan_dataset(config.source, config.schema, config.topic)
        return _Run(config, observer, crew, choice, destination, plan, started_ns).run()
    finally:
        crew.family.end()
        os.close(crew.memory_descriptor)


def _find_destination(config: RunConfig, crew: _Crew) -> _Destination:
    """Connect, and find or create the topic. Raises BrokerError."""
    kafka = config.kafka
    is_embedded = not kafka.bootstrap
    if is_embedded:
        kafka = KafkaOptions(crew.start_broker(), kafka.properties, kafka.create_partitions, kafka.producer)
        assert crew.broker is not None
        crew.broker.send(CreateTopic(config.topic, kafka.create_partitions or _EMBEDDED_PARTITIONS))
        crew.ask_broker()
    cluster = Cluster(client_properties(kafka))
    cluster.connect()
    if kafka.create_partitions is not None and not is_embedded:
        cluster.create_topic(config.topic, kafka.create_partitions)
    return _Destination(kafka, cluster, cluster.describe_topic(config.topic), is_embedded)


class _Run:
    """One run, from the plan to the report."""

    def __init__(
        self,
        config: RunConfig,
        observer: Observer,
        crew: _Crew,
        choice: ProducerChoice,
        destination: _Destination,
        plan: planning.DatasetPlan,
        started_ns: int,
    ) -> None:
        self._config, self._observer, self._crew = config, observer, crew
        self._choice, self._destination, self._plan = choice, destination, plan
        self._started_ns = started_ns
        self._started_at = datetime.now(UTC)
        self._run_id = f"{self._started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._limits = planning.batch_limits(dict(destination.kafka.properties), destination.topic.max_message_bytes)
        self._notes = [*plan.notes]
        self._worker_count = min(len(crew.workers), destination.topic.partition_count)
        self._layout = planning.plan_layout(
            self._worker_count, destination.topic.partition_count, self._limits.max_record_bytes
        )

    def run(self) -> RunReport:
        """Set up the children, start the clock, watch until all have ended, then close the books."""
        registration = register(self._config, self._plan)
        reserve(self._crew.memory_descriptor, self._layout.total_bytes)
        memory = map_file(self._crew.memory_descriptor, self._layout.total_bytes)
        control = control_of(memory)
        watch = Watch(
            self._observer,
            control,
            reader_counters(memory, self._layout),
            [worker_counters(memory, self._layout, worker) for worker in range(self._worker_count)],
            planning.record_total(self._config, self._plan),
            self._config.pacing.rate,
        )
        self._tell_plan(registration)
        before = self._destination.cluster.end_offsets(self._config.topic)
        self._send_setups((registration.prefix, registration.key_prefix))
        self._await_ready(watch)
        # Until here Ctrl-C simply ends the command: nothing was sent.
        with signals_noted() as signals:
            watch.watch(self._crew.family, self._crew.members(), self._start_clock(control), signals)
            after = self._end_offsets_after(is_in_haste=signals.count > 1)
        facts = RunFacts(
            config=self._config,
            run_id=self._run_id,
            replayer_version=__version__,
            started_at=self._started_at,
            started_ns=self._started_ns,
            bootstrap=self._destination.kafka.bootstrap,
            is_embedded=self._destination.is_embedded,
            registration=registration,
            plan=self._plan,
            choice=self._choice,
            notes=tuple(self._notes),
            end_offsets_before=before,
            end_offsets_after=after,
            children=tuple(self._crew.family.children),
        )
        return make_report(facts, watch.outcome())

    def _tell_plan(self, registration: Registration) -> None:
        config, topic, source = self._config, self._destination.topic, self._plan.source
        size = planning.size_of(source)
        broker = "embedded broker at " if self._destination.is_embedded else ""
        names = [file.path for file in source.files]
        listed = names[0] if len(names) == 1 else f"{len(names)} files ({names[0]} …)"
        limits = config.limits
        parts = [f"rate {format_rate(config.pacing.rate)}"]
        if limits.max_records is not None:
            parts.append(f"at most {format_count(limits.max_records)} records")
        if limits.duration_ns is not None:
            parts.append(f"for {format_duration(limits.duration_ns)}")
        if limits.loops != 1:
            parts.append("looping" if limits.loops is None else f"{limits.loops} loops")
        parts.append(f"{self._worker_count} worker{'s' if self._worker_count > 1 else ''}")
        asked = ", ".join(parts)
        self._observer.plan(
            [
                (
                    f"{listed}{size} → topic {topic.name}, "
                    f"{topic.partition_count} partitions, {broker}{self._destination.kafka.bootstrap}"
                ),
                f"schema {self._plan.schema_origin}, {config.record.value_format} values, {registration}; {asked}",
            ]
        )
        self._observer.detail(f"producer {self._choice.name}: {self._choice.reason}")
        self._observer.detail(f"run {self._run_id}, shared memory {format_bytes(self._layout.total_bytes)}")
        for note in self._notes:
            self._observer.note(note)

    def _send_setups(self, prefixes: tuple[bytes, bytes]) -> None:
        config, crew = self._config, self._crew
        assert crew.reader is not None
        for spare in crew.workers[self._worker_count :]:
            spare.send(Dismissed())
        crew.workers = crew.workers[: self._worker_count]
        crew.reader.send(
            ReaderSetup(
                layout=self._layout,
                pipeline=planning.pipeline_setup(
                    self._plan,
                    config.record,
                    config.rejects,
                    prefixes,
                    self._limits.max_record_bytes,
                    self._run_id,
                    self._layout.partition_count,
                ),
                rate_per_s=config.pacing.rate,
                max_records=config.limits.max_records,
                duration_ns=config.limits.duration_ns,
                loops=config.limits.loops,
            )
        )
        properties = tuple(self._producer_properties().items())
        setup = WorkerSetup(
            self._layout, self._choice.name, properties, config.topic, is_paced=config.pacing.rate is not None
        )
        for worker in crew.workers:
            worker.send(setup)

    def _producer_properties(self) -> dict[str, str]:
        """The client's properties with what a run needs where the user said nothing."""
        layout = self._layout
        ring_records = layout.slots_per_worker * layout.record_capacity
        ring_kbytes = layout.slots_per_worker * layout.bytes_capacity // 1024
        given = client_properties(self._destination.kafka)
        defaults = {
            "acks": "all",
            "enable.idempotence": "true",
            "linger.ms": "5",
            "batch.size": str(self._limits.batch_bytes),
            # Larger than the worker's ring, so that a full queue on one partition never holds up another.
            "queue.buffering.max.messages": str(2 * ring_records),
            "queue.buffering.max.kbytes": str(2 * ring_kbytes),
            "message.max.bytes": str(max(self._limits.max_record_bytes, 1000)),
        }
        if self._config.pacing.rate is not None:
            # A worker learns from the statistics when its producer id has come; making them costs more the more
            # partitions there are.
            defaults[STATISTICS] = str(max(100, 2 * layout.partition_count))
        acks = given.get("acks", given.get("request.required.acks", "all"))
        if acks not in ("all", "-1") and "enable.idempotence" not in given:
            defaults["enable.idempotence"] = "false"
            note = f"acks={acks} switches idempotence off; delivered then means what the broker said so far"
            self._notes.append(note)
            self._observer.note(note)
        if "request.required.acks" in given:
            del defaults["acks"]
        return {**defaults, **given}

    def _await_ready(self, watch: Watch) -> None:
        """Until every child is set up. Raises what a child failed with."""
        waiting = {child.name for child in self._crew.members()}
        started = time.monotonic()
        hinted = False
        while waiting:
            if not hinted and time.monotonic() - started > _COMPILE_HINT_S:
                hinted = True
                self._observer.note("compiling kernels: only the first run on a machine takes these seconds")
            for child, message in self._crew.family.wait(0.1):
                if isinstance(message, Failed):
                    raise error_of(child, message)
                # A reader of a small dataset has said all that it has to say before the clock even starts.
                watch.take(child, message)
                if isinstance(message, Ready):
                    waiting.discard(child.name)
            for child in self._crew.members():
                if child.name in waiting and child.reap() and child.is_at_end:
                    raise error_of(child, None)
            if time.monotonic() - started > _START_TIMEOUT_S:
                raise ReplayerError(f"{', '.join(sorted(waiting))} did not get ready in {_START_TIMEOUT_S:.0f} s")

    def _start_clock(self, control: Control) -> int:
        """Publish the first map: nominal 0 is just before the wake grid, a moment from now."""
        rate = self._config.pacing.rate
        start_ns = time.monotonic_ns()
        if rate is not None:
            grid_ns = next_wake_ns(start_ns + _START_MARGIN_NS, time.time_ns() - time.monotonic_ns())
            start_ns = grid_ns - _GRID_TOLERANCE_NS
            control.set_bucket(bucket_setting(rate), start_ns)
        control.publish_map(ClockMap(anchor_nominal_ns=0, anchor_clock_ns=start_ns))
        return start_ns

    def _end_offsets_after(self, is_in_haste: bool) -> Sequence[int] | None:
        broker = self._crew.broker
        if broker is not None and broker.exit_status is not None:
            self._notes.append("the embedded broker is gone and could not be asked for its end offsets")
            return None
        try:
            # Who has asked twice to stop does not wait for a broker that may be the reason why.
            timeout_s = _HASTY_PROOF_S if is_in_haste else _PROOF_S
            return self._destination.cluster.end_offsets(self._config.topic, timeout_s)
        except ReplayerError as error:
            self._notes.append(f"the broker could not be asked for its end offsets: {error.message}")
            return None
