"""Gaussian noise on a panel of inputs, (features, width): the same as on the reference path."""

import math

import numpy as np

from .elementary import log, polynomial
from .jit import helper
from .shuffling import random_bits

_11, _12 = np.uint64(11), np.uint64(12)
# The series of sin(2 pi y) / y in y^2, to less than a rounding for |y| <= 1/4.
_SINE = tuple(
    (-1) ** k * math.tau ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(11, -1, -1)
)


@helper
def gaussian_noise(key, first_row, deviation, a):
    features, width = a.shape
    for feature in range(features):
        for lane in range(width):
            place = 2 * ((first_row + lane) * features + feature)
            u = (np.float64(random_bits(key, place) >> _12) + 0.5) * 2.0**-52
            v = np.float64(random_bits(key, place + 1) >> _11) * 2.0**-53
            # cos(2 pi v), as a sine of at most a quarter of a turn.
            y = abs(v - 0.5) - 0.25
            cosine = y * polynomial(y * y, _SINE)
            a[feature, lane] += a.dtype.type(deviation * math.sqrt(-2 * log(u)) * cosine)
