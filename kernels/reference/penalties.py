"""Penalties on the size of the weights, as parts of the loss."""

import numpy as np


def penalize(l1, l2, weights, gradient, value):
    """value += l1 sum|w| + l2 / 2 sum(w^2); gradient += l1 sign(w) + l2 w, with sign(0) = 0.

    weights, gradient : (n,) of one layer, without the biases.  value : (1,) float64.
    """
    real = weights.dtype.type
    wide = np.promote_types(real, np.float64)
    value[0] += l1 * np.abs(weights).sum(dtype=wide)
    value[0] += l2 / 2 * np.square(weights, dtype=wide).sum()
    gradient += real(l1) * np.sign(weights) + real(l2) * weights
