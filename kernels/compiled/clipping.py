"""Gradient clipping."""

import math

from .formulas import choose
from .jit import helper
from .sums import sum_of_squares
from .vectors import elementwise


@elementwise
def clip_value(limit, gradient):
    # Written so that a NaN stays one.
    below = choose(gradient > limit, limit, gradient)
    return choose(below < -limit, -limit, below)


@helper
def squared_norm(gradient, value):
    value[0] = sum_of_squares(gradient)


@helper
def clip_norm(limit, squared_norm, gradient):
    """The reference's function from the squared norm on, for a part of the gradient."""
    factor = limit / (math.sqrt(squared_norm) + 1e-6)
    # Also where the norm is a NaN, so that it stays visible.
    if not factor >= 1:
        multiply(factor, gradient)


@elementwise
def multiply(factor, g):
    return factor * g
