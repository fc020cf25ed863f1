"""The contract of a RecordProducer, for both: each record is sent once, in order, and followed to its outcome."""

from __future__ import annotations

import ctypes
import itertools
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from replayer.errors import BrokerError, UsageError
from replayer.kafka.blocks import (
    END,
    FAILED,
    FIRST,
    FIRST_ACKED,
    FIRST_DUE,
    FIRST_SENT,
    LAST_ACKED,
    LAST_DUE,
    LAST_SENT,
    LATE_COUNT,
    LATE_NS,
    PIECE_WORDS,
    QUEUE_FULL_COUNT,
    TAKEN,
    UNKNOWN,
    Blocks,
    RecordProducer,
    Tallies,
)
from replayer.kafka.embedded import ALL_BROKERS, ApiKey, MockCluster
from replayer.kafka.native_kernels import PRODUCE_BATCH
from replayer.kafka.producer import choose_producer, make_producer
from replayer.metrics import histogram
from tests.unit.kafka.records import Given, empty_blocks, empty_tallies, fill_block, piece, read_back
from tests.waiting import wait_for

PARTITIONS = 3
INVALID_RECORD = 87
NOT_LEADER_FOR_PARTITION = 6
REQUEST_TIMED_OUT = 7
NOT_ENOUGH_REPLICAS = 19


@dataclass
class Subject:
    """A producer under test, what it works on, and the cluster that it sends to."""

    name: str
    cluster: MockCluster
    topic: str
    blocks: Blocks
    tallies: Tallies
    properties: dict[str, str]
    producer: RecordProducer | None = None

    def start(self, **properties: str) -> RecordProducer:
        """Make the producer, with properties besides those of every test."""
        more = {name.replace("_", "."): value for name, value in properties.items()}
        self.producer = make_producer(self.name, {**self.properties, **more}, self.topic, self.blocks, self.tallies)
        return self.producer

    def send_all(self, pieces: np.ndarray, drain: bool = True) -> int:
        """Send until everything is taken, as a worker does; returns how often a piece came back short."""
        assert self.producer is not None
        short, left = 0, pieces.copy()
        deadline = time.monotonic() + 20
        while len(left):
            self.producer.send(left)
            short += int((left[:, TAKEN] < left[:, END] - left[:, FIRST]).any())
            left[:, FIRST] += left[:, TAKEN]
            left = left[left[:, FIRST] < left[:, END]]
            if drain:
                self.producer.drain()
            assert time.monotonic() < deadline
        return short

    def finish(self) -> None:
        """Drain until every record has its outcome."""
        producer = self.producer
        assert producer is not None
        wait_for(lambda: producer.drain() >= 0 and producer.in_flight == 0, "all outcomes")
        tallies = self.tallies
        outcomes = tallies.delivered + tallies.failed + tallies.unknown
        assert tallies.attempted.tolist() == outcomes.tolist()
        assert not self.blocks.outstanding.any()

    def on_the_broker(self) -> dict[int, list[Given]]:
        """What an ordinary consumer finds."""
        return read_back(self.cluster.bootstrap, self.topic, PARTITIONS).by_partition


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        yield cluster


topic_numbers = itertools.count()


@pytest.fixture(params=["native", "portable"])
def subject(request: pytest.FixtureRequest, cluster: MockCluster) -> Iterator[Subject]:
    # Without idempotence, whose producer id takes librdkafka half a second to get, but where it matters.
    properties = {
        "bootstrap.servers": cluster.bootstrap,
        "allow.auto.create.topics": "false",
        "acks": "all",
        "enable.idempotence": "false",
        "linger.ms": "1",
    }
    topic = f"contract-{next(topic_numbers)}"
    cluster.create_topic(topic, PARTITIONS)
    subject = Subject(request.param, cluster, topic, empty_blocks(3), empty_tallies(PARTITIONS), properties)
    yield subject
    if subject.producer is not None:
        subject.producer.close()
    cluster.set_round_trip_ms(ALL_BROKERS, 0)


