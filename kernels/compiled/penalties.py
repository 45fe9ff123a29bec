"""Penalties on the size of the weights, as parts of the loss."""

from .jit import helper
from .sums import sum_of_sizes, sum_of_squares


@helper
def penalize(l1, l2, weights, gradient, value):
    real = weights.dtype.type
    zero, step, factor = real(0), real(l1), real(l2)
    if l1 != 0:
        value[0] += l1 * sum_of_sizes(weights)
    if l2 != 0:
        value[0] += l2 / 2 * sum_of_squares(weights)
    for i in range(weights.size):
        w = weights[i]
        sign = step if w > zero else -step if w < zero else zero
        gradient[i] += sign + factor * w
