"""Numbers as sums of two, the second smaller than a rounding of the first.

For arguments of exp and distances from a zero, where one number is not enough.
"""

from fractions import Fraction

import numpy as np
from numba.core.registry import cpu_target

from .formulas import bits, from_bits, fused_multiply_add

_TRIPLE, _, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
HAS_FUSED = "+fma" in _FEATURES.split(",") or _TRIPLE.startswith(("aarch64", "arm64"))


def constant(digits):
    """The number with these digits as two of float64; see `nearest`."""
    high = float(digits)
    return high, float(Fraction(digits) - Fraction(high))


def nearest(x, constant):
    """A `constant` as two numbers of the type of x."""
    real = {64: np.float64, 32: np.float32}[x.kind[1]]
    high = float(real(constant[0]))
    return x.of(high), x.of((constant[0] - high) + constant[1])


def head(x):
    """x with the lower half of its digits cut off, so that products of heads are exact."""
    cut = {64: 27, 32: 12}[x.kind[1]]
    return from_bits(bits(x) & (-1 << cut), x)


def product(x, y):
    """x * y.

    Without the fused instruction as in T. J. Dekker, A floating-point technique for extending the
    available precision, 1971.
    """
    high = x * y
    if HAS_FUSED:
        return high, fused_multiply_add(x, y, -high)
    x_head, y_head = head(x), head(y)
    x_tail, y_tail = x - x_head, y - y_head
    low = ((x_head * y_head - high) + x_head * y_tail + x_tail * y_head) + x_tail * y_tail
    return high, low


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