def numbered(count: int, partition: int = 0, key: bytes | None = None) -> list[Given]:
    """Records that say which one they are."""
    return [Given(b"%d/%d" % (partition, number), key, partition) for number in range(count)]


def by_partition(records: list[Given]) -> list[Given]:
    """As a slot holds them: grouped by partition, in order within each."""
    return sorted(records, key=lambda record: record.partition)


def test_every_record_is_delivered_and_counted(subject: Subject) -> None:
    """Over calls larger than one batch of the library: all there, all in order, all counted in their partition."""
    records = by_partition([*numbered(2500, 0), *numbered(1, 1), *numbered(2000, 2)])
    pieces = fill_block(subject.blocks, 1, records)
    before_ns = time.monotonic_ns()
    subject.start()
    subject.send_all(pieces)
    subject.finish()
    tallies = subject.tallies
    assert tallies.delivered.tolist() == tallies.attempted.tolist() == [2500, 1, 2000]
    sizes = [sum(len(record.value) for record in records if record.partition == number) for number in range(PARTITIONS)]
    assert tallies.delivered_bytes.tolist() == sizes
    assert tallies.latency_from_send[histogram.COUNT] == 4501
    assert tallies.lag[histogram.COUNT] == tallies.latency[histogram.COUNT] == 0
    moments = tallies.moments
    order = [before_ns, moments[FIRST_SENT], moments[LAST_SENT], moments[LAST_ACKED], time.monotonic_ns()]
    assert order == sorted(order)
    assert moments[FIRST_SENT] < moments[FIRST_ACKED] <= moments[LAST_ACKED]
    found = subject.on_the_broker()
    for partition in range(PARTITIONS):
        expected = [record.value for record in records if record.partition == partition]
        assert [record.value for record in found[partition]] == expected
    assert subject.producer is not None
    assert list(subject.producer.take_failures()) == []


def test_several_blocks_in_one_call(subject: Subject) -> None:
    """Pieces of different blocks go in the order given, so a partition that lies in two slots keeps its order."""
    parts = [[Given(b"%d.%d" % (block, k), b"k", k % 2) for k in range(6)] for block in range(3)]
    pieces = np.concatenate([fill_block(subject.blocks, block, by_partition(part)) for block, part in enumerate(parts)])
    subject.start()
    subject.send_all(pieces)
    subject.finish()
    found = subject.on_the_broker()
    for partition in (0, 1):
        expected = [record.value for part in parts for record in part if record.partition == partition]
        assert [record.value for record in found[partition]] == expected


def test_part_of_a_run(subject: Subject) -> None:
    """A piece may begin and end anywhere in a run, as the due prefix of a paced slot does."""
    records = [Given(b"value%d" % number, b"key%d" % number) for number in range(10)]
    fill_block(subject.blocks, 0, records)
    producer = subject.start()
    for first, end in ((0, 1), (1, 1), (1, 7), (7, 10)):
        pieces = piece(0, first, end, 0)
        producer.send(pieces)
        assert pieces[0, TAKEN] == end - first
    subject.finish()
    assert [(one.key, one.value) for one in subject.on_the_broker()[0]] == [(one.key, one.value) for one in records]


def test_nothing_to_send(subject: Subject) -> None:
    """A call without pieces does nothing, and neither does draining an idle producer."""
    producer = subject.start()
    producer.send(np.zeros((0, PIECE_WORDS), np.int64))
    assert (producer.drain(), producer.in_flight) == (0, 0)


@pytest.mark.parametrize("extras", [{}, {"timestamp_ms": 1_700_000_000_123}, {"headers": ()}], ids=str)
def test_a_null_key_is_no_empty_key(subject: Subject, extras: dict[str, int]) -> None:
    """Keys and values arrive as they are, the empty one and the missing one told apart, whichever call sends them."""
    keys = [b"a", None, b"", b"bc", b"", None]
    records = [Given(b"" if number == 3 else b"v%d" % number, key, **extras) for number, key in enumerate(keys)]
    pieces = fill_block(subject.blocks, 0, records)
    subject.start()
    subject.send_all(pieces)
    subject.finish()
    found = subject.on_the_broker()[0]
    assert [(record.key, record.value) for record in found] == [(record.key, record.value) for record in records]
    assert subject.tallies.delivered_bytes[0] == sum(len(one.value) + len(one.key or b"") for one in records)


