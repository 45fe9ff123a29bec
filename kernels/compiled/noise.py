"""Gaussian noise on a panel of inputs, (features, width): the same as on the reference path."""

import math

import numpy as np

from .elementary import log, root
from .formulas import formula, polynomial
from .jit import helper
from .shuffling import mixed, state_of

_0, _1, _11, _12 = (np.uint64(n) for n in (0, 1, 11, 12))
# The series of sin(2 pi y) / y in y^2, to less than a rounding for |y| <= 1/4.
_SINE = tuple(
    (-1) ** k * math.tau ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(11, -1, -1)
)


@helper
def gaussian_noise(key, first_row, deviation, a):
    features, width = a.shape
    key = np.uint64(key)
    stride = state_of(_0, np.uint64(2 * features)) - state_of(_0, _0)
    for feature in range(features):
        place = np.uint64(2 * (first_row * features + feature))
        state, next_state = state_of(key, place), state_of(key, place + _1)
        for lane in range(width):
            u = (np.float64(mixed(state) >> _12) + 0.5) * 2.0**-52
            v = np.float64(mixed(next_state) >> _11) * 2.0**-53
            a[feature, lane] += a.dtype.type(deviation * normal_number(u, v))
            state += stride
            next_state += stride


@formula
def normal_number(u, v):
    """sqrt(-2 log u) cos(2 pi v), 0 < u < 1."""
    # The cosine as a sine of at most a quarter of a turn.
    y = abs(v - 0.5) - 0.25
    return root(-2 * log(u)) * (y * polynomial(y * y, _SINE))
