"""The loss of a network on data, in parts between which Python can be interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from ..plan import Plan
from .data import Data

# Multiplications that a part takes: a tenth of a second, or on the reference path a few.
PART_WORK = 2**31
# Activations that a part has: what the reference path copies, of data that may be in a file.
PART_NUMBERS = 2**22


def mean_loss(path: ModuleType, plan: Plan, parameters: np.ndarray, data: Data) -> float:
    """The weighted mean of the rows' losses, with the penalties."""
    total = 0.0
    for rows in _parts(plan, data.order):
        total += path.loss(plan, parameters, data.X, data.targets, data.weights, rows)
    return float(total / data.total_weight + path.penalty(plan, parameters))


def predictions(path: ModuleType, plan: Plan, parameters: np.ndarray, data: Data) -> np.ndarray:
    """The output activations of the rows, (rows, n_L)."""
    parts = [path.predict(plan, parameters, data.X, rows) for rows in _parts(plan, data.order)]
    return np.concatenate(parts)


def _parts(plan: Plan, order: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, min(PART_WORK // plan.size, PART_NUMBERS // sum(plan.layer_sizes)))
    return (order[first : first + step] for first in range(0, len(order), step))