def test_timestamps_and_headers_arrive(subject: Subject) -> None:
    """Each record has its own: headers in order, doubled names, null, empty and binary values, none at all."""
    tables = [
        (("a", b"1"), ("b", None), ("a", b"2")),
        (),
        (("", b""), ("größe", bytes(range(256)))),
        tuple((f"name{number}", b"%d" % number) for number in range(100)),
        (("last", b"x"),),
    ]
    records = [
        Given(b"value%d" % number, b"key" if number % 2 else None, number % 2, 1_000_000_000_000 + 7 * number, headers)
        for number, headers in enumerate(tables)
    ]
    pieces = fill_block(subject.blocks, 2, by_partition(records))
    subject.start()
    subject.send_all(pieces)
    subject.finish()
    found = subject.on_the_broker()
    for partition in (0, 1):
        expected = [
            Given(one.value, one.key, partition, one.timestamp_ms, one.headers or None)
            for one in records
            if one.partition == partition
        ]
        assert found[partition] == expected


def test_without_timestamps_records_have_the_time_of_the_send(subject: Subject) -> None:
    """CreateTime is the wall clock's, between before and after."""
    before_ms = time.time_ns() // 1_000_000
    pieces = fill_block(subject.blocks, 0, numbered(3))
    subject.start()
    subject.send_all(pieces)
    subject.finish()
    found = [record.timestamp_ms for record in subject.on_the_broker()[0]]
    assert all(stamp is not None and before_ms <= stamp <= time.time_ns() // 1_000_000 for stamp in found)


@pytest.mark.parametrize("headers", [None, (("h", b"v"),)], ids=["batch", "singly"])
def test_case_24_a_record_that_is_too_large_fails_alone(
    subject: Subject, headers: tuple[tuple[str, bytes], ...] | None
) -> None:
    """It is reported as its own source row, surely not stored; all before and behind it are delivered in order."""
    records = [Given(b"%04d" % number, b"k", 1, headers=headers) for number in range(1500)]
    for large in (0, 700, 1024, 1499):
        records[large] = Given(bytes(5000), b"k", 1, headers=headers)
    pieces = fill_block(subject.blocks, 0, records, first_row=10_000)
    producer = subject.start(message_max_bytes="2000")
    subject.send_all(pieces)
    subject.finish()
    failures = list(producer.take_failures())
    assert [(one.source_row, one.partition, one.outcome) for one in failures] == [
        (10_000 + large, 1, FAILED) for large in (0, 700, 1024, 1499)
    ]
    assert {one.error for one in failures} == {"Broker: Message size too large"}
    assert (subject.tallies.delivered[1], subject.tallies.failed[1]) == (1496, 4)
    assert [one.value for one in subject.on_the_broker()[1]] == [one.value for one in records if len(one.value) == 4]
    assert list(producer.take_failures()) == []


def test_an_error_of_one_partition_is_reported_as_its_rows(subject: Subject) -> None:
    """The broker refuses partition 1: exactly its rows failed, with the broker's words, the others are delivered."""
    subject.cluster.push_partition_errors(subject.topic, 1, ApiKey.PRODUCE, [INVALID_RECORD])
    records = by_partition([*numbered(20, 0), *numbered(10, 1), *numbered(20, 2)])
    pieces = fill_block(subject.blocks, 0, records, first_row=500)
    producer = subject.start(linger_ms="100")
    subject.send_all(pieces)
    subject.finish()
    failures = list(producer.take_failures())
    assert sorted((one.source_row, one.partition, one.outcome) for one in failures) == [
        (row, 1, FAILED) for row in range(520, 530)
    ]
    assert {one.error for one in failures} == {"Broker: Broker failed to validate record"}
    assert subject.tallies.delivered.tolist() == [20, 0, 20]
    assert {partition: len(found) for partition, found in subject.on_the_broker().items()} == {0: 20, 1: 0, 2: 20}


@pytest.mark.parametrize("error", [NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS])
def test_case_28_errors_that_pass_lose_and_double_nothing(subject: Subject, error: int) -> None:
    """The broker answers some requests with an error that passes: all delivered, none twice, order kept."""
    for partition in range(PARTITIONS):
        subject.cluster.push_partition_errors(subject.topic, partition, ApiKey.PRODUCE, [0, error, 0, error, error])
    records = by_partition([one for partition in range(PARTITIONS) for one in numbered(300, partition, b"k")])
    pieces = fill_block(subject.blocks, 0, records)
    properties = {"enable_idempotence": "true", "batch_num_messages": "10"}
    producer = subject.start(**properties, retry_backoff_ms="10", retry_backoff_max_ms="20")
    subject.send_all(pieces)
    subject.finish()
    assert subject.tallies.delivered.tolist() == [300, 300, 300]
    assert list(producer.take_failures()) == []
    found = subject.on_the_broker()
    for partition in range(PARTITIONS):
        assert [one.value for one in found[partition]] == [b"%d/%d" % (partition, number) for number in range(300)]


@pytest.mark.parametrize("extras", [{}, {"headers": ()}], ids=["batch", "singly"])
def test_case_25_a_full_queue_takes_less_and_loses_nothing(subject: Subject, extras: dict[str, tuple[()]]) -> None:
    """Back-pressure is a short ``taken``: what was not taken is sent again later, once, and in order."""
    records = [Given(b"%05d" % number, b"k", **extras) for number in range(3000)]
    pieces = fill_block(subject.blocks, 0, records)
    subject.start(queue_buffering_max_messages="100")
    assert subject.send_all(pieces) > 1
    subject.finish()
    assert subject.tallies.delivered[0] == 3000
    assert subject.tallies.moments[QUEUE_FULL_COUNT] > 1
    assert [one.value for one in subject.on_the_broker()[0]] == [one.value for one in records]


def test_a_full_queue_lets_nothing_overtake(subject: Subject) -> None:
    """A large record finds no room, and the small one behind it, in another slot, would: it must wait its turn."""
    large = [Given(b"%d" % number + bytes(300_000), b"k") for number in range(3)]
    first = fill_block(subject.blocks, 0, large)
    second = fill_block(subject.blocks, 1, [Given(b"small", b"k"), Given(b"other", b"k", 2)])
    producer = subject.start(queue_buffering_max_kbytes="700")
    pieces = np.concatenate([first, second])
    producer.send(pieces)
    assert pieces[:, TAKEN].tolist() == [2, 0, 0]
    pieces[:, FIRST] += pieces[:, TAKEN]
    wait_for(lambda: producer.drain() >= 0 and producer.in_flight == 0, "the first two")
    subject.send_all(pieces[pieces[:, FIRST] < pieces[:, END]])
    subject.finish()
    assert [one.value[:5] for one in subject.on_the_broker()[0]] == [*(one.value[:5] for one in large), b"small"]


@pytest.mark.parametrize("extras", [{}, {"headers": ()}], ids=["batch", "singly"])
def test_purge_gives_everything_an_outcome(subject: Subject, extras: dict[str, tuple[()]]) -> None:
    """Given up while the broker is slow: what was on its way is unknown, what was queued is surely not stored."""
    producer = subject.start(enable_idempotence="true", batch_num_messages="10", linger_ms="0")
    subject.send_all(fill_block(subject.blocks, 0, [Given(b"v", b"k", **extras) for _ in range(10)]))
    subject.finish()
    subject.cluster.set_round_trip_ms(1, 60_000)
    subject.send_all(fill_block(subject.blocks, 0, [Given(b"v", b"k", **extras) for _ in range(10)]), drain=False)
    rest = [Given(b"w", b"k", **extras) for _ in range(3000)]
    subject.send_all(fill_block(subject.blocks, 1, rest, first_row=100), drain=False)
    started = time.monotonic()
    # Nobody tells when a request has left; with no linger it has in a fifth of a second.
    wait_for(lambda: time.monotonic() - started > 0.2, "a request")
    producer.purge()
    subject.finish()
    tallies = subject.tallies
    assert tallies.delivered[0] == 10
    assert tallies.failed[0] + tallies.unknown[0] == 3010
    assert 1 <= tallies.unknown[0] <= 50  # five requests of a partition may be on their way
    failures = list(producer.take_failures())
    assert len(failures) == 3010
    assert {one.outcome for one in failures} == {FAILED, UNKNOWN}
    assert sorted(one.source_row for one in failures) == [*range(10), *range(100, 3100)]


def test_case_30_an_answer_that_never_comes_is_unknown(subject: Subject) -> None:
    """The delivery timeout passes while the broker is silent: perhaps stored, so unknown and not failed."""
    producer = subject.start(message_timeout_ms="600", linger_ms="100", batch_num_messages="50")
    subject.send_all(fill_block(subject.blocks, 0, numbered(1, 1)))
    subject.finish()
    subject.cluster.set_round_trip_ms(1, 60_000)
    subject.send_all(fill_block(subject.blocks, 0, numbered(50, 1), first_row=7))
    subject.finish()
    assert (subject.tallies.unknown[1], subject.tallies.delivered[1], subject.tallies.failed[1]) == (50, 1, 0)
    failures = list(producer.take_failures())
    assert sorted((one.source_row, one.outcome) for one in failures) == [(row, UNKNOWN) for row in range(7, 57)]


def test_case_30_records_that_never_left(subject: Subject) -> None:
    """The delivery timeout passes while the broker is down: the native producer knows that nothing was stored.

    confluent_kafka does not hand on the message's status, so the portable one has to call it unknown.
    """
    producer = subject.start(message_timeout_ms="600")
    subject.cluster.set_broker_down()
    try:
        subject.send_all(fill_block(subject.blocks, 0, numbered(50, 1)))
        subject.finish()
    finally:
        subject.cluster.set_broker_up()
    outcomes = {one.outcome for one in producer.take_failures()}
    assert outcomes == {FAILED if subject.name == "native" else UNKNOWN}
    assert subject.tallies.failed[1] + subject.tallies.unknown[1] == 50
    warnings = producer.take_warnings()
    assert warnings
    assert all(isinstance(text, str) and text for text in warnings)
    assert list(producer.take_warnings()) == []


def test_attempted_is_raised_before_the_send(subject: Subject) -> None:
    """At the moment a record reaches librdkafka it is counted: whoever kills us then cannot hide it."""
    pieces = fill_block(subject.blocks, 0, numbered(2000, 1))
    producer = subject.start()
    seen: list[int] = []
    stop_spying = spy_on_sends(subject, lambda: seen.append(int(subject.tallies.attempted[1])))
    producer.send(pieces)
    stop_spying()
    assert pieces[0, TAKEN] == 2000
    assert len(seen) >= 2
    assert all(count > 0 for count in seen)
    assert seen == sorted(seen)
    assert seen[-1] == subject.tallies.attempted[1] == 2000
    subject.tallies.attempted[1] = 0  # nothing was really sent


def spy_on_sends(subject: Subject, look: Callable[[], None]) -> Callable[[], None]:
    """Replace the call that hands records to librdkafka by one that looks and takes them all; returns the undoing."""
    producer = subject.producer
    if subject.name == "native":

        def take(topic: int, partition: int, flags: int, messages: int, count: int) -> int:
            look()
            return count

        integer, pointer = ctypes.c_int32, ctypes.c_int64
        callback = ctypes.CFUNCTYPE(integer, pointer, integer, integer, pointer, integer)(take)
        functions = producer._functions  # type: ignore[union-attr]
        right = int(functions[PRODUCE_BATCH])
        functions[PRODUCE_BATCH] = ctypes.cast(callback, ctypes.c_void_p).value
        return lambda: (callback, functions.__setitem__(PRODUCE_BATCH, right))[1]

    class Spy:
        def produce(self, *words: object, **named: object) -> None:
            look()

    right_client = producer._producer  # type: ignore[union-attr]
    producer._producer = Spy()  # type: ignore[union-attr]
    return lambda: setattr(producer, "_producer", right_client)


def test_lag_and_latency_are_measured_from_due(subject: Subject) -> None:
    """With due times, lag is sent − due and latency acked − due; a lag over 10 ms counts as late."""
    records = numbered(3)
    pieces = fill_block(subject.blocks, 0, records)
    producer = subject.start()
    now_ns = time.monotonic_ns()
    due_ns = np.array([now_ns - 5 * 10**9, now_ns - 2 * LATE_NS, now_ns - 1])
    subject.blocks.due_clock_ns[0, :3] = due_ns
    producer.send(pieces)
    subject.finish()
    tallies = subject.tallies
    sent_ns = subject.blocks.sent_ns[0, :3]
    assert (sent_ns >= now_ns).all()
    assert tallies.lag[histogram.COUNT] == tallies.latency[histogram.COUNT] == 3
    assert tallies.lag[histogram.SUM] == (sent_ns - due_ns).sum()
    assert tallies.lag[histogram.SUM] + tallies.latency_from_send[histogram.SUM] == tallies.latency[histogram.SUM]
    assert tallies.moments[LATE_COUNT] == 2 + (sent_ns[2] - due_ns[2] > LATE_NS)
    assert tallies.moments[[FIRST_DUE, LAST_DUE]].tolist() == [due_ns[0], due_ns[2]]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("no.such.property", "1", r'No such configuration property: "no\.such\.property"'),
        ("linger.ms", "soon", "queue.buffering.max.ms"),  # the name behind linger.ms
        ("acks", "7000", "acks"),
        ("enable.idempotence", "perhaps", "enable.idempotence"),
    ],
)
def test_a_wrong_property_is_a_usage_error(subject: Subject, name: str, value: str, words: str) -> None:
    """librdkafka's own words name the property, and the hint says where it may have come from."""
    with pytest.raises(UsageError, match=words) as caught:
        subject.start(**{name.replace(".", "_"): value})
    assert "-X" in caught.value.hint


