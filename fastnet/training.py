"""Training in slices: what Python does between runs of the kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from .plan import Plan

# Python wakes this often for signals and for printing.
SLICE_SECONDS = 0.05
PRINT_EVERY = 100


@dataclass
class Run:
    """How a network is trained, as the kernels are told; see the reference's `train`."""

    batch_size: int
    shuffle: bool
    key: int
    loss: str
    optimizer: str
    update_each_layer: bool
    numbers: np.ndarray
    gradient: np.ndarray
    order: np.ndarray

    @classmethod
    def of(
        cls,
        plan: Plan,
        parameters: np.ndarray,
        rows: int,
        optimizer: str | None,
        learning_rate: float,
        batch_size: int | None = None,
        shuffle: bool = False,
    ) -> Run:
        """The run of these choices; without an optimizer's name it is the drop-in's.

        The gradient has the dtype of `parameters`, which may be wider than the plan's.
        """
        return cls(
            batch_size=min(batch_size or rows, rows),
            shuffle=shuffle,
            key=0,
            loss=plan.loss if optimizer else plan.drop_in_loss,
            optimizer=optimizer or "sgd",
            update_each_layer=optimizer is None,
            numbers=np.array([learning_rate]),
            gradient=np.zeros_like(parameters),
            order=np.arange(rows, dtype=np.int64),
        )


def run_slices(
    train: Callable[[int, int], object],
    losses: np.ndarray,
    steps_per_epoch: int,
    report: Callable[[int, float], None] | None,
) -> None:
    """Train all epochs, `train(first_step, steps)` at a time.

    A slice is one step at first and then as many as take about SLICE_SECONDS. `report` is
    called with the epoch and its loss for every epoch that is complete.
    """
    total = len(losses) * steps_per_epoch
    done, steps, reported = 0, 1, 0
    while done < total:
        steps = min(steps, total - done)
        began = perf_counter()
        train(done, steps)
        seconds = max(perf_counter() - began, 1e-9)
        done += steps
        complete = done // steps_per_epoch
        if report:
            for epoch in range(reported, complete):
                report(epoch, float(losses[epoch]))
        reported = complete
        # Growth is bounded, because the first slices of a process run slow.
        steps = max(1, min(16 * steps, int(steps * SLICE_SECONDS / seconds)))


def print_epoch(epoch: int, loss: float) -> None:
    """The line that from-scratch networks print."""
    if epoch % PRINT_EVERY == 0:
        print(f"Epoch {epoch}, Loss: {loss:.4f}")
