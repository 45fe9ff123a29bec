"""Constraints on the weights, restored after each update."""

import math

import numpy as np

from .jit import helper


@helper
def max_norm(limit, weights, scratch):
    """scratch : (n_out,) float64."""
    n_in, n_out = weights.shape
    for j in range(n_out):
        scratch[j] = 0
    for i in range(n_in):
        for j in range(n_out):
            w = np.float64(weights[i, j])
            scratch[j] += w * w
    for j in range(n_out):
        norm = math.sqrt(scratch[j])
        scratch[j] = limit / norm if norm > limit else 1.0
    for i in range(n_in):
        for j in range(n_out):
            weights[i, j] *= weights.dtype.type(scratch[j])
