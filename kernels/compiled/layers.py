"""The three products of a dense layer, on panels.

a : (panels, n_in + 1, width), whose last row is 1, so that the bias is one more weight.
z, delta : (panels, n_out, width).  weights : (n_in + 1, n_out); the last row is the bias.
rows : how many rows the panels hold, the last panel maybe fewer than its width.
For the gradient delta is turned, row by row in blocks of features, by whoever made it.
"""

from . import caches
from .jit import ONE, ZERO, helper, inlined
from .matmul import M_BLOCK, matmul, packed_size
from .microkernel import (
    TILE_ROWS,
    TILE_VECTORS,
    VECTOR_BYTES,
    multiply_tile,
    tile_height,
    vector_lanes,
)
from .pointers import at
from .transposition import transpose_block

# Of the nearest cache a sixteenth is left to what passes by.
NEAREST = caches.sizes().l1 // 16 * 15


def scratch_size(n_in, n_out):
    """Room for the weights of a layer as its products pack them, whichever way."""
    return max(packed_size(n_out, n_in + 1), packed_size(n_in, n_out))


@helper
def panel_width(rows, lanes, threads):
    """Rows side by side in a panel: a whole tile's, or one vector where more would leave some of
    the threads without any."""
    return lanes if rows <= lanes * threads else TILE_VECTORS * lanes


@helper
def block_width(n_out, itemsize):
    """Features side by side in a block of delta by rows."""
    lanes = VECTOR_BYTES // itemsize
    return lanes if n_out <= lanes else TILE_VECTORS * lanes


@helper
def whole_vectors(rows, itemsize):
    """`rows` rounded up to whole vectors: what lies behind a panel's last row is never read."""
    lanes = VECTOR_BYTES // itemsize
    return (rows + lanes - 1) // lanes * lanes


@inlined
def affine(a, weights, rows, scratch, z):
    """z = W^T a + b, feature by feature."""
    output(a, weights, rows, scratch, ZERO, z)


@inlined
def affine_relu(a, weights, rows, scratch, out):
    """out = max(0, W^T a + b).  out : as `a`, with room for the 1 that is the next layer's."""
    output(a, weights, rows, scratch, ONE, out)


@inlined
def output(a, weights, rows, scratch, rectify, z):
    """The one or the other.  z : its panels may have more rows than there are features."""
    k, n_out = weights.shape
    width = a.shape[2]
    columns = whole_vectors(rows, z.itemsize)
    matmul(
        at(weights, 0),
        ONE,
        n_out,
        at(a, 0),
        at(z, 0),
        z.shape[1] * width,
        width,
        n_out,
        columns,
        k,
        width,
        scratch,
        rectify,
    )


@inlined
def weight_gradient(a, delta, accumulate, rows, first, last, out):
    """The rows of dW = a delta^T from `first` to `last`; that of the bias is the sum of delta.

    delta : by rows, (blocks, rows of all panels, block_width).
    """
    k, width = a.shape[1], a.shape[2]
    blocks, lines, block = delta.shape
    lanes = vector_lanes(out)
    most = rows_at_once(out.itemsize)
    for start in range(0, rows, most):
        count, adds, source = min(most, rows - start), accumulate + start, at(a, start * k)
        for top in range(first, last, M_BLOCK):
            bottom = min(top + M_BLOCK, last)
            for place in range(blocks):
                columns, column = at(delta, (place * lines + start) * block), place * block
                # Each for a width that is known when it is compiled: 10 % faster.
                if width == lanes:
                    gradient_columns(
                        source, lanes, columns, block, column, count, adds, top, bottom, out
                    )
                else:
                    wide = TILE_VECTORS * lanes
                    gradient_columns(
                        source, wide, columns, block, column, count, adds, top, bottom, out
                    )


@helper
def rows_at_once(itemsize):
    """So many rows of a block of delta, and of a's features of a tile, fill the nearest cache.

    Whole panels of either width.
    """
    panel = TILE_VECTORS * VECTOR_BYTES // itemsize
    fitting = NEAREST // (TILE_VECTORS * VECTOR_BYTES + TILE_ROWS * itemsize)
    return max(fitting // panel, 1) * panel


@inlined
def gradient_columns(a, width, delta, block, column, rows, accumulate, first, last, out):
    """What a block of delta makes of these rows of dW: its columns from `column` on."""
    k, n_out = out.shape
    row = first
    while row < last:
        height = tile_height(last - row)
        multiply_tile(
            at(a, row * width),
            width,
            ONE,
            width,
            k * width,
            at(delta, 0),
            block,
            at(out, row * n_out + column),
            n_out,
            height,
            min(block, n_out - column),
            rows,
            accumulate,
            ZERO,
        )
        row += height


@helper
def delta_by_rows(delta, first_row, out):
    """Panels of delta, from `first_row` on, to (blocks, rows of all panels, block)."""
    n_out, width = delta.shape[1], delta.shape[2]
    blocks, lines, block = out.shape
    lanes = vector_lanes(delta)
    for place in range(delta.shape[0]):
        for first in range(0, blocks * block, block):
            to = first * lines + (first_row + place * width) * block
            for feature in range(first, min(first + block, n_out), lanes):
                for row in range(0, width, lanes):
                    transpose_block(
                        at(delta, (place * n_out + feature) * width + row),
                        width,
                        min(lanes, n_out - feature),
                        at(out, to + row * block + feature - first),
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
        ONE,
        at(delta, 0),
        at(out, 0),
        n_in * width,
        width,
        n_in,
        columns,
        n_out,
        width,
        scratch,
        ZERO,
    )
