"""`python -m benchmarks.ladder`: what each idea of the product of matrices is worth.

From a loop as one writes it down to the kernel that trains, each rung with its share of the
measured ceiling, for C[m, n] = A[m, k] @ B[k, n] in float32 on one core.
"""

from __future__ import annotations

import time

import numpy as np
from numba import njit

from fastnet.kernels.compiled import ceiling, matmul
from fastnet.kernels.compiled.microkernel import TILE_ROWS, TILE_VECTORS, lanes, multiply_tile
from fastnet.kernels.compiled.pointers import at

SHAPES = ((256, 256, 256), (1024, 1024, 1024))
WIDTH = TILE_VECTORS * lanes(4)
SECONDS = 0.02
ROUNDS = 7
_ONE = np.int64(1)


@njit(nogil=True)
def one_number_after_the_other(a, b, c, packed):
    m, k = a.shape
    for i in range(m):
        for j in range(b.shape[1]):
            total = np.float32(0)
            for p in range(k):
                total += a[i, p] * b[p, j]
            c[i, j] = total


@njit(nogil=True)
def one_row_after_the_other(a, b, c, packed):
    m, k = a.shape
    for i in range(m):
        c[i] = 0
        for p in range(k):
            for j in range(b.shape[1]):
                c[i, j] += a[i, p] * b[p, j]


@njit(nogil=True)
def tiles(a, b, c, packed):
    """b, c : panels, (panels, k, WIDTH) and (panels, m, WIDTH)."""
    m, k = a.shape
    for panel in range(b.shape[0]):
        for row in range(0, m, TILE_ROWS):
            multiply_tile(
                at(a, row * k),
                k,
                _ONE,
                k,
                0,
                at(b, panel * k * WIDTH),
                WIDTH,
                at(c, (panel * m + row) * WIDTH),
                WIDTH,
                TILE_ROWS,
                WIDTH,
                k,
                0,
                0,
            )


@njit(nogil=True)
def product(a, b, c, packed):
    m, k = a.shape
    n = b.shape[0] * WIDTH
    matmul.matmul(
        at(a, 0), k, _ONE, at(b, 0), at(c, 0), m * WIDTH, WIDTH, m, n, k, WIDTH, at(packed, 0), 0
    )


RUNGS = {
    "one number of C after the other, its sum a chain": one_number_after_the_other,
    "one row of C after the other, vectors along it": one_row_after_the_other,
    "tiles of C in registers, B in panels as wide": tiles,
    "and blocks of k, with A packed": product,
}


def main() -> None:
    """Print the table."""
    top = ceiling.flops_per_second("float32")
    print(f"| float32, GFLOP/s (share of {top / 1e9:.0f}) | {' | '.join(map(_name, SHAPES))} |")
    print("| --- |" + " ---: |" * len(SHAPES))
    for text, rung in RUNGS.items():
        rates = [_rate(rung, *shape) for shape in SHAPES]
        print(f"| {text} | " + " | ".join(f"{r / 1e9:.1f} ({r / top:.1%})" for r in rates) + " |")


def _name(shape):
    return " x ".join(map(str, shape))


def _rate(rung, m, n, k):
    """FLOPs a second, the best of several rounds; m in whole tiles, n in whole panels."""
    m -= m % TILE_ROWS
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    b_rows, c = b, np.empty((m, n), np.float32)
    if rung in (tiles, product):
        b = b.reshape(k, n // WIDTH, WIDTH).transpose(1, 0, 2).copy()
        c = np.empty((n // WIDTH, m, WIDTH), np.float32)
    packed = np.empty(matmul.packed_size(m, k), np.float32)
    rung(a, b, c, packed)
    result = c.transpose(1, 0, 2).reshape(m, n) if c.ndim == 3 else c
    wide = [matrix.astype(np.float64) for matrix in (a, b_rows)]
    # k products and k sums, each rounded by half an eps.
    bound = k * np.finfo(np.float32).eps * (np.abs(wide[0]) @ np.abs(wide[1]))
    assert (np.abs(result - wide[0] @ wide[1]) <= bound).all()
    calls, best = 1, float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(calls):
            rung(a, b, c, packed)
        seconds = (time.perf_counter() - began) / calls
        best = min(best, seconds)
        calls = max(1, int(SECONDS / best))
    return 2 * m * n * k / best


if __name__ == "__main__":
    main()
