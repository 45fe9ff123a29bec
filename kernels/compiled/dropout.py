"""Dropout, on panels (features, width): the same units as on the reference path."""

import numpy as np

from .jit import helper
from .shuffling import random_bits

_11 = np.uint64(11)


@helper
def dropout(key, first_row, rate, mask, a):
    features, width = mask.shape
    real = mask.dtype.type
    kept, dropped = real(1 / (1 - rate)), real(0)
    for feature in range(features):
        for lane in range(width):
            place = (first_row + lane) * features + feature
            uniform = np.float64(random_bits(key, place) >> _11) * 2.0**-53
            factor = kept if uniform >= rate else dropped
            mask[feature, lane] = factor
            a[feature, lane] *= factor


@helper
def dropout_backward(mask, delta):
    for i in range(mask.size):
        delta[i] *= mask[i]
