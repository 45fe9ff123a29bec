"""Dropout, on panels (features, width): the same units as on the reference path."""

import math

import numpy as np

from .jit import helper
from .shuffling import mixed, state_of
from .vectors import elementwise

_0, _11 = np.uint64(0), np.uint64(11)


@helper
def dropout(key, first_row, rate, mask, a):
    features, width = mask.shape
    real = mask.dtype.type
    kept, dropped = real(1 / (1 - rate)), real(0)
    # The smallest bits whose first 53 as a number in [0, 1) are not below the rate.
    enough = np.uint64(math.ceil(rate * 2.0**53)) << _11
    stride = state_of(_0, np.uint64(features)) - state_of(_0, _0)
    for feature in range(features):
        state = state_of(np.uint64(key), np.uint64(first_row * features + feature))
        for lane in range(width):
            factor = kept if mixed(state) >= enough else dropped
            mask[feature, lane] = factor
            a[feature, lane] *= factor
            state += stride


@elementwise
def dropout_backward(mask, delta):
    return delta * mask
