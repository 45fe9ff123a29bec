"""Division that costs nothing where there is nothing to divide."""

import numpy as np

from .jit import helper


@helper
def divide_up(count, size):
    """How many parts of `size`, the last maybe smaller, `count` things make.

    A division takes as long as the arithmetic of a tiny network, where one part is the rule.
    """
    return np.int64(count > 0) if count <= size else (count + size - 1) // size
