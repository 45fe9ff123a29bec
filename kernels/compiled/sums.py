"""Long sums in float64, in an order that no vector's width changes.

There are CHAINS sums of every CHAINS-th term; halves of them are added up until one is left.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .formulas import Number
from .vectors import SIZE, Operand, loop

CHAINS = 32


def _sum_of(term):
    @intrinsic
    def total(typing, x):
        def emit(context, builder, signature, arguments):
            array = Operand(context, builder, signature.args[0], arguments[0])
            end, sums = _chains(builder, array, term, SIZE(0), CHAINS)
            _, rest = _chains(builder, array, term, end, 1)
            total = builder.fadd(halves(builder, sums), rest)
            return builder.extract_element(total, ir.IntType(32)(0))

        return types.float64(x), emit

    return total


def _chains(builder, array, term, start, count):
    """Where whole groups of `count` numbers end, and the sums of their terms."""
    kind = ir.VectorType(ir.DoubleType(), count)

    def add(i, sums):
        x = array.load(i, count).value
        x = x if x.type == kind else builder.fpext(x, kind)
        return builder.fadd(sums, term(Number(builder, x)).value)

    return loop(builder, start, array.shape[0], count, add, ir.Constant(kind, None))


def halves(builder, sums):
    """Add up halves of a vector until one number is left, as a vector."""
    while sums.type.count > 1:
        count = sums.type.count // 2
        kind = ir.VectorType(ir.IntType(32), count)
        low, high = (
            builder.shuffle_vector(sums, sums, ir.Constant(kind, [*places]))
            for places in (range(count), range(count, 2 * count))
        )
        sums = builder.fadd(low, high)
    return sums


sum_of_squares = _sum_of(lambda x: x * x)
sum_of_sizes = _sum_of(abs)
