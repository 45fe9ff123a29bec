"""Losses from logits, one panel at a time: the value of each row, and the gradient by the logits.

z, target, delta : (outputs, width).  losses : (3, width); the values go to its first row, the
others are scratch.
"""

from ..catalog import PROBABILITY_OFFSET
from .activations import larger, logistic
from .elementary import exp, log, log1p
from .jit import helper


@helper
def binary_cross_entropy(z, target, scale, delta, losses):
    outputs, width = z.shape
    real = z.dtype.type
    zero, one, count = real(0), real(1), real(outputs)
    share = scale / count
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            x, t = z[i, j], target[i, j]
            e = exp(-abs(x))
            losses[0, j] += larger(x, zero) - t * x + log1p(e)
            delta[i, j] = ((one if x >= zero else e) / (one + e) - t) * share
    for j in range(width):
        losses[0, j] /= count


@helper
def offset_binary_cross_entropy(z, target, scale, delta, losses):
    outputs, width = z.shape
    real = z.dtype.type
    zero, one, count, offset = real(0), real(1), real(outputs), real(PROBABILITY_OFFSET)
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            p, t = logistic(z[i, j]), target[i, j]
            losses[0, j] -= t * log(p + offset) + (one - t) * log(one - p + offset)
            delta[i, j] = (p - t) * scale
    for j in range(width):
        losses[0, j] /= count


@helper
def cross_entropy(z, target, scale, delta, losses):
    outputs, width = z.shape
    values, largest, total = losses[0], losses[1], losses[2]
    for j in range(width):
        largest[j] = z[0, j]
    for i in range(1, outputs):
        for j in range(width):
            largest[j] = larger(z[i, j], largest[j])
    total[:] = z.dtype.type(0)
    for i in range(outputs):
        for j in range(width):
            e = exp(z[i, j] - largest[j])
            delta[i, j] = e
            total[j] += e
    for j in range(width):
        values[j] = log(total[j])
    for i in range(outputs):
        for j in range(width):
            values[j] += target[i, j] * (largest[j] - z[i, j])
            delta[i, j] = (delta[i, j] / total[j] - target[i, j]) * scale
