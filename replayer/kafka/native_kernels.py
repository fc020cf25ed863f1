"""The native producer's loops over librdkafka's structures.

``rd_kafka_message_t`` (72 bytes, 9 words): err i32 @0, rkt @8, partition i32 @16, payload @24, len @32, key @40,
key_len @48, offset @56, _private @64. ``rd_kafka_vu_t`` (72 bytes, 9 words): vtype i32 @0, then a union of 64 bytes @8.
Both as in rdkafka.h; ``tests/unit/kafka`` checks the layout against the library itself.
"""

from __future__ import annotations

import numpy as np
from numba import types

from replayer.kafka.blocks import (
    BLOCK,
    END,
    FAILED,
    FIRST,
    HAS_HEADERS,
    HAS_TIMESTAMPS,
    HEADERS_FIRST,
    KEYS_FIRST,
    PARTITION,
    QUEUE_FULL_COUNT,
    TAKEN,
    UNKNOWN,
    Blocks,
    Int64s,
    Tallies,
)
from replayer.kafka.delivery_kernels import count_delivered, count_undelivered, stamp_sent
from replayer.machine.clock_kernels import monotonic_ns
from replayer.machine.jit import kernel
from replayer.machine.memory import address_of, c_function, peek_i32, peek_i64
from replayer.machine.unaligned import load_int32

FUNCTIONS = (
    "rd_kafka_produce_batch", "rd_kafka_produceva", "rd_kafka_error_code", "rd_kafka_error_destroy",
    "rd_kafka_headers_new", "rd_kafka_header_add", "rd_kafka_headers_destroy", "rd_kafka_queue_poll",
    "rd_kafka_event_type", "rd_kafka_event_message_array", "rd_kafka_event_destroy", "rd_kafka_message_status",
    "clock_gettime",
)  # fmt: skip
(
    PRODUCE_BATCH, PRODUCEVA, ERROR_CODE, ERROR_DESTROY, HEADERS_NEW, HEADER_ADD, HEADERS_DESTROY, QUEUE_POLL,
    EVENT_TYPE, EVENT_MESSAGE_ARRAY, EVENT_DESTROY, MESSAGE_STATUS, CLOCK_GETTIME,
) = range(len(FUNCTIONS))  # fmt: skip

MESSAGE_WORDS = 9
CALL_RECORDS = 1024
"""Records of one call to produce_batch: small enough for its messages to stay in the cache and for one sent time to be
true.
"""
HEADERS_PER_RECORD = 64
REPORT_BATCH = 512

FAILURE_WORDS = 4
"""A failure is a row of four int64: source row, partition, outcome, error code."""

_QUEUE_FULL = -184
_POSSIBLY_PERSISTED = 1
_EVENT_DELIVERY_REPORT = 1
_VT_RKT, _VT_PARTITION, _VT_VALUE, _VT_KEY, _VT_OPAQUE, _VT_TIMESTAMP, _VT_HEADERS = 2, 3, 4, 5, 6, 8, 10
_I32_MASK = 0xFFFFFFFF

_produce_batch = c_function(types.int32, types.int64, types.int32, types.int32, types.int64, types.int32)
_produceva = c_function(types.int64, types.int64, types.int64, types.int64)
_pointer_to_pointer = c_function(types.int64, types.int64)
_pointer_to_int = c_function(types.int32, types.int64)
_release = c_function(types.void, types.int64)
_header_add = c_function(types.int32, types.int64, types.int64, types.int64, types.int64, types.int64)
_queue_poll = c_function(types.int64, types.int64, types.int32)
_message_array = c_function(types.int64, types.int64, types.int64, types.int64)

STATE_EVENT, STATE_FAILURE_COUNT, STATE_REPORTS, STATE_IN_FLIGHT = range(4)
STATE_WORDS = 4


@kernel
def _log_failure(
    blocks: Blocks, failures: Int64s, state: Int64s, block: int, position: int, partition: int, outcome: int, error: int
) -> None:
    row = failures[state[STATE_FAILURE_COUNT]]
    row[0], row[1], row[2], row[3] = blocks.source_rows[block, position], partition, outcome, error
    state[STATE_FAILURE_COUNT] += 1


@kernel
def _fill_messages(blocks: Blocks, messages: Int64s, block: int, first: int, end: int) -> None:
    base = address_of(blocks.bytes[block])
    value_ends, key_ends, key_is_null = blocks.value_ends[block], blocks.key_ends[block], blocks.key_is_null[block]
    value_is_null = blocks.value_is_null[block]
    value_first = value_ends[first - 1] if first > 0 else 0
    key_first = np.int64(key_ends[first - 1]) if first > 0 else blocks.starts[block, KEYS_FIRST]
    for position in range(first, end):
        message = messages[position - first]
        value_end, key_end = np.int64(value_ends[position]), np.int64(key_ends[position])
        message[0] = 0
        message[3] = 0 if value_is_null[position] else base + value_first
        message[4] = value_end - value_first
        message[5] = 0 if key_is_null[position] else base + key_first
        message[6] = key_end - key_first
        message[8] = block << 32 | position
        value_first, key_first = value_end, key_end


