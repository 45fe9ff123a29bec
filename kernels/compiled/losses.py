"""Losses, one panel at a time: the value of each row, and the gradient by logits or outputs.

z or a, target, delta : (outputs, width).  numbers : float64.  scale : (width,).
losses : (3, width); the values go to its first row.
"""

import math

from ..catalog import NEGLIGIBLE, PROBABILITY_OFFSET
from .activations import logistic
from .elementary import exp, exp_up_to_0, log, log1p_up_to_1
from .formulas import choose, larger, sign, smaller, with_sign
from .vectors import rowwise


@rowwise
def binary_cross_entropy(z, target, numbers, scale, delta, losses):
    def output(i):
        x, t = z[i], target[i]
        return softplus(x) - t * x, logistic(x) - t

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def offset_binary_cross_entropy(z, target, numbers, scale, delta, losses):
    def output(i):
        p, t = logistic(z[i]), target[i]
        log_p, log_q = log(p + PROBABILITY_OFFSET), log(1 - p + PROBABILITY_OFFSET)
        return -(t * log_p + (1 - t) * log_q), p - t

    # The gradient is that of the sum, as in the drop-in.
    mean_of_outputs(output, scale, delta, losses)


@rowwise
def cross_entropy(z, target, numbers, scale, delta, losses):
    largest = z.fold(-math.inf, lambda i, value: larger(z[i], value))

    def exponential(i, total):
        delta[i] = e = exp_up_to_0(z[i] - largest)
        return total + e

    total = z.fold(0, exponential)
    share = scale / total

    def finish(i, value):
        delta[i] = delta[i] * share - target[i] * scale
        return value + target[i] * (largest - z[i])

    losses[0] = z.fold(log(total), finish)


@rowwise
def poisson_of_logarithm(z, target, numbers, scale, delta, losses):
    def output(i):
        rate, t = exp(z[i]), target[i]
        return rate - t * z[i], rate - t

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def poisson_of_softplus(z, target, numbers, scale, delta, losses):
    def output(i):
        x, t = z[i], target[i]
        rate, slope, is_tiny = softplus(x), logistic(x), x < NEGLIGIBLE
        log_rate, ratio = choose(is_tiny, x, log(rate)), choose(is_tiny, 1, slope / rate)
        return rate - t * log_rate, slope - t * ratio

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def mse(a, target, numbers, scale, delta, losses):
    def output(i):
        d = a[i] - target[i]
        return d * d, 2 * d

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def mae(a, target, numbers, scale, delta, losses):
    def output(i):
        d = a[i] - target[i]
        return abs(d), sign(d)

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def huber(a, target, numbers, scale, delta, losses):
    limit = numbers[0]

    def output(i):
        d = a[i] - target[i]
        size = abs(d)
        value = choose(size > limit, limit * (size - limit * 0.5), d * d * 0.5)
        return value, with_sign(smaller(size, limit), d)

    mean_of_outputs(output, scale * delta.share, delta, losses)


@rowwise
def quantile(a, target, numbers, scale, delta, losses):
    def output(i):
        d, q = target[i] - a[i], numbers[i]
        value = choose(d >= 0, q * d, (q - 1) * d)
        return value, choose(d > 0, -q, choose(d < 0, 1 - q, d))

    mean_of_outputs(output, scale * delta.share, delta, losses)


def mean_of_outputs(output, factor, delta, losses):
    """From (value, slope) of each output: the mean of the values, and `factor` times the slopes."""

    def add(i, total):
        value, slope = output(i)
        delta[i] = slope * factor
        return total + value

    losses[0] = delta.fold(0, add) * delta.share


def softplus(x):
    return larger(x, x.of(0)) + log1p_up_to_1(exp_up_to_0(-abs(x)))
