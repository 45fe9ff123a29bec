"""What going on with a training needs to know of the training so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..kernels import catalog
from ..optimizers import Optimizer
from ..schedules import Schedule


@dataclass
class TrainingState:
    """Belongs to a network; two trainings with it in between are one longer training.

    Attributes
    ----------
    key : int or None
        Of everything random in training; None before anything was.
    epochs, updates : int
        Begun and made so far.
    optimizer, numbers, slots, optimizer_since
        The optimizer, what its kernel is told and keeps, and `updates` before its first.
    schedule, schedule_state, schedule_since
        Likewise.
    averaged, average_since
        The moving average of the parameters, or None, and `updates` before its first.
    monitor, best, waited
        What is watched on the validation set, the parameters that were the best by it, and how
        many epochs have passed since.
    last, held : ndarray or None
        The parameters of the last step, where the network holds others: the averaged or the best.
    """

    key: int | None = None
    epochs: int = 0
    updates: int = 0
    optimizer: Optimizer | None = None
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(1))
    slots: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    optimizer_since: int = 0
    schedule: Schedule | None = None
    schedule_state: list[float] = field(default_factory=list)
    schedule_since: int = 0
    averaged: np.ndarray | None = None
    average_since: int = 0
    monitor: str | None = None
    best: np.ndarray | None = None
    waited: int = 0
    last: np.ndarray | None = None
    held: np.ndarray | None = None

    def start_from(self, parameters: np.ndarray) -> np.ndarray:
        """Where training goes on: those of the last step.

        Unless somebody has changed the network's since: then it starts from these, and what was
        best or averaged before says nothing any more.
        """
        last, held = self.last, self.held
        self.last = self.held = None
        if last is None or held is None:
            return parameters
        if np.array_equal(parameters, held):
            return last
        self.averaged = self.best = self.monitor = None
        self.waited = 0
        return parameters

    def hold(self, parameters: np.ndarray, with_best: bool) -> None:
        """Make `parameters` those that the network shall predict with: the best or averaged."""
        if not with_best:
            self.best = None
        chosen = self.averaged if self.best is None else self.best
        if chosen is not None:
            self.last, self.held = parameters.copy(), chosen.copy()
            parameters[...] = chosen

    def settle(self) -> None:
        """Let the next training start from what the network holds, the best of this one."""
        self.last = self.held = self.averaged = None

    def as_if_ended(
        self, parameters: np.ndarray, with_best: bool
    ) -> tuple[np.ndarray, TrainingState]:
        """What `hold` would make of the parameters and of this state, both left as they are."""
        held, state = parameters.copy(), replace(self)
        state.hold(held, with_best)
        return held, state

    def steps_of(self, schedule: Schedule) -> int:
        """How many steps of this schedule are taken; none of another than that of the state."""
        return self.updates - self.schedule_since if schedule == self.schedule else 0

    def use_optimizer(self, optimizer: Optimizer, size: int, dtype: str) -> None:
        """Go on with this optimizer; its state starts anew where it is of another kind."""
        numbers = optimizer.numbers()
        if self.optimizer is None or self.optimizer.kernel != optimizer.kernel:
            self.slots = optimizer.first_state(size, dtype)
            self.optimizer_since = self.updates
        else:
            names = catalog.OPTIMIZERS[optimizer.kernel]
            if "momentum_product" in names:
                place = names.index("momentum_product")
                numbers[place] = self.numbers[place]
        self.optimizer, self.numbers = optimizer, numbers

    def use_schedule(self, schedule: Schedule) -> None:
        """Go on with this schedule; another one starts anew."""
        if schedule != self.schedule:
            self.schedule, self.schedule_state = schedule, schedule.first_state()
            self.schedule_since = self.updates

    def use_average(self, decay: float, parameters: np.ndarray) -> None:
        """Go on averaging, or start with it, or forget it."""
        if not decay:
            self.averaged = None
        elif self.averaged is None:
            self.averaged, self.average_since = parameters.copy(), self.updates