@kernel
def _send_call(
    functions: Int64s, topic: int, messages: Int64s, blocks: Blocks, tallies: Tallies, failures: Int64s, state: Int64s,
    block: int, first: int, end: int, partition: int,
) -> int:  # fmt: skip
    """One produce_batch call; returns how many records were taken."""
    count = end - first
    _fill_messages(blocks, messages, block, first, end)
    queued = _produce_batch(
        functions[PRODUCE_BATCH], (topic, np.int32(partition), np.int32(0), address_of(messages[0]), np.int32(count))
    )
    if queued == count:
        return count
    for position in range(count):
        error = peek_i32(address_of(messages[0]) + position * MESSAGE_WORDS * 8)
        if error == _QUEUE_FULL:
            # Once the queue was full every later record of the call failed likewise: what is left is a suffix.
            return position
        if error != 0:
            _log_failure(blocks, failures, state, block, first + position, partition, FAILED, error)
            count_undelivered(blocks, tallies, block, partition, FAILED)
            state[STATE_IN_FLIGHT] -= 1
    return count


@kernel
def _headers_of(functions: Int64s, blocks: Blocks, block: int, position: int) -> int:
    """A new rd_kafka_headers_t of one record's header blob; produceva owns it when it succeeds."""
    base = address_of(blocks.bytes[block])
    start = blocks.starts[block, HEADERS_FIRST]
    if position > 0:
        start = np.int64(blocks.header_ends[block, position - 1])
    at, end = base + start, base + blocks.header_ends[block, position]
    headers = _pointer_to_pointer(functions[HEADERS_NEW], (np.int64(HEADERS_PER_RECORD),))
    while at < end:
        name_length, value_length = load_int32(at), load_int32(at + 4)
        name = at + 8
        value = name + name_length + 1
        pointer = np.int64(0) if value_length < 0 else value
        size = max(value_length, np.int64(0))
        _header_add(functions[HEADER_ADD], (headers, name, name_length, pointer, size))
        at = value + size
    return headers


@kernel
def _send_one(
    functions: Int64s, client: int, topic: int, units: Int64s, blocks: Blocks, block: int, position: int, partition: int
) -> int:
    """One produceva call, for a record with a timestamp or headers; returns librdkafka's error code, 0 if taken."""
    base = address_of(blocks.bytes[block])
    value_first, key_first = np.int64(0), blocks.starts[block, KEYS_FIRST]
    if position > 0:
        value_first = np.int64(blocks.value_ends[block, position - 1])
        key_first = np.int64(blocks.key_ends[block, position - 1])
    units[0, 0], units[0, 1] = _VT_RKT, topic
    units[1, 0], units[1, 1] = _VT_PARTITION, partition & _I32_MASK
    value_bytes = blocks.value_ends[block, position] - value_first
    value = np.int64(0) if blocks.value_is_null[block, position] else base + value_first
    units[2, 0], units[2, 1], units[2, 2] = _VT_VALUE, value, value_bytes
    key = np.int64(0) if blocks.key_is_null[block, position] else base + key_first
    units[3, 0], units[3, 1], units[3, 2] = _VT_KEY, key, blocks.key_ends[block, position] - key_first
    units[4, 0], units[4, 1] = _VT_OPAQUE, block << 32 | position
    count = 5
    if blocks.starts[block, HAS_TIMESTAMPS]:
        units[count, 0], units[count, 1] = _VT_TIMESTAMP, blocks.timestamps_ms[block, position]
        count += 1
    headers = np.int64(0)
    if blocks.starts[block, HAS_HEADERS]:
        headers = _headers_of(functions, blocks, block, position)
        units[count, 0], units[count, 1] = _VT_HEADERS, headers
        count += 1
    error = _produceva(functions[PRODUCEVA], (client, address_of(units[0]), np.int64(count)))
    if error == 0:
        return 0
    code = np.int64(_pointer_to_int(functions[ERROR_CODE], (error,)))
    _release(functions[ERROR_DESTROY], (error,))
    if headers:
        _release(functions[HEADERS_DESTROY], (headers,))
    return code


