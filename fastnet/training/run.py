"""What the kernels are told of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Run:
    """How a network is trained, as both paths' `trainer` is told.

    Attributes
    ----------
    loss, optimizer : the names of their kernels, or the user's own `Loss`.
    numbers, state : the optimizer's numbers, and its state, (slots, n).
    gradient, order : room for the gradient, and for the order of the rows, int64.
    update_each_layer : as the drop-in does, before delta passes through the layer's weights.
    rows : which rows to train on, int64, or None for all.
    weights, total_weight : of the rows, float64 or None, and what they weigh together.
    smoothing : (kept, added) for the targets, or None.
    rates : the learning rates of the next steps, of which the last holds for those behind.
    first_epoch, updates : how many epochs and updates came before the first step.
    optimizer_since, average_since : the value of `updates` before theirs.
    n_threads : the most that a slice may use.
    position : where the run is: first the number of steps taken, then how far the next has come,
        and last what is left of the budget.
    """

    loss: object
    optimizer: str
    numbers: np.ndarray
    state: np.ndarray
    gradient: np.ndarray
    order: np.ndarray
    batch_size: int
    total_weight: float
    rates: np.ndarray
    update_each_layer: bool = False
    shuffle: bool = False
    key: int = 0
    rows: np.ndarray | None = None
    weights: np.ndarray | None = None
    smoothing: tuple[float, float] | None = None
    input_noise: float = 0.0
    clip_value: float = 0.0
    clip_norm: float = 0.0
    average: float = 0.0
    averaged: np.ndarray | None = None
    first_epoch: int = 0
    updates: int = 0
    optimizer_since: int = 0
    average_since: int = 0
    n_threads: int = 1
    position: np.ndarray = field(default_factory=lambda: np.zeros(4, np.int64))
