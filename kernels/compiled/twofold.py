"""Numbers as sums of two, the second smaller than a rounding of the first.

For arguments of exp and distances from a zero, where one number is not enough. T. J. Dekker, A
floating-point technique for extending the available precision, 1971; without the fused
multiply-add, which not every host has.
"""

from fractions import Fraction

from llvmlite import ir
from numba.extending import intrinsic

from .jit import helper


def constant(digits):
    """The number with these digits as two of float64; see `nearest`."""
    high = float(digits)
    return high, float(Fraction(digits) - Fraction(high))


@helper
def nearest(x, constant):
    """A `constant` as two numbers of the type of x."""
    high = type(x)(constant[0])
    return high, type(x)((constant[0] - high) + constant[1])


@intrinsic
def head(typing, x):
    """x with the lower half of its digits cut off, so that products of heads are exact."""
    bits = {64: 27, 32: 12}[x.bitwidth]

    def emit(context, builder, signature, arguments):
        integer = ir.IntType(x.bitwidth)
        kept = builder.and_(builder.bitcast(arguments[0], integer), integer(-1 << bits))
        return builder.bitcast(kept, arguments[0].type)

    return x(x), emit


@helper
def product(x, y):
    """x * y."""
    high = x * y
    x_head, y_head = head(x), head(y)
    x_tail, y_tail = x - x_head, y - y_head
    low = ((x_head * y_head - high) + x_head * y_tail + x_tail * y_head) + x_tail * y_tail
    return high, low


@helper
def cubic(x, linear, third):
    """linear * x + third * x^3, for constants of one sign."""
    a, a_low = nearest(x, linear)
    b, b_low = nearest(x, third)
    square, square_low = product(x, x)
    term, term_low = product(b, square)
    factor = a + term
    # What rounding takes of this sum (D. E. Knuth, The Art of Computer Programming 2, 1969).
    added = factor - a
    lost = (a - (factor - added)) + (term - added)
    factor_low = lost + (a_low + (term_low + (b_low * square + b * square_low)))
    high, low = product(x, factor)
    return high, low + x * factor_low
