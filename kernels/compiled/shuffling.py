"""The order of the rows in an epoch: the same function of key and epoch as the reference."""

import numpy as np

from .formulas import formula
from .jit import helper

# Numba makes a float of int64 and uint64 together, so every constant is uint64.
_11 = np.uint64(11)


@helper
def random_bits(key, counter):
    return mixed(state_of(np.uint64(key), np.uint64(counter)))


@formula
def state_of(key, counter):
    """What is mixed to random bits; it grows by the same from each counter to the next."""
    return key + (counter + 1) * 0x9E3779B97F4A7C15


@formula
def mixed(state):
    z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    return z ^ (z >> 31)


@helper
def shuffle(key, epoch, order):
    epoch_key = random_bits(key, epoch)
    for i in range(order.size):
        order[i] = i
    for last in range(order.size - 1, 0, -1):
        uniform = np.float64(mixed(state_of(epoch_key, np.uint64(last))) >> _11) * 2.0**-53
        other = np.int64(uniform * np.float64(last + 1))
        order[last], order[other] = order[other], order[last]
