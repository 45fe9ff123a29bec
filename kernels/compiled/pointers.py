"""Addresses: the element at an offset, and the call of a kernel through its address."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def at(typing, base, offset):
    """Pointer to the element `offset` places after the start of an array or pointer `base`."""
    pointer = types.CPointer(base.dtype)

    def emit(context, builder, signature, arguments):
        start, distance = arguments
        if isinstance(signature.args[0], types.Array):
            start = context.make_array(signature.args[0])(context, builder, start).data
        scalar = context.get_data_type(signature.args[0].dtype)
        return builder.gep(start, [distance], source_etype=scalar)

    return pointer(base, types.intp), emit


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
    """Call the C function at `address` with pointers and integers; nothing comes back.

    One signature serves every kernel of a kind, so a choice made at run time compiles nothing.
    """

    def emit(context, builder, signature, values):
        address_value, packed = values
        passed = cgutils.unpack_tuple(builder, packed)
        function = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
        builder.call(builder.inttoptr(address_value, function.as_pointer()), passed)
        return context.get_dummy_value()

    return types.void(types.intp, types.StarArgTuple(arguments)), emit
