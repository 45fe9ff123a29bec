"""Gaussian noise on the inputs (C. M. Bishop, Neural Computation 7, 1995)."""

import numpy as np

from .shuffling import random_bits


def gaussian_noise(key, first_row, deviation, a):
    """Add normal numbers of mean 0 and this standard deviation; key and places as in dropout.

    Box and Muller: sqrt(-2 log u) cos(2 pi v) from two uniform numbers (Annals of Mathematical
    Statistics 29, 1958).  a : (rows, features).
    """
    rows, features = a.shape
    places = (first_row + np.arange(rows))[:, None] * features + np.arange(features)
    # In (0, 1), so that the logarithm is finite.
    u = ((random_bits(key, 2 * places) >> np.uint64(12)) + 0.5) * 2.0**-52
    v = (random_bits(key, 2 * places + 1) >> np.uint64(11)) * 2.0**-53
    a += (deviation * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)).astype(a.dtype)
