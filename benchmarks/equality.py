"""Whether a contender learned what the reference learned: nothing else is worth timing."""

from __future__ import annotations

import numpy as np

# Sums of another order differ by about one rounding in all. The factor leaves room for a ReLU
# whose input is 0 but for rounding: a row's share of a gradient is then there in one library and
# missing in the other.
ROUNDINGS_PER_STEP = 8


def require_equal(workload, expected, found):
    """Raise AssertionError unless the final parameters agree with the reference's.

    A layer's error, as a Euclidean norm, may be ROUNDINGS_PER_STEP * steps * eps times the norm
    of the layer. That has to be less than what one step changes, or it would prove nothing.

    Parameters
    ----------
    workload : Workload
    expected, found : list of (weight (n_in, n_out), bias (n_out,))
    """
    assert len(found) == len(expected), f"{len(found)} layers, expected {len(expected)}"
    eps = np.finfo(workload.dtype).eps
    layers = zip(workload.initial, expected, found, strict=True)
    for place, (first, right, got) in enumerate(tuple(map(matrix, trio)) for trio in layers):
        assert got.shape == right.shape, f"layer {place} is {got.shape}, expected {right.shape}"
        assert got.dtype == workload.dtype, f"layer {place} is {got.dtype}"
        tolerance = ROUNDINGS_PER_STEP * workload.steps * eps * np.linalg.norm(right)
        step = np.linalg.norm(right - first) / workload.steps
        assert tolerance < step, (
            f"{workload.name}: a tolerance of {tolerance:.2g} hides a step of {step:.2g}"
        )
        error = np.linalg.norm(got - right)
        assert error <= tolerance, (
            f"{workload.name}: layer {place} is {error:.2g} away from the reference, "
            f"allowed are {tolerance:.2g}"
        )


def matrix(layer):
    """A layer's weight with its bias below, (n_in + 1, n_out)."""
    weight, bias = layer
    return np.vstack([weight, bias[None]])
