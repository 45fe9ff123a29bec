"""Formulas: functions of a few numbers that are written out wherever they are called.

Numba would type, compile and optimise each such function by itself, and LLVM once more in each of
its callers; a formula becomes LLVM instructions when its caller is compiled. It is Python that
runs then, on objects that stand for the numbers of the machine code, or for vectors of them: both
sides of a choice are computed, and nothing branches.
"""

import inspect

from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable


def formula(function):
    """Let kernels call `function`, which makes a number of others, all of one type."""

    @type_callable(function)
    def type_formula(context):
        def result(*numbers):
            kinds = set(numbers)
            return kinds.pop() if len(kinds) == 1 and kinds < _TYPES else None

        result.pysig = inspect.signature(function)
        return result

    @lower_builtin(function, types.VarArg(types.Number))
    def emit(context, builder, signature, arguments):
        return function(*(Number(builder, argument) for argument in arguments)).value

    return function


class Number:
    """A float, an integer of its width, a truth value, or a vector of one of these.

    A Python number beside one is of its type.
    """

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    @property
    def kind(self):
        """Of floats and integers: (letter in the names of LLVM's functions, bits)."""
        return _KINDS[str(getattr(self.value.type, "element", self.value.type))]

    @property
    def count(self):
        """How many numbers the vector holds; None if it is none."""
        return getattr(self.value.type, "count", None)

    def of(self, other):
        """`other`, a Python number or a Number already, as a Number of the same type."""
        if isinstance(other, Number):
            return other
        constant = other if self.count is None else [other] * self.count
        return Number(self.builder, ir.Constant(self.value.type, constant))

    def _apply(self, name, left, right):
        operation = getattr(self.builder, name)
        return Number(self.builder, operation(self.of(left).value, self.of(right).value))

    def _arithmetic(self, name, left, right):
        return self._apply(f"f{name}" if self.kind[0] == "f" else name, left, right)

    def __add__(self, other):
        return self._arithmetic("add", self, other)

    def __radd__(self, other):
        return self._arithmetic("add", other, self)

    def __sub__(self, other):
        return self._arithmetic("sub", self, other)

    def __rsub__(self, other):
        return self._arithmetic("sub", other, self)

    def __mul__(self, other):
        return self._arithmetic("mul", self, other)

    def __rmul__(self, other):
        return self._arithmetic("mul", other, self)

    def __truediv__(self, other):
        return self._apply("fdiv", self, other)

    def __rtruediv__(self, other):
        return self._apply("fdiv", other, self)

    def __lshift__(self, count):
        return self._apply("shl", self, count)

    def __rshift__(self, count):
        return self._apply("lshr", self, count)

    def __and__(self, other):
        return self._apply("and_", self, other)

    def __xor__(self, other):
        return self._apply("xor", self, other)

    def __neg__(self):
        return Number(self.builder, self.builder.fneg(self.value))

    def __abs__(self):
        return _call("fabs", self)

    def _compare(self, sign, other):
        truth = self.builder.fcmp_ordered(sign, self.value, self.of(other).value)
        return Number(self.builder, truth)

    def __lt__(self, other):
        return self._compare("<", other)

    def __le__(self, other):
        return self._compare("<=", other)

    def __gt__(self, other):
        return self._compare(">", other)

    def __ge__(self, other):
        return self._compare(">=", other)


_TYPES = {types.float32, types.float64, types.uint64}
_KINDS = {"float": ("f", 32), "double": ("f", 64), "i32": ("i", 32), "i64": ("i", 64)}


def choose(truth, yes, no):
    """`yes` where that is true, else `no`; one of them may be a Python number."""
    like = yes if isinstance(yes, Number) else no
    chosen = truth.builder.select(truth.value, like.of(yes).value, like.of(no).value)
    return Number(truth.builder, chosen)


def is_nan(x):
    return Number(x.builder, x.builder.fcmp_unordered("uno", x.value, x.value))


@formula
def larger(x, y):
    """The larger of two numbers, NaN if either is."""
    return choose(is_nan(x), x, choose(x > y, x, y))


def smaller(x, limit):
    """The smaller of a number and a limit, NaN if the number is."""
    return choose(x > limit, limit, x)


@formula
def sign(x):
    """-1, 0 or 1; a NaN stays one."""
    return choose(x > 0, 1, choose(x < 0, -1, x))


def bits(x):
    """The bits of a float, as an integer."""
    integer = ir.IntType(x.kind[1])
    kind = integer if x.count is None else ir.VectorType(integer, x.count)
    return Number(x.builder, x.builder.bitcast(x.value, kind))


def from_bits(integer, like):
    """The float of the type of `like` that has these bits."""
    return Number(like.builder, like.builder.bitcast(integer.value, like.value.type))


def multiply_add(x, y, z):
    """x y + z, in one rounding where the host has the instruction."""
    return _call("fmuladd", x, y, z)


def fused_multiply_add(x, y, z):
    """x y + z in one rounding: for hosts that have the instruction."""
    return _call("fma", x, y, z)


def with_sign(x, other):
    """|x| with the sign of another number."""
    return _call("copysign", x, other)


def power(x, exponent):
    return _call("pow", x, exponent)


def square_root(x):
    return _call("sqrt", x)


def polynomial(x, coefficients):
    """The polynomial with these coefficients, the highest power's first, without a long chain.

    Pairs are added up at once (G. Estrin, Western Joint Computer Conference, 1960).
    """
    terms = coefficients
    while len(terms) > 3:
        first, rest = terms[: len(terms) % 2], terms[len(terms) % 2 :]
        pairs = zip(rest[::2], rest[1::2], strict=True)
        terms = (*first, *(multiply_add(x, high, low) for high, low in pairs))
        x = x * x
    value = terms[0]
    for term in terms[1:]:
        value = multiply_add(value, x, term)
    return value


def _call(name, *arguments):
    """LLVM's function of this name."""
    like = next(argument for argument in arguments if isinstance(argument, Number))
    values = [like.of(argument).value for argument in arguments]
    letter, width = like.kind
    vector = "" if like.count is None else f"v{like.count}"
    full_name = f"llvm.{name}.{vector}{letter}{width}"
    module, kind = like.builder.module, like.value.type
    function = module.globals.get(full_name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(kind, [kind] * len(values)), full_name)
    return Number(like.builder, like.builder.call(function, values))
