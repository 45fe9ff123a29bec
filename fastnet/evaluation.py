"""The loss of a network on data, in parts between which Python can be interrupted."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .data import Data
from .plan import Plan

# Multiplications that a part takes: a tenth of a second, or on the reference path a few.
PART_WORK = 2**31


def mean_loss(path: ModuleType, plan: Plan, parameters: np.ndarray, data: Data) -> float:
    """The weighted mean of the rows' losses, with the penalties."""
    order = data.order
    total = 0.0
    step = max(1, PART_WORK // plan.size)
    for first in range(0, len(order), step):
        part = order[first : first + step]
        total += path.loss(plan, parameters, data.X, data.targets, data.weights, part)
    return float(total / data.total_weight + path.penalty(plan, parameters))


def predictions(path: ModuleType, plan: Plan, parameters: np.ndarray, data: Data) -> np.ndarray:
    """The output activations of the rows, (rows, n_L)."""
    order = data.order
    step = max(1, PART_WORK // plan.size)
    parts = [
        path.predict(plan, parameters, data.X, order[first : first + step])
        for first in range(0, len(order), step)
    ]
    return np.concatenate(parts)
