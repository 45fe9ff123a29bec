"""The three products of a dense layer, on panels.

a : (panels, n_in + 1, width), whose last row is 1, so that the bias is one more weight.
z, delta : (panels, n_out, width).  weights : (n_in + 1, n_out); the last row is the bias.
rows : how many rows the panels hold, the last panel maybe fewer than its width.
"""

import numpy as np

from .jit import helper, inlined
from .matmul import matmul, packed_size
from .microkernel import TILE_VECTORS, VECTOR_BYTES, multiply_tile, tile_height, vector_lanes
from .pointers import at
from .transposition import transpose_block

# Numba compiles a function anew for a literal argument; a number of a type of its own is none.
_ONE = np.int64(1)


def scratch_size(n_in, n_out):
    """Room for the weights of a layer as its products pack them, whichever way."""
    return max(packed_size(n_out, n_in + 1), packed_size(n_in, n_out))


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
    block = panel_width(n_out, out.itemsize)
    lanes = vector_lanes(out)
    for first in range(0, n_out, block):
        transpose(delta, first, block, scratch)
        # Each for a width that is known when it is compiled: 10 % faster.
        if width == lanes:
            gradient_columns(a, lanes, scratch, block, first, rows, accumulate, out)
        else:
            gradient_columns(a, TILE_VECTORS * lanes, scratch, block, first, rows, accumulate, out)


@inlined
def gradient_columns(a, width, delta, block, first, rows, accumulate, out):
    """The columns of dW from `first` on, as many as a block has, from delta as (rows, block)."""
    k, n_out = out.shape
    row = 0
    while row < k:
        height = tile_height(k - row)
        multiply_tile(
            at(a, row * width),
            width,
            _ONE,
            width,
            k * width,
            at(delta, 0),
            block,
            at(out, row * n_out + first),
            n_out,
            height,
            min(block, n_out - first),
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
