"""Numbers as sums of two, the second smaller than a rounding of the first.

For arguments of exp and distances from a zero, where one number is not enough. T. J. Dekker, A
floating-point technique for extending the available precision, 1971.
"""

from fractions import Fraction

import numpy as np


def constant(digits, like):
    """The number with these digits, as two of the dtype of the array `like`."""
    high = like.dtype.type(digits)
    low = Fraction(digits) - Fraction(*high.as_integer_ratio())
    return high, like.dtype.type(float(low))


def product(x, y):
    """x * y: halves of numbers have exact products."""
    high = x * y
    (x_head, x_tail), (y_head, y_tail) = _halves(x), _halves(y)
    low = ((x_head * y_head - high) + x_head * y_tail + x_tail * y_head) + x_tail * y_tail
    return high, low


def _halves(x):
    """x as a sum of two numbers with half as many bits."""
    bits = np.finfo(x.dtype).nmant + 1
    lifted = (2.0 ** ((bits + 1) // 2) + 1) * x
    head = lifted - (lifted - x)
    return head, x - head


def total(x, y):
    """x + y (D. E. Knuth, The Art of Computer Programming 2, 1969)."""
    high = x + y
    added = high - x
    return high, (x - (high - added)) + (y - added)


def cubic(x, linear, third):
    """linear * x + third * x^3, for constants of one sign in two parts."""
    (a, a_low), (b, b_low) = linear, third
    square, square_low = product(x, x)
    term, term_low = product(b, square)
    factor, lost = total(a, term)
    factor_low = lost + (a_low + (term_low + (b_low * square + b * square_low)))
    high, low = product(x, factor)
    return high, low + x * factor_low
