"""The three products of a layer at sizes about the edges of tiles, blocks and panels."""

import numpy as np
import pytest

from fastnet.kernels.compiled import binding, lane_sums
from fastnet.kernels.compiled.layers import rows_at_once
from fastnet.kernels.compiled.matmul import K_BLOCK, M_BLOCK
from fastnet.kernels.compiled.microkernel import TILE_ROWS, TILE_VECTORS, lanes
from fastnet.kernels.compiled.rows import prepare, to_panels


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
                gradient, rectified = before.copy(), normal(count, n_out)
                for name, *arguments in (
                    ("affine", a, weights, z),
                    ("affine_relu", a, weights, rectified),
                    ("weight_gradient", a, delta, True, gradient),
                    ("input_delta", delta, weights, out),
                ):
                    run, finish = prepare(name, *arguments)
                    run()
                    finish()
                with_ones = np.hstack([a, np.ones((count, 1))]).astype(wide)
                w, d = weights.astype(wide), delta.astype(wide)
                close(z, with_ones @ w, np.abs(with_ones) @ np.abs(w), eps, n_in + 1)
                assert np.array_equal(rectified, np.maximum(z, 0))
                sizes = np.abs(with_ones.T) @ np.abs(d) + np.abs(before)
                close(gradient, with_ones.T @ d + before, sizes, eps, count + 1)
                close(out, d @ w[:-1].T, np.abs(d) @ np.abs(w[:-1].T), eps, n_out)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_in", [3, K_BLOCK + 3])
def test_a_nan_passes_through_a_rectified_product(n_in, dtype, rng):
    a, weights = (rng.standard_normal(shape).astype(dtype) for shape in ((5, n_in), (n_in + 1, 7)))
    a[2, 1], out = np.nan, np.zeros((5, 7), dtype)
    run, finish = prepare("affine_relu", a, weights, out)
    run()
    finish()
    assert np.isnan(out[2]).all()
    assert np.isfinite(np.delete(out, 2, axis=0)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("accumulate", [False, True])
def test_the_weight_gradient_of_many_rows(accumulate, dtype, rng):
    """They are gone through in blocks."""
    real = np.dtype(dtype)
    panel, most = TILE_VECTORS * lanes(real.itemsize), rows_at_once.py_func(real.itemsize)
    block = most // panel * panel
    assert block > panel
    for count in (block - 1, block, block + 1, 2 * block + panel + 3):
        for n_in, n_out in ((3, 2), (M_BLOCK - 1, panel + 1), (M_BLOCK + 1, 5)):
            a, delta = (rng.standard_normal((count, n)).astype(dtype) for n in (n_in, n_out))
            before = rng.standard_normal((n_in + 1, n_out)).astype(dtype)
            gradient = before.copy()
            run, finish = prepare("weight_gradient", a, delta, accumulate, gradient)
            run()
            finish()
            with_ones = np.hstack([a, np.ones((count, 1))]).astype(np.longdouble)
            start = before if accumulate else 0 * before
            exact = with_ones.T @ delta + start
            sizes = np.abs(with_ones.T) @ np.abs(delta) + np.abs(start)
            close(gradient, exact, sizes, np.finfo(dtype).eps, count + 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("chunks", [1, 3])
def test_sums_by_lanes_at_odd_sizes(chunks, dtype, rng):
    """What stands behind the last row of a panel, or in the sums before, counts for nothing."""
    vector = lanes(np.dtype(dtype).itemsize)
    wide = np.float64 if dtype == "float32" else np.longdouble
    add_rows = binding.function(binding.by_lanes, "weight_gradient", dtype)
    add_up = binding.function(binding.of_lanes, "add_up", dtype)
    for n_in in about(lane_sums.TILE_INPUTS, 2 * lane_sums.TILE_INPUTS):
        for n_out in about(lane_sums.TILE_OUTPUTS, 2 * lane_sums.TILE_OUTPUTS):
            for rows in about(vector, TILE_VECTORS * vector, 5 * vector):
                shape = n_in + 1, n_out
                sums, out = np.full((*shape, vector), np.nan, dtype), np.empty(shape, dtype)
                exact, sizes = np.zeros(shape, wide), np.zeros(shape, wide)
                for chunk in range(chunks):
                    a = rng.standard_normal((rows, n_in)).astype(dtype)
                    a = np.hstack([a, np.ones((rows, 1), dtype)])
                    delta = rng.standard_normal((rows, n_out)).astype(dtype)
                    panels = to_panels(a), to_panels(delta)
                    width = panels[0].shape[2]
                    for panel in panels:
                        panel[-1, :, rows - (len(panel) - 1) * width :] = np.inf
                    addresses = (array.ctypes.data for array in (*panels, sums))
                    add_rows(*addresses, n_in, n_out, rows, width, chunk)
                    exact += a.T.astype(wide) @ delta
                    sizes += np.abs(a.T).astype(wide) @ np.abs(delta)
                add_up(sums.ctypes.data, out.ctypes.data, out.size)
                close(out, exact, sizes, np.finfo(dtype).eps, chunks * rows)
