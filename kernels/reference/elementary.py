"""Quotients by exponentials that overflow before the quotients vanish."""

import numpy as np

# Far enough to the left for every activation to be 0 or a constant, and to the right for 1.
LEFT, RIGHT = -1e5, 100


def wide(z):
    """z in float64, unless it is wider: NumPy's float32 functions are up to 4 units off."""
    return z.astype(np.promote_types(z.dtype, np.float64), copy=False)


def exp_parts(x, low=0):
    """exp(x + low), |low| small, as the product of two factors, and what the first one lacks.

    The second factor is 1 unless x is large. Where whatever is divided by exp(x) becomes 0, x is
    cut off.
    """
    end = np.floor(np.log(np.finfo(x.dtype).max))
    first = np.exp(np.minimum(x, end - 10))
    return first, first * low, np.exp(np.clip(x - (end - 10), 0, end))


def quotient(a, b, parts):
    """a / (b + the exponential in these parts), rounded once where that is subnormal."""
    first, low, second = parts
    return a / ((b / second + low) + first) / second
