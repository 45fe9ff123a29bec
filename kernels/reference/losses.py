"""Losses from logits: the value of each row, and the gradient by the logits.

z, target : (rows, outputs).  scale : a number that multiplies the gradient, 1 / rows for a mean.
delta : (rows, outputs), receives the gradient.  losses : (rows,), receives the values.

With matching output and loss the gradient by the logits is "prediction minus target"
(Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.6).
"""

import numpy as np

from ..catalog import PROBABILITY_OFFSET
from .activations import sigmoid, softmax


def binary_cross_entropy(z, target, scale, delta, losses):
    """-(t log p + (1 - t) log(1 - p)) with p = sigmoid(z), mean over the outputs.

    In terms of z this is max(z, 0) - t z + log(1 + exp(-|z|)), exact where p rounds to 0 or 1.
    """
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    np.mean(softplus - target * z, axis=1, out=losses)
    sigmoid(z, out=delta)
    delta -= target
    delta *= scale / z.shape[1]


def offset_binary_cross_entropy(z, target, scale, delta, losses):
    """The drop-in's loss: logarithms of p + 1e-8, mean over the outputs, and delta = p - t."""
    sigmoid(z, out=delta)
    log_p = np.log(delta + PROBABILITY_OFFSET)
    log_q = np.log(1 - delta + PROBABILITY_OFFSET)
    np.mean(-(target * log_p + (1 - target) * log_q), axis=1, out=losses)
    delta -= target
    delta *= scale


def cross_entropy(z, target, scale, delta, losses):
    """-sum(t log p) with p = softmax(z): log(sum(exp(z))) - t z, for targets that sum to 1."""
    largest = z.max(axis=1)
    np.log(np.exp(z - largest[:, None]).sum(axis=1), out=losses)
    losses += (target * (largest[:, None] - z)).sum(axis=1)
    softmax(z, out=delta)
    delta -= target
    delta *= scale
