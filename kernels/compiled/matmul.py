"""Products of any size, made of register tiles: the blocking, the packing and the edges."""

from . import caches
from .division import divide_up
from .jit import ONE, ZERO, helper
from .microkernel import (
    TILE_ROWS,
    TILE_VECTORS,
    VECTOR_BYTES,
    multiply_tile,
    tile_height,
    vector_lanes,
)
from .pointers import at, copy
from .transposition import transpose_block

# A block of a panel of B stays in the nearest cache while strips of A pass by, and those strips
# in the next one while panels of B do. The names of compiled kernels in the cache folder depend on
# the sizes of caches, see `jit`.
K_BLOCK = caches.sizes().l1 // 2 // (TILE_VECTORS * VECTOR_BYTES)
M_BLOCK = max(4, min(caches.sizes().l2, 2**21) // 16 // (TILE_ROWS * K_BLOCK * 4)) * TILE_ROWS


def packed_size(m, k):
    """How many numbers the largest block of an A of this shape takes when it is packed."""
    strips = -(-min(m, M_BLOCK) // TILE_ROWS)
    # The last vector of a block that is turned is written beyond the last strip.
    return strips * TILE_ROWS * min(k, K_BLOCK) + VECTOR_BYTES


@helper
def matmul(a, a_row, a_column, b, c, c_panel, c_row, m, n, k, width, packed, rectify):
    """``C[m, n] = A[m, k] @ B[k, n]``, with B in panels of `width` columns.

    a_row, a_column : strides of A, one of which is 1.
    B is (panels, k, width), contiguous; C's panels begin `c_panel` apart, its rows `c_row`.
    packed : room for `packed_size(m, k)` numbers, where blocks of A are copied for the tile. For
        a single panel A is left in its place if its columns are contiguous already.
    rectify : see `multiply_tile`.
    """
    panels = divide_up(n, width)
    is_packed = a_row != 1 or panels > 1
    for first in range(0, k, K_BLOCK):
        depth = min(K_BLOCK, k - first)
        rectify_now = rectify if first + depth == k else ZERO
        for top in range(0, m, M_BLOCK):
            height = min(M_BLOCK, m - top)
            block = at(a, top * a_row + first * a_column)
            column, strip = a_column, TILE_ROWS
            if is_packed:
                column, strip = TILE_ROWS, TILE_ROWS * depth
                if a_row == 1:
                    pack_columns(block, a_column, height, depth, packed)
                else:
                    pack_rows(block, a_row, height, depth, packed)
                block = packed
            for panel in range(panels):
                b_block = at(b, (panel * k + first) * width)
                c_block = at(c, panel * c_panel + top * c_row)
                columns = min(width, n - panel * width)
                row = 0
                while row < height:
                    rows = tile_height(height - row)
                    place = row // TILE_ROWS
                    multiply_tile(
                        at(block, place * strip + row - place * TILE_ROWS),
                        ONE,
                        column,
                        depth,
                        0,
                        b_block,
                        width,
                        at(c_block, row * c_row),
                        c_row,
                        rows,
                        columns,
                        depth,
                        first,
                        rectify_now,
                    )
                    row += rows


@helper
def pack_columns(a, a_column, height, depth, out):
    """Strips of TILE_ROWS rows of A, (strips, depth, TILE_ROWS); columns of A are contiguous."""
    strips = height // TILE_ROWS
    last = height - strips * TILE_ROWS
    for step in range(depth):
        source = at(a, step * a_column)
        place = step * TILE_ROWS
        for _ in range(strips):
            copy(source, at(out, place), TILE_ROWS)
            source = at(source, TILE_ROWS)
            place += TILE_ROWS * depth
        for i in range(last):
            out[place + i] = source[i]


@helper
def pack_rows(a, a_row, height, depth, out):
    """The same where rows of A are contiguous: blocks are turned in the registers.

    What a vector holds beyond a row of a strip is written over by what comes after it: blocks
    are done from the last rows of a strip to the first, and from its first columns to the last.
    """
    lanes = vector_lanes(a)
    for row in range(0, height, TILE_ROWS):
        strip = at(out, row * depth)
        rows = min(TILE_ROWS, height - row)
        step = 0
        while step < depth and depth >= lanes:
            # The last block overlaps the one before.
            step = min(step, depth - lanes)
            for i in range((rows - 1) // lanes * lanes, -1, -lanes):
                transpose_block(
                    at(a, (row + i) * a_row + step),
                    a_row,
                    min(lanes, rows - i),
                    at(strip, step * TILE_ROWS + i),
                    TILE_ROWS,
                )
            step += lanes
        while step < depth:
            for i in range(rows):
                strip[step * TILE_ROWS + i] = a[(row + i) * a_row + step]
            step += 1
