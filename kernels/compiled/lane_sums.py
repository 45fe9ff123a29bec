"""The gradient of a layer of few weights by many rows: every weight has a vector of sums.

The register tile of `microkernel` needs delta turned, and leaves most lanes idle where a layer is
narrow. Here rows stay side by side: each lane sums up rows of its own, from chunk to chunk of a
batch, and lanes are added up at its end.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .formulas import Number, choose, multiply_add
from .jit import helper
from .microkernel import TILE_ROWS, lanes, vector_lanes
from .pointers import at
from .sums import halves
from .vectors import Operand, everywhere

# Sums of so many inputs and outputs, beside the vectors of these, fill 32 registers, or 16.
TILE_INPUTS, TILE_OUTPUTS = (5, 4) if TILE_ROWS == 12 else (3, 3)


@helper
def weight_gradient(a, delta, accumulate, rows, sums):
    """dW = a delta^T, by lanes.

    a, delta : as in `layers`; delta is not turned.
    sums : (n_in + 1, n_out, lanes), which are added to if `accumulate`.
    """
    n_out, width = delta.shape[1], delta.shape[2]
    for row in range(0, a.shape[1], TILE_INPUTS):
        for column in range(0, n_out, TILE_OUTPUTS):
            add_rows(
                at(a, 0),
                row,
                a.shape[1],
                at(delta, 0),
                column,
                n_out,
                width,
                rows,
                accumulate,
                at(sums, 0),
            )


@helper
def add_up(sums, out):
    """out[i] = the lanes of sums[i]."""
    for i in range(out.size):
        out[i] = sum_of_lanes(at(sums, i * vector_lanes(out)))


@intrinsic
def add_rows(typing, a, row, n_in, delta, column, n_out, width, rows, accumulate, sums):
    """Into the sums of TILE_INPUTS inputs from `row` on and TILE_OUTPUTS outputs from `column` on.

    a, delta : pointers to panels of `n_in` and of `n_out` features.
    What would lie behind the last of them is done once more as the last.
    """
    size = types.intp
    signature = types.void(a, size, size, delta, *5 * (size,), sums)
    return signature, _emit_rows


def _emit_rows(context, builder, signature, arguments):
    a, row, n_in, delta, column, n_out, width, rows, accumulate, sums = arguments
    size, kind = rows.type, signature.args[0]
    sums = Operand(context, builder, kind, sums)
    vector = ir.VectorType(sums.real, lanes(sums.itemsize))
    count, zero = size(vector.count), ir.Constant(vector, None)

    inputs = _places(builder, row, TILE_INPUTS, n_in)
    outputs = _places(builder, column, TILE_OUTPUTS, n_out)
    weights = [builder.add(builder.mul(i, n_out), j) for i in inputs for j in outputs]
    places = [builder.mul(weight, count) for weight in weights]
    totals = [cgutils.alloca_once_value(builder, zero) for _ in places]
    with builder.if_then(builder.icmp_signed("!=", accumulate, size(0))):
        for place, total in zip(places, totals, strict=True):
            builder.store(sums.load(place, vector.count).value, total)

    is_wide = builder.icmp_signed(">", width, count)
    of_a = _Rows(context, builder, kind, a, n_in, inputs, width, is_wide)
    of_delta = _Rows(context, builder, kind, delta, n_out, outputs, width, is_wide)

    def multiply(kept=None):
        """One vector of rows; those that are not `kept` count as 0."""
        factors = [of_delta.load(j, kept) for j in range(TILE_OUTPUTS)]
        for i in range(TILE_INPUTS):
            x = of_a.load(i, kept)
            for j, factor in enumerate(factors):
                slot = totals[i * TILE_OUTPUTS + j]
                total = Number(builder, builder.load(slot, typ=vector))
                builder.store(multiply_add(x, factor, total).value, slot)

    whole = builder.udiv(rows, count)
    with cgutils.for_range(builder, whole):
        multiply()
        of_a.go_on()
        of_delta.go_on()
    rest = builder.sub(rows, builder.mul(whole, count))
    with builder.if_then(builder.icmp_signed(">", rest, size(0))):
        ends = everywhere(builder, rest, size, vector.count).value
        numbers = ir.Constant(ends.type, list(range(vector.count)))
        multiply(builder.icmp_signed("<", numbers, ends))
    for place, total in zip(places, totals, strict=True):
        sums.store(place, Number(builder, builder.load(total, typ=vector)))


def _places(builder, first, count, end):
    """So many from `first` on, or the last one before `end` instead."""
    last = builder.sub(end, first.type(1))
    places = [builder.add(first, first.type(i)) for i in range(count)]
    return [builder.select(builder.icmp_signed("<", i, end), i, last) for i in places]


class _Rows:
    """Vectors of rows of some features of a panel, one after the other and panel by panel."""

    def __init__(self, context, builder, kind, pointer, size, features, width, is_wide):
        self.builder = builder
        self.operand = Operand(context, builder, kind, pointer)
        self.count = lanes(self.operand.itemsize)
        self.places = [builder.mul(feature, width) for feature in features]
        self.start = cgutils.alloca_once_value(builder, pointer)
        # A panel has two vectors or one: steps are a vector and the rest of the panel, in turn,
        # or a panel each.
        panel = builder.mul(size, width)
        step = builder.select(is_wide, panel.type(self.count), panel)
        self.two_steps = builder.select(is_wide, panel, builder.add(panel, panel))
        self.step = cgutils.alloca_once_value(builder, step)

    def load(self, i, kept):
        self.operand.value = self.builder.load(self.start)
        number = self.operand.load(self.places[i], self.count)
        return number if kept is None else choose(Number(self.builder, kept), number, 0)

    def go_on(self):
        builder = self.builder
        start, step = builder.load(self.start), builder.load(self.step)
        builder.store(builder.gep(start, [step], source_etype=self.operand.real), self.start)
        builder.store(builder.sub(self.two_steps, step), self.step)


@intrinsic
def sum_of_lanes(typing, pointer):
    """The sum of the vector that begins there, half by half."""

    def emit(context, builder, signature, arguments):
        numbers = Operand(context, builder, signature.args[0], arguments[0])
        sums = numbers.load(ir.IntType(64)(0), lanes(numbers.itemsize)).value
        return builder.extract_element(halves(builder, sums), ir.IntType(32)(0))

    return pointer.dtype(pointer), emit
