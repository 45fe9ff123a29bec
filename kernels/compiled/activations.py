"""Activations, and what they do to a gradient that passes back through them.

Elementwise kernels take flat arrays of any length; `softmax` takes a panel, (features, width),
with one more row in `out` that it uses as scratch.
"""

from .elementary import exp
from .jit import helper


@helper
def relu(z, out):
    zero = z.dtype.type(0)
    for i in range(z.size):
        # Written so that a NaN stays one.
        out[i] = zero if z[i] <= zero else z[i]


@helper
def relu_backward(z, a, delta):
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(z.size):
        delta[i] *= one if z[i] > zero else zero


@helper
def logistic(x):
    """1 / (1 + exp(-x)) of one number, with exp(-|x|) so that nothing overflows."""
    e = exp(-abs(x))
    # Numba widens a float32 that meets a whole number, so the constants come from x's own type.
    one = type(x)(1)
    return (one if x >= type(x)(0) else e) / (one + e)


@helper
def sigmoid(z, out):
    for i in range(z.size):
        out[i] = logistic(z[i])


@helper
def softmax(z, out):
    features, width = z.shape
    scratch = out[features]
    for j in range(width):
        scratch[j] = z[0, j]
    for i in range(1, features):
        for j in range(width):
            scratch[j] = larger(z[i, j], scratch[j])
    for i in range(features):
        for j in range(width):
            out[i, j] = exp(z[i, j] - scratch[j])
    for j in range(width):
        scratch[j] = out[0, j]
    for i in range(1, features):
        for j in range(width):
            scratch[j] += out[i, j]
    for i in range(features):
        for j in range(width):
            out[i, j] /= scratch[j]


@helper
def larger(x, y):
    """The larger of two numbers, NaN if either is."""
    return x if x > y or x != x else y
