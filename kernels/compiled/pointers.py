"""Addresses: the element at an offset, and the call of a kernel through its address."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import helper

# Vectors whose dtype is known only at run time: (address, bytes of each number). What is written
# with them is the same machine code for both dtypes.
NUMBERS = types.UniTuple(types.int64, 2)


@intrinsic
def at(typing, base, offset):
    """The element `offset` places after the start of `base`, an array, a pointer or NUMBERS."""
    if base == NUMBERS:
        return NUMBERS(NUMBERS, types.intp), _emit_at_numbers
    pointer = types.CPointer(base.dtype)

    def emit(context, builder, signature, arguments):
        start, distance = arguments
        if isinstance(signature.args[0], types.Array):
            start = context.make_array(signature.args[0])(context, builder, start).data
        scalar = context.get_data_type(signature.args[0].dtype)
        return builder.gep(start, [distance], source_etype=scalar)

    return pointer(base, types.intp), emit


def _emit_at_numbers(context, builder, signature, arguments):
    address, itemsize = cgutils.unpack_tuple(builder, arguments[0])
    address = builder.add(address, builder.mul(arguments[1], itemsize))
    return context.make_tuple(builder, NUMBERS, [address, itemsize])


@helper
def read(numbers, i):
    """The number at a place of NUMBERS."""
    address, itemsize = numbers
    return doubles(address)[i] if itemsize == 8 else float(singles(address)[i])


@helper
def write(numbers, i, value):
    """Round a float64 to a place of NUMBERS."""
    address, itemsize = numbers
    if itemsize == 8:
        doubles(address)[i] = value
    else:
        singles(address)[i] = value


@helper
def fill(numbers, count, value):
    """Write a float64 to the first `count` places of NUMBERS."""
    for i in range(count):
        write(numbers, i, value)


@intrinsic
def copy(typing, source, out, count):
    """The first `count` numbers from one pointer to another."""

    def emit(context, builder, signature, arguments):
        itemsize = signature.args[0].dtype.bitwidth // 8
        cgutils.raw_memcpy(builder, arguments[1], arguments[0], arguments[2], itemsize, 1)
        return context.get_dummy_value()

    return types.void(source, out, types.intp), emit


@intrinsic
def pointer(typing, address, like):
    """The integer `address` as a pointer to numbers of the dtype of the array `like`."""
    kind = types.CPointer(like.dtype)

    def emit(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(address, like), emit


@intrinsic
def doubles(typing, address):
    """The integer `address` as a pointer to float64 numbers."""
    return _pointer_to(types.float64, address)


@intrinsic
def singles(typing, address):
    """The integer `address` as a pointer to float32 numbers."""
    return _pointer_to(types.float32, address)


@intrinsic
def integers(typing, address):
    """The integer `address` as a pointer to int64 numbers."""
    return _pointer_to(types.int64, address)


def _pointer_to(number, address):
    kind = types.CPointer(number)

    def emit(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(address), emit


@intrinsic
def call(typing, address, *arguments):
    """Call the C function at `address` with pointers and numbers; nothing comes back.

    Of NUMBERS the address is passed. One signature serves every kernel of a kind, so a choice
    made at run time compiles nothing.
    """

    def emit(context, builder, signature, values):
        address_value, packed = values
        passed = [
            builder.inttoptr(builder.extract_value(value, 0), ir.PointerType())
            if kind == NUMBERS
            else value
            for kind, value in zip(arguments, cgutils.unpack_tuple(builder, packed), strict=True)
        ]
        function = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
        builder.call(builder.inttoptr(address_value, function.as_pointer()), passed)
        return context.get_dummy_value()

    return types.void(types.intp, types.StarArgTuple(arguments)), emit
