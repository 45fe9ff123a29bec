"""One row times a matrix, a few vectors of columns at a time in the registers.

As in `microkernel` every number is one chain of multiply-adds from 0 on, in the order of the rows
of the matrix, so that it has the same bits there and here.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from . import caches
from .jit import helper
from .microkernel import VECTOR_BYTES, lanes, vector_lanes
from .pointers import at

# Chains that are under way at once: four cycles of a multiply-add, of which one begins in each.
WIDE_VECTORS = 4
# Rows of the weights of so many bytes are gone through together, so that they are read in one go
# from the start to the end; but this many at least, for the sums are read and written each time.
BLOCK_BYTES = caches.sizes().l1 // 2
FEWEST_ROWS = 8


@helper
def multiply_row(x, weights, n, n_out, out):
    """out[j] = sum over i < n of x[i] weights[i, j].

    All are pointers; weights : (n, n_out).
    """
    lanes = vector_lanes(x)
    block = max(BLOCK_BYTES * lanes // VECTOR_BYTES // n_out, FEWEST_ROWS)
    for first in range(0, n, block):
        source, row, rows = at(x, first), at(weights, first * n_out), min(block, n - first)
        j = 0
        while n_out - j >= WIDE_VECTORS * lanes:
            add_whole(source, at(row, j), n_out, rows, at(out, j), first)
            j += WIDE_VECTORS * lanes
        while j < n_out:
            add_some(source, at(row, j), n_out, rows, at(out, j), first, n_out - j)
            j += lanes


@intrinsic
def add_whole(typing, x, weights, stride, rows, out, accumulate):
    """WIDE_VECTORS vectors of columns; added to `out` if `accumulate` is not 0."""

    def emit(context, builder, signature, arguments):
        row = _Row(context, builder, signature.args[0].dtype)
        row.emit(*arguments, WIDE_VECTORS, row.load, row.store)
        return context.get_dummy_value()

    return types.void(x, weights, types.intp, types.intp, out, types.intp), emit


@intrinsic
def add_some(typing, x, weights, stride, rows, out, accumulate, columns):
    """The same for one vector of columns, or as many as there are."""

    def emit(context, builder, signature, arguments):
        row = _Row(context, builder, signature.args[0].dtype)
        row.mask(arguments[-1])
        row.emit(*arguments[:-1], 1, row.load_some, row.store_some)
        return context.get_dummy_value()

    return types.void(x, weights, types.intp, types.intp, out, *2 * (types.intp,)), emit


class _Row:
    def __init__(self, context, builder, dtype):
        self.builder, self.scalar = builder, context.get_data_type(dtype)
        self.itemsize = dtype.bitwidth // 8
        self.lanes = lanes(self.itemsize)
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)

    def emit(self, x, weights, stride, rows, out, accumulate, vectors, load, store):
        builder = self.builder
        places = [stride.type(vector * self.lanes) for vector in range(vectors)]
        adds, zero = builder.icmp_signed("!=", accumulate, stride.type(0)), self.zero
        starts = [builder.select(adds, load(self.at(out, place)), zero) for place in places]
        sums = [cgutils.alloca_once_value(builder, start) for start in starts]
        with cgutils.for_range(builder, rows) as loop:
            factor = self.splat(builder.load(self.at(x, loop.index), typ=self.scalar))
            row = self.at(weights, builder.mul(loop.index, stride))
            for place, total in zip(places, sums, strict=True):
                value = builder.load(total, typ=self.vector)
                function = self.intrinsic("fmuladd", self.vector, [self.vector] * 3)
                value = builder.call(function, [factor, load(self.at(row, place)), value])
                builder.store(value, total)
        for place, total in zip(places, sums, strict=True):
            store(builder.load(total, typ=self.vector), self.at(out, place))

    def mask(self, columns):
        index = ir.IntType(32)
        places = ir.Constant(ir.VectorType(index, self.lanes), list(range(self.lanes)))
        columns = self.splat(self.builder.trunc(columns, index))
        self.chosen = self.builder.icmp_signed("<", places, columns)

    def load(self, pointer):
        return self.builder.load(pointer, align=self.itemsize, typ=self.vector)

    def store(self, value, pointer):
        pointer = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(value, pointer, align=self.itemsize)

    def load_some(self, pointer):
        arguments = [ir.PointerType(), ir.IntType(32), self.chosen.type, self.vector]
        function = self.intrinsic("masked.load", self.vector, arguments)
        align = ir.IntType(32)(self.itemsize)
        return self.builder.call(function, [pointer, align, self.chosen, self.zero])

    def store_some(self, value, pointer):
        arguments = [self.vector, ir.PointerType(), ir.IntType(32), self.chosen.type]
        function = self.intrinsic("masked.store", ir.VoidType(), arguments)
        align = ir.IntType(32)(self.itemsize)
        self.builder.call(function, [value, pointer, align, self.chosen])

    def at(self, pointer, offset):
        return self.builder.gep(pointer, [offset], source_etype=self.scalar)

    def splat(self, value):
        index = ir.IntType(32)
        nothing = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, value, index(0))
        places = ir.Constant(ir.VectorType(index, self.lanes), None)
        return self.builder.shuffle_vector(first, nothing, places)

    def intrinsic(self, name, result, arguments):
        suffix = f"v{self.lanes}f{8 * self.itemsize}" + ".p0" * name.startswith("masked")
        name = f"llvm.{name}.{suffix}"
        existing = self.builder.module.globals.get(name)
        kind = ir.FunctionType(result, arguments)
        return existing or ir.Function(self.builder.module, kind, name)
