"""When training is good enough: the validation set, what is watched on it, and patience."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from .. import metrics, validation
from ..plan import Plan
from . import evaluation
from .data import Data
from .history import History
from .state import TrainingState


class Monitor:
    """Measures the parameters at the end of an epoch, and keeps the best.

    Attributes
    ----------
    name : str
        Of what is watched: "loss" or a metric.
    loss, value : float
        The validation loss and what is watched, as measured last.
    """

    def __init__(self, plan: Plan, watched, patience: int | None, min_delta: float) -> None:
        self._plan, self._patience, self._min_delta = plan, patience, min_delta
        self.name, self._sign = "loss", 1.0
        self._metric: Callable[..., float] | None = None
        own_names = ("loss", plan.loss_name)
        if watched is not None and not (isinstance(watched, str) and watched in own_names):
            self.name, self._metric, mode = metrics.resolve(watched, plan.output)
            self._sign = 1.0 if mode == "min" else -1.0
        self.loss = self.value = self._best = math.inf

    @classmethod
    def of(cls, plan: Plan, held_out, watched, patience, min_delta) -> Monitor | None:
        """The monitor of these arguments of `train`; None without a validation set.

        patience : how many epochs in a row without anything better are one too many, or None.
        min_delta : how much better is better.
        """
        min_delta = validation.number(min_delta, "min_delta", least=0)
        if held_out is None:
            for name, value in (("monitor", watched), ("patience", patience)):
                if value is not None:
                    raise ValueError(f"{name} is {value!r}, expected a validation set with it")
            return None
        if patience is not None:
            patience = validation.whole_number(patience, "patience", 1)
        return cls(plan, watched, patience, min_delta)

    def begin(
        self, path: ModuleType, data: Data, state: TrainingState, parameters: np.ndarray
    ) -> None:
        """Measure on this validation set; go on with the best so far by the same measure.

        parameters : with which to try whether the set can be measured at all.
        """
        self._path, self._data = path, data
        if state.best is None or state.monitor != self.name:
            state.monitor, state.best, state.waited = self.name, None, 0
            self.measure(parameters)
        else:
            self.measure(state.best)
            self._best = self._sign * self.value

    def measure(self, parameters: np.ndarray) -> None:
        """Fill in `loss` and `value`. It can take long, and changes nothing else."""
        self.loss = self.value = evaluation.mean_loss(
            self._path, self._plan, parameters, self._data
        )
        if self._metric:
            rows = self._data.order
            weights = None if self._data.weights is None else self._data.weights[rows]
            prediction = evaluation.predictions(self._path, self._plan, parameters, self._data)
            self.value = self._metric(self._data.targets[rows], prediction, weights)

    def update(self, parameters: np.ndarray, state: TrainingState, history: History) -> bool:
        """Note what was measured of the parameters; returns whether patience is at its end."""
        history.validation.append(self.loss)
        if self._metric:
            history.metrics.setdefault(self.name, []).append(self.value)
        value = self._sign * self.value
        # Anything is better than what is no number.
        is_first = state.best is None or (math.isnan(self._best) and not math.isnan(value))
        if is_first or value < self._best - self._min_delta:
            self._best = value
            state.best, state.waited = parameters.copy(), 0
            history.best_epoch = len(history) - 1
        else:
            state.waited += 1
        if self._patience is None or state.waited < self._patience:
            return False
        state.waited = 0
        return True
