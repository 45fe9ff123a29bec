"""The three products of a layer at sizes about the edges of tiles, blocks and panels."""

import numpy as np
import pytest

from fastnet.kernels.compiled.matmul import K_BLOCK, M_BLOCK
from fastnet.kernels.compiled.microkernel import TILE_ROWS, TILE_VECTORS, lanes
from fastnet.kernels.compiled.rows import prepare


def about(*edges):
    """1, and each edge with its neighbours."""
    return sorted({1, *(edge + side for edge in edges for side in (-1, 0, 1))} - {0})


def close(computed, exact, sizes, eps, length):
    """The bound of `fastnet compare`: a rounding for each term of the sums, and two."""
    assert (np.abs(computed - exact) <= eps * (length + 2) * sizes).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rows", ["one vector", "one panel", "panels"])
def test_products_at_odd_sizes(rows, dtype, rng):
    vector = lanes(np.dtype(dtype).itemsize)
    panel = TILE_VECTORS * vector
    counts = {"one vector": about(vector), "one panel": [panel], "panels": [2 * panel + 1]}
    wide = np.float64 if dtype == "float32" else np.longdouble
    eps = np.finfo(dtype).eps

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    for n_in in about(2, TILE_ROWS, 2 * TILE_ROWS, K_BLOCK, M_BLOCK):
        for n_out in about(vector, TILE_ROWS, panel, K_BLOCK, M_BLOCK):
            for count in counts[rows]:
                a, weights, delta = (
                    normal(count, n_in),
                    normal(n_in + 1, n_out),
                    normal(count, n_out),
                )
                z, before, out = normal(count, n_out), normal(n_in + 1, n_out), normal(count, n_in)
                gradient = before.copy()
                for name, *arguments in (
                    ("affine", a, weights, z),
                    ("weight_gradient", a, delta, True, gradient),
                    ("input_delta", delta, weights, out),
                ):
                    run, finish = prepare(name, *arguments)
                    run()
                    finish()
                with_ones = np.hstack([a, np.ones((count, 1))]).astype(wide)
                w, d = weights.astype(wide), delta.astype(wide)
                close(z, with_ones @ w, np.abs(with_ones) @ np.abs(w), eps, n_in + 1)
                sizes = np.abs(with_ones.T) @ np.abs(d) + np.abs(before)
                close(gradient, with_ones.T @ d + before, sizes, eps, count + 1)
                close(out, d @ w[:-1].T, np.abs(d) @ np.abs(w[:-1].T), eps, n_out)
