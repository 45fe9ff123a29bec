"""The three products of a dense layer (Goodfellow, Bengio, Courville, Deep Learning, 2016, 6.5.6).

weights : (n_in + 1, n_out); the last row is the bias.  a : (rows, n_in), z, delta : (rows, n_out).
"""

import numpy as np


def affine(a, weights, z):
    """z = a W + b."""
    np.matmul(a, weights[:-1], out=z)
    z += weights[-1]


def affine_relu(a, weights, out):
    """out = max(0, a W + b)."""
    affine(a, weights, out)
    np.maximum(out, 0, out=out)


def weight_gradient(a, delta, accumulate, out):
    """dW = a^T delta and db = the sum of delta over the rows, laid out as the weights.

    Added to what `out` holds if `accumulate`.
    """
    if not accumulate:
        out[...] = 0
    out[:-1] += a.T @ delta
    out[-1] += delta.sum(axis=0)


def input_delta(delta, weights, out):
    """The gradient by the layer's input: delta W^T."""
    np.matmul(delta, weights[:-1].T, out=out)
