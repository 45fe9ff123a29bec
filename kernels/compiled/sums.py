"""Long sums in a fixed order that is not one chain: eight, which the processor runs at once.

All in float64; `float`, to Numba, is whatever a number was.
"""

import numpy as np

from .jit import helper


@helper
def sum_of_squares(x):
    """The sum of x_i^2."""
    a = b = c = d = e = f = g = h = 0.0
    whole = x.size - x.size % 8
    for i in range(0, whole, 8):
        a += np.float64(x[i]) * np.float64(x[i])
        b += np.float64(x[i + 1]) * np.float64(x[i + 1])
        c += np.float64(x[i + 2]) * np.float64(x[i + 2])
        d += np.float64(x[i + 3]) * np.float64(x[i + 3])
        e += np.float64(x[i + 4]) * np.float64(x[i + 4])
        f += np.float64(x[i + 5]) * np.float64(x[i + 5])
        g += np.float64(x[i + 6]) * np.float64(x[i + 6])
        h += np.float64(x[i + 7]) * np.float64(x[i + 7])
    for i in range(whole, x.size):
        a += np.float64(x[i]) * np.float64(x[i])
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@helper
def sum_of_sizes(x):
    """The sum of |x_i|."""
    a = b = c = d = 0.0
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        a += np.float64(abs(x[i]))
        b += np.float64(abs(x[i + 1]))
        c += np.float64(abs(x[i + 2]))
        d += np.float64(abs(x[i + 3]))
    for i in range(whole, x.size):
        a += np.float64(abs(x[i]))
    return (a + b) + (c + d)
