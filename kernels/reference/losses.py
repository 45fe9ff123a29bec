"""Losses: the value of each row, and the gradient by what the loss is a function of.

z : logits, or a : output activations; target : (rows, outputs).
numbers : float64, the loss's own.  scale : (rows,) multiplies the gradient of each row, 1 / rows
for a mean over the rows.
delta : (rows, outputs), receives the gradient.  losses : (rows,), receives the values.

With matching output and loss the gradient by the logits is "prediction minus target"
(Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.6).
"""

import numpy as np

from ..catalog import NEGLIGIBLE, PROBABILITY_OFFSET
from .activations import sigmoid, softmax, softplus


def binary_cross_entropy(z, target, numbers, scale, delta, losses):
    """-(t log p + (1 - t) log(1 - p)) with p = sigmoid(z), mean over the outputs.

    In terms of z this is max(z, 0) - t z + log(1 + exp(-|z|)), exact where p rounds to 0 or 1.
    """
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    np.mean(softplus - target * z, axis=1, out=losses)
    sigmoid(z, out=delta)
    delta -= target
    delta *= mean_over_outputs(scale, z)


def offset_binary_cross_entropy(z, target, numbers, scale, delta, losses):
    """The drop-in's loss: logarithms of p + 1e-8, mean over the outputs, and delta = p - t."""
    sigmoid(z, out=delta)
    log_p = np.log(delta + PROBABILITY_OFFSET)
    log_q = np.log(1 - delta + PROBABILITY_OFFSET)
    np.mean(-(target * log_p + (1 - target) * log_q), axis=1, out=losses)
    delta -= target
    delta *= scale[:, None]


def cross_entropy(z, target, numbers, scale, delta, losses):
    """-sum(t log p) with p = softmax(z): log(sum(exp(z))) - t z, for targets that sum to 1."""
    largest = z.max(axis=1)
    np.log(np.exp(z - largest[:, None]).sum(axis=1), out=losses)
    losses += (target * (largest[:, None] - z)).sum(axis=1)
    softmax(z, out=delta)
    delta -= target
    delta *= scale[:, None]


def poisson_of_logarithm(z, target, numbers, scale, delta, losses):
    """rate - t log(rate) with z = log(rate), mean over the outputs; without log(t!)."""
    np.exp(z, out=delta)
    np.mean(delta - target * z, axis=1, out=losses)
    delta -= target
    delta *= mean_over_outputs(scale, z)


def poisson_of_softplus(z, target, numbers, scale, delta, losses):
    """rate - t log(rate) with rate = softplus(z), mean over the outputs; without log(t!).

    For very negative z, where the rate underflows, its logarithm is z and the ratio of its
    derivative to it is 1; for the larger ones that both come from exp(z), which never is 0.
    """
    rate = np.empty_like(z)
    softplus(z, out=rate)
    sigmoid(z, out=delta)
    is_tiny = z < NEGLIGIBLE
    safe = np.where(is_tiny, 1, rate)
    log_rate = np.where(is_tiny, z, np.log(safe))
    ratio = np.where(is_tiny, 1, delta / safe)
    np.mean(rate - target * log_rate, axis=1, out=losses)
    delta -= target * ratio
    delta *= mean_over_outputs(scale, z)


def mse(a, target, numbers, scale, delta, losses):
    """(a - t)^2, mean over the outputs."""
    np.subtract(a, target, out=delta)
    np.mean(delta * delta, axis=1, out=losses)
    delta *= 2
    delta *= mean_over_outputs(scale, a)


def mae(a, target, numbers, scale, delta, losses):
    """|a - t|, mean over the outputs; the derivative at 0 is 0."""
    np.subtract(a, target, out=delta)
    np.mean(np.abs(delta), axis=1, out=losses)
    np.sign(delta, out=delta)
    delta *= mean_over_outputs(scale, a)


def huber(a, target, numbers, scale, delta, losses):
    """d^2 / 2 where |d| <= limit, else limit (|d| - limit / 2), with d = a - t; mean over outputs.

    P. J. Huber, Annals of Mathematical Statistics 35 (1964).  numbers : the limit.
    """
    limit = a.dtype.type(numbers[0])
    np.subtract(a, target, out=delta)
    size = np.abs(delta)
    values = np.where(size <= limit, delta * delta / 2, limit * (size - limit / 2))
    np.mean(values, axis=1, out=losses)
    np.clip(delta, -limit, limit, out=delta)
    delta *= mean_over_outputs(scale, a)


def quantile(a, target, numbers, scale, delta, losses):
    """q (t - a) where t >= a, else (1 - q) (a - t), mean over the outputs; at a = t derivative 0.

    R. Koenker, G. Bassett, Econometrica 46 (1978).  numbers : q of each output.
    """
    q = numbers.astype(a.dtype)
    d = target - a
    np.mean(np.where(d >= 0, q * d, (q - 1) * d), axis=1, out=losses)
    delta[...] = np.where(d > 0, -q, np.where(d < 0, 1 - q, d))
    delta *= mean_over_outputs(scale, a)


def mean_over_outputs(scale, like):
    """The scale of each row, (rows, 1), for a mean over the outputs of `like`."""
    return scale[:, None] / like.shape[1]
