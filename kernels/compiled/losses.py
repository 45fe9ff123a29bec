"""Losses, one panel at a time: the value of each row, and the gradient by logits or outputs.

z or a, target, delta : (outputs, width).  numbers : float64.  scale : (width,).
losses : (3, width); the values go to its first row, the others are scratch.
"""

from ..catalog import NEGLIGIBLE, PROBABILITY_OFFSET
from .activations import larger, logistic
from .elementary import exp, log, log1p
from .jit import helper


@helper
def binary_cross_entropy(z, target, numbers, scale, delta, losses):
    outputs, width = z.shape
    real = z.dtype.type
    zero, one, count = real(0), real(1), real(outputs)
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            x, t = z[i, j], target[i, j]
            e = exp(-abs(x))
            losses[0, j] += larger(x, zero) - t * x + log1p(e)
            delta[i, j] = ((one if x >= zero else e) / (one + e) - t) * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def offset_binary_cross_entropy(z, target, numbers, scale, delta, losses):
    outputs, width = z.shape
    real = z.dtype.type
    zero, one, count, offset = real(0), real(1), real(outputs), real(PROBABILITY_OFFSET)
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            p, t = logistic(z[i, j]), target[i, j]
            losses[0, j] -= t * log(p + offset) + (one - t) * log(one - p + offset)
            delta[i, j] = (p - t) * scale[j]
    for j in range(width):
        losses[0, j] /= count


@helper
def cross_entropy(z, target, numbers, scale, delta, losses):
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
            delta[i, j] = (delta[i, j] / total[j] - target[i, j]) * scale[j]


@helper
def poisson_of_logarithm(z, target, numbers, scale, delta, losses):
    outputs, width = z.shape
    count = z.dtype.type(outputs)
    losses[0] = z.dtype.type(0)
    for i in range(outputs):
        for j in range(width):
            rate = exp(z[i, j])
            losses[0, j] += rate - target[i, j] * z[i, j]
            delta[i, j] = (rate - target[i, j]) * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def poisson_of_softplus(z, target, numbers, scale, delta, losses):
    outputs, width = z.shape
    real = z.dtype.type
    zero, one, count, lowest = real(0), real(1), real(outputs), real(NEGLIGIBLE)
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            x, t = z[i, j], target[i, j]
            e = exp(-abs(x))
            rate = larger(x, zero) + log1p(e)
            slope = (one if x >= zero else e) / (one + e)
            is_tiny = x < lowest
            log_rate = x if is_tiny else log(rate)
            ratio = one if is_tiny else slope / rate
            losses[0, j] += rate - t * log_rate
            delta[i, j] = (slope - t * ratio) * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def mse(a, target, numbers, scale, delta, losses):
    outputs, width = a.shape
    real = a.dtype.type
    two, count = real(2), real(outputs)
    losses[0] = real(0)
    for i in range(outputs):
        for j in range(width):
            d = a[i, j] - target[i, j]
            losses[0, j] += d * d
            delta[i, j] = two * d * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def mae(a, target, numbers, scale, delta, losses):
    outputs, width = a.shape
    real = a.dtype.type
    zero, one, count = real(0), real(1), real(outputs)
    losses[0] = zero
    for i in range(outputs):
        for j in range(width):
            d = a[i, j] - target[i, j]
            losses[0, j] += abs(d)
            # Written so that a NaN stays one.
            sign = one if d > zero else -one if d < zero else d
            delta[i, j] = sign * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def huber(a, target, numbers, scale, delta, losses):
    outputs, width = a.shape
    real = a.dtype.type
    limit, half, count = real(numbers[0]), real(0.5), real(outputs)
    losses[0] = real(0)
    for i in range(outputs):
        for j in range(width):
            d = a[i, j] - target[i, j]
            size = abs(d)
            losses[0, j] += limit * (size - limit * half) if size > limit else d * d * half
            clipped = limit if d > limit else -limit if d < -limit else d
            delta[i, j] = clipped * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count


@helper
def quantile(a, target, numbers, scale, delta, losses):
    outputs, width = a.shape
    real = a.dtype.type
    zero, one, count = real(0), real(1), real(outputs)
    losses[0] = zero
    for i in range(outputs):
        q = real(numbers[i])
        for j in range(width):
            d = target[i, j] - a[i, j]
            losses[0, j] += q * d if d >= zero else (q - one) * d
            slope = -q if d > zero else one - q if d < zero else d
            delta[i, j] = slope * (scale[j] / count)
    for j in range(width):
        losses[0, j] /= count
