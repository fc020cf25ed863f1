"""Loads, stores and byte moves at any address, for kernels that walk Arrow buffers or write packed bytes.

Nothing here needs alignment. Some moves touch more bytes than they are asked for (their docstrings say how many): a
caller must own that much memory behind the target, and must know that the bytes behind the source can be read.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending, types

import replayer.machine.jit  # noqa: F401  (chooses the kernel cache before numba is imported)

# Typed as Any: what a decorated function takes inside a kernel is not what it takes in Python.
intrinsic: Any = extending.intrinsic

_I8 = ir.IntType(8)
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


def _load(builder, address, kind):
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _store(builder, address, value):
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=1)


@intrinsic
def load_byte(typingctx, address):
    """The byte at ``address``, as int64 in 0..255."""

    def codegen(context, builder, signature, arguments):
        return builder.zext(_load(builder, arguments[0], _I8), _I64)

    return types.int64(types.int64), codegen


@intrinsic
def load_int32(typingctx, address):
    """The signed 32-bit integer at ``address``, as int64."""

    def codegen(context, builder, signature, arguments):
        return builder.sext(_load(builder, arguments[0], _I32), _I64)

    return types.int64(types.int64), codegen


@intrinsic
def load_int64(typingctx, address):
    """The signed 64-bit integer at ``address``."""

    def codegen(context, builder, signature, arguments):
        return _load(builder, arguments[0], _I64)

    return types.int64(types.int64), codegen


@intrinsic
def store_byte(typingctx, address, value):
    """Store the lowest byte of ``value`` at ``address``."""

    def codegen(context, builder, signature, arguments):
        _store(builder, arguments[0], builder.trunc(arguments[1], _I8))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def store_int64(typingctx, address, value):
    """Store the eight bytes of ``value`` at ``address``."""

    def codegen(context, builder, signature, arguments):
        _store(builder, arguments[0], arguments[1])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


def _move(byte_count: int) -> Any:
    """An intrinsic that copies exactly ``byte_count`` bytes with one vector load and one vector store."""

    @intrinsic
    def move(typingctx, target, source):
        def codegen(context, builder, signature, arguments):
            value = _load(builder, arguments[1], ir.VectorType(_I8, byte_count))
            _store(builder, arguments[0], value)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return move


move_4 = _move(4)
move_8 = _move(8)
move_16 = _move(16)
move_32 = _move(32)


@intrinsic
def leading_zeros(typingctx, value):
    """The number of zero bits above the highest set bit; 64 for 0."""

    def codegen(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.IntType(1)(0))

    return types.int64(types.int64), codegen


def _magnitude_bits(bits: int) -> Any:
    """An intrinsic: the bits that the absolute value of an integer of ``bits`` bits in memory needs; 0 for 0."""
    kind = ir.IntType(bits)

    @intrinsic
    def magnitude_bits(typingctx, address):
        def codegen(context, builder, signature, arguments):
            value = _load(builder, arguments[0], kind)
            sign = builder.ashr(value, kind(bits - 1))
            magnitude = builder.sub(builder.xor(value, sign), sign)
            zeros = builder.ctlz(magnitude, ir.IntType(1)(0))
            return builder.sub(_I64(bits), builder.trunc(zeros, _I64))

        return types.int64(types.int64), codegen

    return magnitude_bits


def _store_big_endian(bits: int) -> Any:
    """An intrinsic that stores the lowest ``byte_count`` bytes of a little-endian integer, most significant byte first.

    ``byte_count`` is 1 to ``bits / 8``; always ``bits / 8`` bytes are written, those behind ``byte_count`` are zero.
    """
    kind = ir.IntType(bits)

    @intrinsic
    def store_big_endian(typingctx, target, source, byte_count):
        def codegen(context, builder, signature, arguments):
            value = _load(builder, arguments[1], kind)
            shift = builder.mul(builder.sub(_I64(bits // 8), arguments[2]), _I64(8))
            _store(builder, arguments[0], builder.bswap(builder.shl(value, builder.zext(shift, kind))))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), codegen

    return store_big_endian


magnitude_bits_128 = _magnitude_bits(128)
magnitude_bits_256 = _magnitude_bits(256)
store_big_endian_128 = _store_big_endian(128)
store_big_endian_256 = _store_big_endian(256)
