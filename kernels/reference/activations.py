"""Activations and what they do to a gradient that passes back through them.

z : logits, (rows, features).  out : activations, the same shape.
``<name>_backward(z, a, delta)`` multiplies delta in place by the derivative at z.
"""

import numpy as np


def relu(z, out):
    """max(0, z)."""
    np.maximum(z, 0, out=out)


def relu_backward(z, a, delta):
    """The derivative is 1 where z > 0 and 0 elsewhere, 0 included."""
    delta *= z > 0


def sigmoid(z, out):
    """1 / (1 + exp(-z)), written with exp(-|z|) so that nothing overflows."""
    e = np.exp(-np.abs(z))
    out[...] = np.where(z >= 0, 1, e) / (1 + e)


def softmax(z, out):
    """exp(z) / sum(exp(z)) over the features; a shift by the maximum changes nothing."""
    np.exp(z - z.max(axis=1, keepdims=True), out=out)
    out /= out.sum(axis=1, keepdims=True)
