"""Kernels that are written for one number or one row, and emitted for a vector of them.

LLVM makes vectors of plain loops too, but for long ones: the lanes of a panel are one vector or
two, and fall to what it leaves for the end of a loop. It also takes twice the time.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .formulas import Number
from .microkernel import TILE_VECTORS, lanes

SIZE = ir.IntType(64)


def elementwise(function):
    """The kernel on flat arrays that fills the last with what `function` makes of their numbers.

    It fills the last two if that is two numbers, and so on. Numbers among the arguments are
    converted to the dtype of the arrays, and are the same for all.
    """

    def emit(builder, operands):
        arrays = [operand for operand in operands if operand.shape]
        first = arrays[0]

        def elements(i, width):
            results = function(*(operand.of_place(i, width, first.real) for operand in operands))
            results = results if isinstance(results, tuple) else (results,)
            for array, result in zip(arrays[-len(results) :], results, strict=True):
                array.store(i, result)

        in_vectors(builder, first.shape[0], first.itemsize, elements)

    return _kernel(emit)


def rowwise(function):
    """The kernel on panels, (features, width), that does with each row what `function` does.

    It is given a `Column` for a panel, a Number for an array of one for each row, and `Settings`
    for a pointer to float64 numbers.
    """

    def emit(builder, operands):
        panel = operands[0]

        def rows(lane, width):
            function(*(operand.of_rows(lane, width, panel.real) for operand in operands))

        in_vectors(builder, panel.shape[1], panel.itemsize, rows)

    return _kernel(emit)


def _kernel(emit):
    """What compiled code calls with arrays, pointers and numbers."""

    @intrinsic
    def kernel(typing, *kinds):
        def emit_kernel(context, builder, signature, arguments):
            values = cgutils.unpack_tuple(builder, arguments[0])
            pairs = zip(kinds, values, strict=True)
            emit(builder, [Operand(context, builder, *pair) for pair in pairs])
            return context.get_dummy_value()

        return types.void(types.StarArgTuple(kinds)), emit_kernel

    return kernel


def in_vectors(builder, count, itemsize, body):
    """Emit `body(i, width)` for all i below `count`, as many at once as there are."""
    vector, done = lanes(itemsize), SIZE(0)
    for width in (TILE_VECTORS * vector, vector, 1):
        done, _ = loop(builder, done, count, width, lambda i, _, width=width: body(i, width))


def loop(builder, start, end, step, body, value=None):
    """Emit `value = body(i, value)` for i = start, start + step, ... while i + step <= end.

    Returns i and the value after that.
    """
    before = builder.block
    test, inside, after = (builder.append_basic_block(f"loop.{k}") for k in ("test", "in", "end"))
    builder.branch(test)
    builder.position_at_end(test)
    i = builder.phi(SIZE)
    last_value = None if value is None else builder.phi(value.type)
    next_i = builder.add(i, SIZE(step))
    builder.cbranch(builder.icmp_signed("<=", next_i, end), inside, after)
    builder.position_at_end(inside)
    next_value = body(i, last_value)
    for phi, first, following in ((i, start, next_i), (last_value, value, next_value)):
        if phi is not None:
            phi.add_incoming(first, before)
            phi.add_incoming(following, builder.block)
    builder.branch(test)
    builder.position_at_end(after)
    return i, last_value


class Operand:
    """An array of floats, a pointer to them, or a float; these two have no shape."""

    def __init__(self, context, builder, kind, value):
        self.builder, self.value, self.shape = builder, value, ()
        dtype = getattr(kind, "dtype", kind)
        self.real, self.itemsize = context.get_data_type(dtype), dtype.bitwidth // 8
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            self.value, self.shape = array.data, cgutils.unpack_tuple(builder, array.shape)

    def _at(self, place):
        return self.builder.gep(self.value, [place], source_etype=self.real)

    def load(self, place, width):
        kind = ir.VectorType(self.real, width)
        value = self.builder.load(self._at(place), align=self.itemsize, typ=kind)
        return Number(self.builder, value)

    def store(self, place, number):
        pointer = self.builder.bitcast(self._at(place), number.value.type.as_pointer())
        self.builder.store(number.value, pointer, align=self.itemsize)

    def of_place(self, place, width, real):
        """What an elementwise function is given for the numbers from `place` on."""
        if self.shape:
            return self.load(place, width)
        return everywhere(self.builder, self.value, real, width)

    def of_rows(self, lane, width, real):
        """What a rowwise function is given for the rows from `lane` on."""
        if len(self.shape) == 2:
            return Column(self, lane, width)
        return self.load(lane, width) if self.shape else Settings(self, real, width)


class Column:
    """The features of one row, or of as many as a vector holds."""

    def __init__(self, array, lane, width):
        self.array, self.lane, self.width = array, lane, width
        self.builder, (self.features, self.stride) = array.builder, array.shape

    def _place(self, feature):
        feature = SIZE(feature) if isinstance(feature, int) else feature
        return self.builder.add(self.builder.mul(feature, self.stride), self.lane)

    def __getitem__(self, feature):
        return self.array.load(self._place(feature), self.width)

    def __setitem__(self, feature, number):
        self.array.store(self._place(feature), number)

    @property
    def share(self):
        """One feature's share of a mean."""
        real = self.array.real
        count = self.builder.sitofp(self.features, real)
        return 1 / everywhere(self.builder, count, real, self.width)

    def for_each(self, body):
        """`body(feature)`, one feature after the other."""
        loop(self.builder, SIZE(0), self.features, 1, lambda feature, _: body(feature))

    def fold(self, start, body):
        """What `value = body(feature, value)` ends in, from `start` on."""
        if not isinstance(start, Number):
            kind = ir.VectorType(self.array.real, self.width)
            start = Number(self.builder, ir.Constant(kind, [start] * self.width))

        def step(feature, value):
            return body(feature, Number(self.builder, value)).value

        _, value = loop(self.builder, SIZE(0), self.features, 1, step, start.value)
        return Number(self.builder, value)


class Settings:
    """float64 numbers, in the rows' dtype and for each of them when they are read."""

    def __init__(self, pointer, real, width):
        self.pointer, self.real, self.width = pointer, real, width

    def __getitem__(self, place):
        builder = self.pointer.builder
        place = SIZE(place) if isinstance(place, int) else place
        value = builder.extract_element(self.pointer.load(place, 1).value, SIZE(0))
        return everywhere(builder, value, self.real, self.width)


def everywhere(builder, value, real, width):
    """A vector of one float, which is rounded if `real` is narrower."""
    value = value if value.type == real else builder.fptrunc(value, real)
    kind = ir.VectorType(real, width)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, SIZE(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), width), None)
    return Number(builder, builder.shuffle_vector(first, first, places))