def test_properties_that_contradict_each_other_are_a_usage_error(subject: Subject) -> None:
    """Idempotence without acks=all is refused when the client is made."""
    with pytest.raises(UsageError, match=r"acks"):
        subject.start(acks="1", enable_idempotence="true")


def test_a_broker_that_does_not_answer_is_a_broker_error(subject: Subject) -> None:
    """Nobody listens: an error within the time given, that names the topic."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    properties = {**subject.properties, "bootstrap.servers": address}
    started = time.monotonic()
    with pytest.raises(BrokerError, match=subject.topic):
        make_producer(subject.name, properties, subject.topic, subject.blocks, subject.tallies, timeout_s=0.5)
    assert time.monotonic() - started < 3


def test_closing_with_records_in_flight_does_not_wait(subject: Subject) -> None:
    """After a second Ctrl-C nobody waits for a broker that does not answer."""
    producer = subject.start(linger_ms="0")
    subject.cluster.set_round_trip_ms(1, 60_000)
    subject.send_all(fill_block(subject.blocks, 0, numbered(100)))
    started = time.monotonic()
    producer.close()
    subject.producer = None
    assert time.monotonic() - started < 3


def test_a_wake_descriptor_becomes_readable_with_reports(subject: Subject) -> None:
    """Whoever has one is woken by the reports themselves; whoever has none says so."""
    producer = subject.start()
    if subject.name == "portable":
        assert producer.wake_descriptor == -1
        return
    producer.drain()
    for number in range(3):
        subject.send_all(fill_block(subject.blocks, 0, numbered(5)), drain=False)
        deadline = time.monotonic() + 10
        while producer.in_flight:
            readable, _, _ = select.select([producer.wake_descriptor], (), (), 10)
            assert readable
            assert time.monotonic() < deadline
            producer.drain()
        assert subject.tallies.delivered[0] == 5 * (number + 1)


def test_both_are_there() -> None:
    """This machine has both, and ``auto`` takes the native one with its reason."""
    assert choose_producer("native").name == choose_producer("auto").name == "native"
    assert choose_producer("portable").name == "portable"
    assert "2." in choose_producer("auto").reason
