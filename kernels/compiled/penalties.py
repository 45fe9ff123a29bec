"""Penalties on the size of the weights, as parts of the loss."""

from .formulas import choose
from .jit import helper
from .sums import sum_of_sizes, sum_of_squares
from .vectors import elementwise


@helper
def penalize(l1, l2, weights, gradient, value):
    if l1 != 0:
        value[0] += l1 * sum_of_sizes(weights)
    if l2 != 0:
        value[0] += l2 / 2 * sum_of_squares(weights)
    add_slopes(l1, l2, weights, gradient)


@elementwise
def add_slopes(l1, l2, w, g):
    return g + (choose(w > 0, l1, choose(w < 0, -l1, w.of(0))) + l2 * w)
