"""The three products of a dense layer, on panels.

a : (panels, n_in + 1, width), whose last row is 1, so that the bias is one more weight.
z, delta : (panels, n_out, width).  weights : (n_in + 1, n_out); the last row is the bias.
rows : how many rows the panels hold, the last panel maybe fewer than its width.
"""

import numpy as np

from .jit import helper, inlined
from .matmul import matmul
from .microkernel import TILE_VECTORS, VECTOR_BYTES, multiply_tile, tile_height, vector_lanes
from .pointers import at
from .transposition import transpose_block

# Numba compiles a function anew for a literal argument; a number of a type of its own is none.
_ONE = np.int64(1)


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
def affine(a, weights, rows, scratch, z):
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
        scratch,
    )


@inlined
def weight_gradient(a, delta, accumulate, rows, scratch, out):
    """dW = a delta^T, and the sum of delta in the row of the bias.

    scratch : room for one block of features of delta, transposed: a panel's width for each row.
    """
    n_out, width = delta.shape[1], delta.shape[2]
    k = a.shape[1]
    block = panel_width(n_out, out.itemsize)
    for first in range(0, n_out, block):
        transpose(delta, first, block, scratch)
        columns = min(block, n_out - first)
        row = 0
        while row < k:
            height = tile_height(k - row)
            source, to = at(a, row * width), at(out, row * n_out + first)
            # Written twice, for a width that is known when it is compiled: 10 % faster.
            if width == TILE_VECTORS * vector_lanes(out):
                multiply_tile(
                    source,
                    TILE_VECTORS * vector_lanes(out),
                    _ONE,
                    width,
                    k * width,
                    at(scratch, 0),
                    block,
                    to,
                    n_out,
                    height,
                    columns,
                    rows,
                    accumulate,
                )
            else:
                multiply_tile(
                    source,
                    vector_lanes(out),
                    _ONE,
                    width,
                    k * width,
                    at(scratch, 0),
                    block,
                    to,
                    n_out,
                    height,
                    columns,
                    rows,
                    accumulate,
                )
            row += height


@helper
def transpose(delta, first, block, out):
    """The features from `first` on, as many as a block has, of all panels to (rows, block)."""
    n_out, width = delta.shape[1], delta.shape[2]
    lanes = vector_lanes(delta)
    for panel in range(delta.shape[0]):
        for feature in range(0, min(block, n_out - first), lanes):
            for row in range(0, width, lanes):
                transpose_block(
                    at(delta, (panel * n_out + first + feature) * width + row),
                    width,
                    min(lanes, n_out - first - feature),
                    at(out, (panel * width + row) * block + feature),
                    block,
                )


@inlined
def input_delta(delta, weights, rows, scratch, out):
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
        scratch,
    )