@kernel
def _send_singly(
    functions: Int64s, client: int, topic: int, units: Int64s, blocks: Blocks, tallies: Tallies, failures: Int64s,
    state: Int64s, block: int, first: int, end: int, partition: int,
) -> int:  # fmt: skip
    for position in range(first, end):
        error = _send_one(functions, client, topic, units, blocks, block, position, partition)
        if error == _QUEUE_FULL:
            return position - first
        if error != 0:
            _log_failure(blocks, failures, state, block, position, partition, FAILED, error)
            count_undelivered(blocks, tallies, block, partition, FAILED)
            state[STATE_IN_FLIGHT] -= 1
    return end - first


@kernel
def send_pieces(
    functions: Int64s, client: int, topic: int, messages: Int64s, clock: Int64s, blocks: Blocks, tallies: Tallies,
    failures: Int64s, state: Int64s, pieces: Int64s,
) -> None:  # fmt: skip
    """Send every piece; see RecordProducer.send. Also stops when the failure log could overflow."""
    is_over = False
    for number in range(len(pieces)):
        piece = pieces[number]
        block, partition, position = piece[BLOCK], piece[PARTITION], piece[FIRST]
        singly = blocks.starts[block, HAS_TIMESTAMPS] or blocks.starts[block, HAS_HEADERS]
        while position < piece[END] and not is_over:
            end = min(position + CALL_RECORDS, piece[END])
            if state[STATE_FAILURE_COUNT] + CALL_RECORDS > len(failures):
                is_over = True
                break
            now_ns = monotonic_ns(functions[CLOCK_GETTIME], clock)
            tallies.attempted[partition] += end - position
            if singly:
                taken = _send_singly(
                    functions, client, topic, messages, blocks, tallies, failures, state, block, position, end,
                    partition,
                )  # fmt: skip
            else:
                taken = _send_call(
                    functions, topic, messages, blocks, tallies, failures, state, block, position, end, partition
                )
            stamp_sent(blocks, tallies, block, position, position + taken, now_ns)
            state[STATE_IN_FLIGHT] += taken
            position += taken
            if position < end:
                tallies.attempted[partition] -= end - position
                tallies.moments[QUEUE_FULL_COUNT] += 1
                # Not only this piece: a queue that has no room for a large record may still have some for the next one,
                # and that one may be of the same partition.
                is_over = True
        piece[TAKEN] = position - piece[FIRST]


@kernel
def _count_reports(
    functions: Int64s, pointers: Int64s, count: int, blocks: Blocks, tallies: Tallies, failures: Int64s, state: Int64s,
    now_ns: int,
) -> None:  # fmt: skip
    for number in range(count):
        message = pointers[number]
        error = peek_i32(message)
        partition, opaque = peek_i32(message + 16), peek_i64(message + 64)
        block, position = opaque >> 32, opaque & _I32_MASK
        if error == 0:
            byte_count = peek_i64(message + 32) + peek_i64(message + 48)
            count_delivered(blocks, tallies, block, position, partition, byte_count, now_ns)
            continue
        status = _pointer_to_int(functions[MESSAGE_STATUS], (message,))
        outcome = UNKNOWN if status >= _POSSIBLY_PERSISTED else FAILED
        _log_failure(blocks, failures, state, block, position, partition, outcome, error)
        count_undelivered(blocks, tallies, block, partition, outcome)


@kernel
def drain_reports(
    functions: Int64s, queue: int, pointers: Int64s, clock: Int64s, blocks: Blocks, tallies: Tallies, failures: Int64s,
    state: Int64s,
) -> int:  # fmt: skip
    """Handle delivery reports until there are none; returns 0.

    Returns the address of any other event that comes, to be destroyed by the caller, and -1 when the failure log is
    nearly full: empty it and call again.
    """
    while True:
        if state[STATE_FAILURE_COUNT] + REPORT_BATCH > len(failures):
            return -1
        event = state[STATE_EVENT]
        if event == 0:
            event = _queue_poll(functions[QUEUE_POLL], (queue, np.int32(0)))
            if event == 0:
                return 0
            if _pointer_to_int(functions[EVENT_TYPE], (event,)) != _EVENT_DELIVERY_REPORT:
                return event
            state[STATE_EVENT] = event
        now_ns = monotonic_ns(functions[CLOCK_GETTIME], clock)
        count = _message_array(functions[EVENT_MESSAGE_ARRAY], (event, address_of(pointers), np.int64(REPORT_BATCH)))
        if count == 0:
            _release(functions[EVENT_DESTROY], (event,))
            state[STATE_EVENT] = 0
            continue
        state[STATE_REPORTS] += count
        state[STATE_IN_FLIGHT] -= count
        _count_reports(functions, pointers, count, blocks, tallies, failures, state, now_ns)
