"""The three products of a dense layer, on panels.

a : (panels, n_in + 1, width), whose last row is 1, so that the bias is one more weight.
z, delta : (panels, n_out, width).  weights : (n_in + 1, n_out); the last row is the bias.
rows : how many rows the panels hold, the last panel maybe fewer than its width.
"""

import numpy as np

from .jit import helper, inlined
from .matmul import matmul
from .microkernel import TILE_VECTORS, VECTOR_BYTES
from .pointers import at

# Numba compiles a function anew for a literal argument; a number of a type of its own is none.
_ZERO, _ONE = np.int64(0), np.int64(1)


@helper
def panel_width(rows, itemsize):
    """Rows side by side in a panel: one vector where that is enough, else a whole tile's."""
    lanes = VECTOR_BYTES // itemsize
    return lanes if rows <= lanes else TILE_VECTORS * lanes


@helper
def whole_vectors(rows, itemsize):
    """`rows` rounded up to whole vectors: what lies behind a panel's last row is never read."""
    lanes = VECTOR_BYTES // itemsize
    return (rows + lanes - 1) // lanes * lanes


@inlined
def affine(a, weights, rows, z):
    """z = W^T a + b, feature by feature."""
    k, n_out = weights.shape
    width = a.shape[2]
    columns = whole_vectors(rows, z.itemsize)
    matmul(
        at(weights, 0),
        _ONE,
        n_out,
        at(a, 0),
        at(z, 0),
        n_out * width,
        width,
        n_out,
        columns,
        k,
        width,
        _ZERO,
    )


@inlined
def weight_gradient(a, delta, accumulate, rows, scratch, out):
    """dW = a delta^T, and the sum of delta in the row of the bias.

    scratch : room for one panel of delta, transposed: width x n_out rounded up to a panel.
    """
    n_out, width = delta.shape[1], delta.shape[2]
    block = panel_width(n_out, out.itemsize)
    panel_size = a.shape[1] * width
    for panel in range(a.shape[0]):
        count = min(width, rows - panel * width)
        transpose(delta[panel], count, block, scratch)
        matmul(
            at(a, panel * panel_size),
            width,
            _ONE,
            at(scratch, 0),
            at(out, 0),
            block,
            n_out,
            a.shape[1],
            n_out,
            count,
            block,
            accumulate + panel,
        )


@helper
def transpose(delta, rows, block, out):
    """One panel (features, width) to (blocks of features, rows, block), the rest filled with 0."""
    features = delta.shape[0]
    place = 0
    for first in range(0, features, block):
        count = min(block, features - first)
        for row in range(rows):
            for i in range(count):
                out[place + i] = delta[first + i, row]
            for i in range(count, block):
                out[place + i] = 0
            place += block


@inlined
def input_delta(delta, weights, rows, out):
    """The gradient by the layer's input: W delta."""
    n_out, width = delta.shape[1], delta.shape[2]
    n_in = weights.shape[0] - 1
    columns = whole_vectors(rows, out.itemsize)
    matmul(
        at(weights, 0),
        n_out,
        _ONE,
        at(delta, 0),
        at(out, 0),
        n_in * width,
        width,
        n_in,
        columns,
        n_out,
        width,
        _ZERO,
    )
