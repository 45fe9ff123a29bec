"""Whether a contender does what the reference does: nothing else is worth timing."""

from __future__ import annotations

import functools

import numpy as np

from .contenders import ours, plain

# In mean steps. A ReLU whose sum is 0 but for rounding is on in one library and off in another;
# Adam divides a gradient by its size, so that the least difference in what is nearly 0 becomes a
# whole step. float32 leaves some of that in large layers, float64 none: there the same programs
# are held to these many roundings.
PARTS_OF_A_STEP = {"float32": 0.3, "float64": 2**20 * np.finfo(np.float64).eps}
# Where a contender's formulas are not the reference's.
PART_OF_A_STEP = 0.5
# Of the outputs, as a Euclidean norm, for each layer: roundings go to either side.
ROUNDINGS_OF_A_LAYER = 16


@functools.cache
def trained_by_reference(workload):
    """What the reference learns, as copies: the views change with the next call."""
    run = ours.train("reference", workload)
    return [(weight.copy(), bias.copy()) for weight, bias in run()]


def require_equal_training(workload, contender, found):
    """Raise AssertionError unless the final parameters agree with the reference's.

    Each weight and bias as a Euclidean norm, in parts of how far the reference went in a step.

    Parameters
    ----------
    workload : Training
    contender : Contender
    found : list of (weight (n_in, n_out), bias (n_out,))
    """
    tolerance = PARTS_OF_A_STEP[workload.dtype] if contender.exact else PART_OF_A_STEP
    expected = trained_by_reference(workload)
    arrays = zip(flat(workload.initial), flat(expected), flat(found), strict=True)
    for place, (first, right, got) in enumerate(arrays):
        what = f"{('weight', 'bias')[place % 2]} {place // 2}"
        assert got.shape == right.shape, f"{what} is {got.shape}, expected {right.shape}"
        assert got.dtype == workload.dtype, f"{what} is {got.dtype}"
        step = np.linalg.norm(right - first) / workload.steps
        error = np.linalg.norm(got - right) / step
        assert error <= tolerance, (
            f"{workload.key}: {what} of {contender.name} is {error:.2g} steps away from the "
            f"reference, allowed are {tolerance:.2g}"
        )


def require_equal_prediction(workload, found):
    """Raise AssertionError unless the outputs are those of NumPy in float64, but for rounding.

    Parameters
    ----------
    workload : Network
    found : array, (rows, n_L)
    """
    found = np.asarray(found)
    layers = [tuple(array.astype(np.float64) for array in layer) for layer in workload.initial]
    expected = plain.outputs(workload, workload.X.astype(np.float64), layers)
    assert found.shape == expected.shape, f"outputs are {found.shape}, expected {expected.shape}"
    assert found.dtype == workload.dtype, f"outputs are {found.dtype}"
    tolerance = ROUNDINGS_OF_A_LAYER * len(layers) * np.finfo(workload.dtype).eps
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error <= tolerance, f"outputs are {error:.2g} wrong, allowed are {tolerance:.2g}"


def flat(layers):
    """Weight, bias, weight, bias, ..."""
    return [array for layer in layers for array in layer]
