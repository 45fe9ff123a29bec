"""Products of any size, made of register tiles: the blocking and the edges."""

from .jit import helper
from .microkernel import TILE_ROWS, multiply_tile
from .pointers import at


@helper
def matmul(a, a_row, a_column, b, c, c_panel, c_row, m, n, k, width, accumulate):
    """``C[m, n] (+)= A[m, k] @ B[k, n]``, with B in panels of `width` columns.

    B is (panels, k, width), contiguous; C's panels begin `c_panel` apart, its rows `c_row`.
    Rows of A are the outer loop: a block of TILE_ROWS stays in the nearest cache while it
    meets every panel.
    """
    for row in range(0, m, TILE_ROWS):
        rows = min(TILE_ROWS, m - row)
        for panel in range((n + width - 1) // width):
            multiply_tile(
                at(a, row * a_row),
                a_row,
                a_column,
                at(b, panel * k * width),
                width,
                at(c, panel * c_panel + row * c_row),
                c_row,
                rows,
                min(width, n - panel * width),
                k,
                accumulate,
            )
