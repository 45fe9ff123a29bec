"""A network and rows of data on which both paths must agree."""

from __future__ import annotations

import numpy as np

from .. import backend, initialization
from ..plan import Plan
from .checks import KEY

# Losses whose derivative jumps where output and target are equal.
WITH_KINK = ("mae", "quantile")


def wider(dtype: str) -> type:
    """A type with room for the exact result of one in `dtype`."""
    return np.float64 if dtype == "float32" else np.longdouble


def problem(
    plan: Plan, batch: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, inputs and targets in which no rounding decides what a derivative is.

    Some jump at 0, so a logit, or for some losses an error of the output, nearer to 0 than its
    own error would say nothing about either path; such rows are drawn again.
    """
    parameters = initialization.initial(plan, "he_normal", rng)
    parameters += 0.1 * rng.standard_normal(plan.size).astype(plan.dtype)
    X = np.empty((batch, plan.layer_sizes[0]), plan.dtype)
    targets = _targets(plan, batch, rng)
    wide: type = wider(plan.dtype)
    redrawn = np.ones(batch, bool)
    while redrawn.any():
        X[redrawn] = rng.standard_normal((redrawn.sum(), plan.layer_sizes[0]))
        redrawn[:] = False
        for drop in (None, _dropout(plan)):
            narrow = _jumps(plan, parameters, X, targets, drop)
            exact = _jumps(plan, parameters.astype(wide), X.astype(wide), targets, drop)
            for x, computed in zip(exact, narrow, strict=True):
                error = np.abs(x - computed).max()
                redrawn |= (np.abs(x) <= 8 * error).any(axis=1)
    return parameters, X, targets


def _targets(plan: Plan, batch: int, rng: np.random.Generator) -> np.ndarray:
    shape = batch, plan.layer_sizes[-1]
    if plan.takes_labels:
        return rng.integers(0, shape[1], batch)
    if plan.loss == "binary_cross_entropy":
        return rng.integers(0, 2, shape).astype(plan.dtype)
    if plan.loss == "poisson":
        return rng.poisson(2, shape).astype(plan.dtype)
    return rng.standard_normal(shape).astype(plan.dtype)


def _jumps(plan, parameters, X, targets, drop) -> list[np.ndarray]:
    """What derivatives may jump in at 0: hidden logits, and errors of the output."""
    # Dropout of inputs is in place.
    logits, outputs = backend.load("reference").forward(plan, parameters, X.copy(), drop)
    errors = [outputs[-1] - targets] if plan.loss in WITH_KINK else []
    return [*logits[1:-1], *errors]


def _dropout(plan: Plan):
    """What the first step of a training does to the inputs of layers, as `forward` takes it."""
    random_bits = backend.load("reference", "shuffling").random_bits
    dropout = backend.load("reference", "dropout").dropout
    step_key = random_bits(KEY, backend.load("reference", "training").FIRST_STEP)

    def drop(place, a):
        if plan.dropout[place]:
            dropout(random_bits(step_key, place), 0, plan.dropout[place], np.empty_like(a), a)

    return drop
