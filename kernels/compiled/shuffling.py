"""The order of the rows in an epoch: the same function of key and epoch as the reference."""

import numpy as np

from .jit import helper

# Numba makes a float of int64 and uint64 together, so every constant is uint64.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _11, _27, _30, _31 = (np.uint64(n) for n in (1, 11, 27, 30, 31))


@helper
def random_bits(key, counter):
    z = np.uint64(key) + (np.uint64(counter) + _ONE) * _STEP
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return z ^ (z >> _31)


@helper
def shuffle(key, epoch, order):
    epoch_key = random_bits(key, epoch)
    for i in range(order.size):
        order[i] = i
    for last in range(order.size - 1, 0, -1):
        uniform = np.float64(random_bits(epoch_key, last) >> _11) * 2.0**-53
        other = np.int64(uniform * np.float64(last + 1))
        order[last], order[other] = order[other], order[last]
