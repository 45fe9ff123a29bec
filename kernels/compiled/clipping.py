"""Gradient clipping."""

import math

from .jit import helper
from .sums import sum_of_squares


@helper
def clip_value(limit, gradient):
    highest = gradient.dtype.type(limit)
    for i in range(gradient.size):
        g = gradient[i]
        # Written so that a NaN stays one.
        g = highest if g > highest else g
        gradient[i] = -highest if g < -highest else g


@helper
def squared_norm(gradient, value):
    value[0] = sum_of_squares(gradient)


@helper
def clip_norm(limit, squared_norm, gradient):
    """The reference's function from the squared norm on, for a part of the gradient."""
    factor = limit / (math.sqrt(squared_norm) + 1e-6)
    # Also where the norm is a NaN, so that it stays visible.
    if not factor >= 1:
        scale = gradient.dtype.type(factor)
        for i in range(gradient.size):
            gradient[i] *= scale
