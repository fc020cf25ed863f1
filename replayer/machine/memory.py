"""Loads, stores, atomics and calls on raw addresses, for use inside kernels.

numba has no atomics for the CPU and cannot cache a kernel that closes over a ctypes function pointer. These intrinsics
take addresses as plain integers: a kernel stays cacheable, and an atomic works on memory shared between processes.
Addresses are bytes; every 64-bit access must be 8-byte aligned, as atomics on x86-64 and AArch64 demand.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

import replayer.machine.jit  # noqa: F401  (chooses the kernel cache before numba is imported)

_I64 = ir.IntType(64)


def _pointer(builder, address, pointee):
    return builder.inttoptr(address, pointee.as_pointer())


@intrinsic
def load_i64(typingctx, address):
    """Sequentially consistent load of the int64 at ``address``."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(_pointer(builder, arguments[0], _I64), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def store_i64(typingctx, address, value):
    """Sequentially consistent store of an int64 at ``address``."""

    def codegen(context, builder, signature, arguments):
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0], _I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def compare_and_swap_i64(typingctx, address, expected, wanted):
    """Store ``wanted`` at ``address`` if ``expected`` is there; true if it was."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer(builder, arguments[0], _I64)
        result = builder.cmpxchg(pointer, arguments[1], arguments[2], "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def address_of(typingctx, array):
    """The address of the first byte of a one-dimensional array."""

    def codegen(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(struct.data, _I64)

    return types.int64(array), codegen


@intrinsic
def peek_i64(typingctx, address):
    """Plain load of the int64 at ``address``, for structures that a C library hands out."""

    def codegen(context, builder, signature, arguments):
        return builder.load(_pointer(builder, arguments[0], _I64))

    return types.int64(types.int64), codegen


@intrinsic
def peek_i32(typingctx, address):
    """Plain load of the int32 at ``address``."""

    def codegen(context, builder, signature, arguments):
        return builder.load(_pointer(builder, arguments[0], ir.IntType(32)))

    return types.int32(types.int64), codegen


@intrinsic
def peek_u8(typingctx, address):
    """Plain load of the byte at ``address``."""

    def codegen(context, builder, signature, arguments):
        return builder.load(_pointer(builder, arguments[0], ir.IntType(8)))

    return types.uint8(types.int64), codegen


@intrinsic
def copy_bytes(typingctx, target, source, count):
    """Memcpy of ``count`` bytes between addresses that do not overlap."""

    def codegen(context, builder, signature, arguments):
        byte_pointer = ir.IntType(8).as_pointer()
        memcpy = builder.module.declare_intrinsic("llvm.memcpy", [byte_pointer, byte_pointer, _I64])
        target_pointer = builder.inttoptr(arguments[0], byte_pointer)
        source_pointer = builder.inttoptr(arguments[1], byte_pointer)
        builder.call(memcpy, [target_pointer, source_pointer, arguments[2], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def c_function(result: Any, *parameters: Any) -> Any:
    """An intrinsic that calls a C function by its address, given as its first argument.

    ``result`` and ``parameters`` are numba integer types; pointers travel as int64. The call releases nothing by
    itself: a kernel runs without the GIL already.
    """
    signature_types = tuple(parameters)

    @intrinsic
    def call(typingctx, address, arguments_tuple):
        def codegen(context, builder, signature, arguments):
            result_type = ir.VoidType() if result == types.void else context.get_value_type(result)
            parameter_types = [context.get_value_type(parameter) for parameter in signature_types]
            function_type = ir.FunctionType(result_type, parameter_types)
            pointer = builder.inttoptr(arguments[0], function_type.as_pointer())
            values = []
            for position, parameter in enumerate(signature_types):
                value = builder.extract_value(arguments[1], position)
                values.append(context.cast(builder, value, signature.args[1][position], parameter))
            returned = builder.call(pointer, values)
            return context.get_dummy_value() if result == types.void else returned

        return result(types.int64, arguments_tuple), codegen

    return call
