"""Products of any size, made of register tiles: the blocking, the packing and the edges."""

from .jit import helper
from .microkernel import TILE_ROWS, TILE_VECTORS, VECTOR_BYTES, multiply_tile
from .pointers import at

# So many rows of a panel of B stay in the nearest cache, of 32 KB or more, while strips of A pass
# by; and strips of A with so many rows in the next one, while panels of B do.
K_BLOCK = 24 * 1024 // (TILE_VECTORS * VECTOR_BYTES)
M_BLOCK = 14 * TILE_ROWS
PACKED_SIZE = K_BLOCK * M_BLOCK


@helper
def matmul(a, a_row, a_column, b, c, c_panel, c_row, m, n, k, width, packed):
    """``C[m, n] = A[m, k] @ B[k, n]``, with B in panels of `width` columns.

    B is (panels, k, width), contiguous; C's panels begin `c_panel` apart, its rows `c_row`.
    packed : room for PACKED_SIZE numbers. Where A's columns are contiguous, and there are
        several panels to meet, its blocks are copied there: their own rows may all lie in a few
        places of a cache.
    """
    panels = (n + width - 1) // width
    is_packed = a_row == 1 and panels > 1
    for first in range(0, k, K_BLOCK):
        depth = min(K_BLOCK, k - first)
        for top in range(0, m, M_BLOCK):
            height = min(M_BLOCK, m - top)
            block = at(a, top * a_row + first * a_column)
            column, strip = a_column, TILE_ROWS * a_row
            if is_packed:
                pack(block, a_column, height, depth, packed)
                block, column, strip = packed, TILE_ROWS, TILE_ROWS * depth
            for panel in range(panels):
                b_block = at(b, (panel * k + first) * width)
                c_block = at(c, panel * c_panel + top * c_row)
                columns = min(width, n - panel * width)
                for place in range((height + TILE_ROWS - 1) // TILE_ROWS):
                    row = place * TILE_ROWS
                    multiply_tile(
                        at(block, place * strip),
                        a_row,
                        column,
                        depth,
                        0,
                        b_block,
                        width,
                        at(c_block, row * c_row),
                        c_row,
                        min(TILE_ROWS, height - row),
                        columns,
                        depth,
                        first,
                    )


@helper
def pack(a, a_column, height, depth, out):
    """Strips of TILE_ROWS rows of A, (strips, depth, TILE_ROWS); rows of A are adjacent."""
    strips = height // TILE_ROWS
    last = height - strips * TILE_ROWS
    for step in range(depth):
        source = at(a, step * a_column)
        place = step * TILE_ROWS
        for _ in range(strips):
            to = at(out, place)
            for i in range(TILE_ROWS):
                to[i] = source[i]
            source = at(source, TILE_ROWS)
            place += TILE_ROWS * depth
        for i in range(last):
            out[place + i] = source[i]
