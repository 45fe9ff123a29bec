"""Learning-rate schedules: the learning rate of a step as a function of its number.

Steps are counted from 0 since the schedule began, and epochs are whole multiples of the steps of
an epoch. Names and formulas are PyTorch's (torch.optim.lr_scheduler), where it has the schedule.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from . import validation

# Two of these can be multiplied without leaving int64, in which steps are counted.
LARGEST_COUNT = 2**31 - 1


@dataclass(frozen=True)
class Schedule(ABC):
    """What all schedules share; a schedule is a value, what it has seen is kept by its user.

    Raises
    ------
    ValueError, TypeError
        In one sentence, where a parameter is not as described.
    """

    name: ClassVar[str]

    @abstractmethod
    def rates(
        self,
        learning_rate: float,
        steps: np.ndarray,
        steps_per_epoch: int,
        state: Sequence[float] = (),
    ) -> np.ndarray:
        """The learning rates with which these steps are taken.

        Parameters
        ----------
        learning_rate : float
            The rate that the schedule scales.
        steps : ndarray, (n,) int64
            Numbers of steps, from 0 and below `length`; each rate depends on its own alone.
        steps_per_epoch : int
        state : sequence of float
            From `first_state` or `next_state`; only a plateau needs it.

        Returns
        -------
        ndarray, (n,) float64
        """

    def length(self, steps_per_epoch: int) -> int | None:
        """The number of steps after which the schedule is over, None if it has no end."""
        return None

    def first_state(self) -> list[float]:
        """What the schedule has seen before its first step."""
        return []

    def next_state(
        self, state: Sequence[float], value: float, steps: int, steps_per_epoch: int
    ) -> list[float]:
        """What the schedule has seen after one more epoch; `state` is left as it is.

        Parameters
        ----------
        state : sequence of float
        value : float
            Of the quantity that a plateau watches, at the end of the epoch.
        steps : int
            Taken since the schedule began.
        steps_per_epoch : int

        Returns
        -------
        list of float
        """
        return list(state)

    def as_dict(self) -> dict[str, Any]:
        """The name and the parameters as plain data, of which `from_dict` makes an equal one."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {"name": self.name, **values}

    def _check(self, name: str, rule: Callable, *arguments, **limits) -> None:
        """Replace a parameter by what the rule makes of it."""
        object.__setattr__(self, name, rule(getattr(self, name), name, *arguments, **limits))


@dataclass(frozen=True)
class Constant(Schedule):
    """The learning rate at every step."""

    name = "constant"

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        return np.full(len(steps), learning_rate, dtype=np.float64)


@dataclass(frozen=True)
class Step(Schedule):
    """Per epoch: learning_rate * gamma^(epoch // step_size), as torch's StepLR.

    Parameters
    ----------
    step_size : int
        Epochs from one decay to the next, at least 1.
    gamma : float
        At least 0.
    """

    name = "step"
    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        self._check("step_size", _count, 1)
        self._check("gamma", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        return learning_rate * _power(self.gamma, steps // steps_per_epoch // self.step_size)


@dataclass(frozen=True)
class MultiStep(Schedule):
    """Per epoch: learning_rate * gamma^(milestones reached), as torch's MultiStepLR.

    Parameters
    ----------
    milestones : sequence of int
        The epochs, from 0, that decay the rate; one that is named twice does so twice. Kept as a
        sorted tuple.
    gamma : float
        At least 0.
    """

    name = "multi_step"
    milestones: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        self._check("milestones", _counts)
        self._check("gamma", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        reached = np.searchsorted(self.milestones, steps // steps_per_epoch, side="right")
        return learning_rate * _power(self.gamma, reached)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Per epoch: learning_rate * gamma^epoch, as torch's ExponentialLR.

    Parameters
    ----------
    gamma : float
        At least 0.
    """

    name = "exponential"
    gamma: float

    def __post_init__(self) -> None:
        self._check("gamma", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        return learning_rate * _power(self.gamma, steps // steps_per_epoch)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Per epoch: half a cosine from the learning rate down towards eta_min, over T_max epochs.

    eta_min + (learning_rate - eta_min) * (1 + cos(pi * epoch / T_max)) / 2, as torch's
    CosineAnnealingLR (I. Loshchilov and F. Hutter, SGDR: Stochastic Gradient Descent with Warm
    Restarts, 2016, equation 5, without the restarts).

    Parameters
    ----------
    T_max : int
        Epochs until the end, at least 1; eta_min would be the rate of the epoch after these.
    eta_min : float
        A rate, at least 0.
    """

    name = "cosine"
    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        self._check("T_max", _count, 1)
        self._check("eta_min", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        share = steps // steps_per_epoch / self.T_max
        return _blend(learning_rate, self.eta_min, _half_cosine(share))

    def length(self, steps_per_epoch):
        return self.T_max * steps_per_epoch


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Per epoch: half cosines, each starting again at the learning rate.

    `Cosine`, over T_0 epochs at first and over T_mult times the last number after each restart,
    as torch's CosineAnnealingWarmRestarts stepped once an epoch (I. Loshchilov and F. Hutter,
    SGDR: Stochastic Gradient Descent with Warm Restarts, 2016, equation 5).

    Parameters
    ----------
    T_0, T_mult : int
        At least 1.
    eta_min : float
        A rate, at least 0.
    """

    name = "cosine_restarts"
    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        self._check("T_0", _count, 1)
        self._check("T_mult", _count, 1)
        self._check("eta_min", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        share = self._share(steps // steps_per_epoch)
        return _blend(learning_rate, self.eta_min, _half_cosine(share))

    def _share(self, epochs: np.ndarray) -> np.ndarray:
        """How much of the cycle is over in which each epoch lies."""
        if self.T_mult == 1:
            return epochs % self.T_0 / self.T_0
        starts = [0, self.T_0]
        while starts[-1] <= epochs.max(initial=0):
            starts.append(starts[-1] * self.T_mult + self.T_0)
        cycle = np.searchsorted(starts, epochs, side="right") - 1
        return (epochs - np.array(starts)[cycle]) / np.diff(starts)[cycle]


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Per step: up from learning_rate / div_factor to the learning rate, then down to nearly 0.

    The learning rate is the peak, torch's `max_lr`; the last step is taken with
    learning_rate / div_factor / final_div_factor. The rate of torch's OneCycleLR; the momentum,
    which OneCycleLR moves against the rate, is left alone (L. N. Smith and N. Topin,
    Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates, 2017).

    Parameters
    ----------
    epochs : int
        The length of the cycle, at least 1.
    pct_start : float
        The share of the steps in which the rate rises, in [0, 1], with three phases [0, 0.5].
    anneal_strategy : {"cos", "linear"}
        The form of each phase.
    div_factor, final_div_factor : float
        Above 0.
    three_phase : bool
        Fall to the first rate in as many steps as the rise took, and to the last one in the rest,
        as in the paper. Default: one fall.
    """

    name = "one_cycle"
    epochs: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        self._check("epochs", _count, 1)
        self._check("anneal_strategy", validation.one_of, ("cos", "linear"))
        self._check("div_factor", validation.number, above=0)
        self._check("final_div_factor", validation.number, above=0)
        self._check("three_phase", validation.flag)
        self._check("pct_start", validation.number, least=0)
        most = 0.5 if self.three_phase else 1.0
        if self.pct_start > most:
            given = f"pct_start is {self.pct_start} and three_phase is {self.three_phase}"
            raise ValueError(f"{given}, expected a pct_start of at most {most}")

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        total = self.epochs * steps_per_epoch
        rise = self.pct_start * total
        first = learning_rate / self.div_factor
        last = first / self.final_div_factor
        if self.three_phase:
            bounds = [0.0, rise - 1, 2 * rise - 2, total - 1]
            levels = np.array([first, learning_rate, first, last])
        else:
            bounds = [0.0, rise - 1, total - 1]
            levels = np.array([first, learning_rate, last])
        phase = np.searchsorted(bounds[1:-1], steps)
        # A rise of no width has step 0 alone, with any width.
        widths = np.array([end - start or 1.0 for start, end in pairwise(bounds)])
        share = (steps - np.array(bounds)[phase]) / widths[phase]
        weight = _half_cosine(share) if self.anneal_strategy == "cos" else 1 - share
        return _blend(levels[phase], levels[phase + 1], weight)

    def length(self, steps_per_epoch):
        return self.epochs * steps_per_epoch


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """Per step: learning_rate / (step + 1)^power.

    scikit-learn's 'invscaling' counts rows where this counts steps: with batches of one row, these
    are the rates of its SGDRegressor and SGDClassifier at every row. Its MLPClassifier and
    MLPRegressor keep the rate that an epoch begins with.

    Parameters
    ----------
    power : float
        At least 0; scikit-learn's `power_t`.
    """

    name = "inverse_scaling"
    power: float = 0.5

    def __post_init__(self) -> None:
        self._check("power", validation.number, least=0)

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        return learning_rate / _power(steps + 1.0, self.power)


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Per epoch: times factor when more than `patience` epochs brought no better value.

    As torch's ReduceLROnPlateau. Its state is [best value, epochs without a better one, epochs of
    cooldown left, reductions].

    Parameters
    ----------
    mode : {"min", "max"}
        Whether a smaller or a larger value is better.
    factor : float
        In [0, 1).
    patience, cooldown : int
        Epochs: without a better value, and after a reduction in which none are counted.
    threshold : float
        By how much a value must be better, at least 0; below 1 for "min" with "rel".
    threshold_mode : {"rel", "abs"}
        Better than best * (1 - threshold) or best - threshold, with "max" (1 + threshold) and
        best + threshold.
    min_lr : float
        The rate below which no reduction leads, at least 0.
    eps : float
        A reduction by no more than this is not made, at least 0.
    """

    name = "plateau"
    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        self._check("mode", validation.one_of, ("min", "max"))
        self._check("factor", validation.number, least=0, below=1)
        self._check("patience", _count, 0)
        self._check("threshold_mode", validation.one_of, ("rel", "abs"))
        # A share of the best value by which to fall below it.
        below = 1 if (self.mode, self.threshold_mode) == ("min", "rel") else None
        self._check("threshold", validation.number, least=0, below=below)
        self._check("cooldown", _count, 0)
        self._check("min_lr", validation.number, least=0)
        self._check("eps", validation.number, least=0)

    def first_state(self):
        return [math.inf if self.mode == "min" else -math.inf, 0.0, 0.0, 0.0]

    def next_state(self, state, value, steps, steps_per_epoch):
        best, bad, cooldown, reductions = state
        if self._is_better(value, best):
            best, bad = float(value), 0.0
        else:
            bad += 1
        if cooldown > 0:
            cooldown, bad = cooldown - 1, 0.0
        if bad > self.patience:
            cooldown, bad, reductions = float(self.cooldown), 0.0, reductions + 1
        return [best, bad, cooldown, reductions]

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        *_, reductions = state
        rate = learning_rate
        for _ in range(int(reductions)):
            reduced = max(rate * self.factor, self.min_lr)
            if not rate - reduced > self.eps:
                break
            rate = reduced
        return np.full(len(steps), rate, dtype=np.float64)

    def _is_better(self, value: float, best: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            wanted = best * (1 + sign * self.threshold)
        else:
            wanted = best + sign * self.threshold
        return sign * value > sign * wanted


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Per step: a straight rise to the first rate of a schedule, then that schedule.

    The schedule begins when the warm-up is over: that step is its step 0, from there its epochs
    are counted, and a plateau sees no value of an epoch that ends within the warm-up. With n steps
    of warm-up, step i < n has (start_factor + (1 - start_factor) * i / n) times the first rate:
    torch's SequentialLR with the milestone n of a LinearLR, stepped once a step, and the schedule,
    but that the rise ends where the schedule begins, be it below the learning rate (OneCycle).

    Parameters
    ----------
    schedule : Schedule
    steps, epochs : int, optional
        The length of the warm-up; exactly one of them, at least 1.
    start_factor : float
        In (0, 1].
    """

    name = "warm_up"
    schedule: Schedule
    steps: int | None = None
    epochs: int | None = None
    start_factor: float = 1 / 3

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise TypeError(
                f"schedule is {validation.kind_of(self.schedule)}, expected one such as Constant()"
            )
        if (self.steps is None) == (self.epochs is None):
            given = f"steps is {self.steps!r} and epochs is {self.epochs!r}"
            raise ValueError(f"{given}, expected exactly one of them")
        self._check("steps" if self.epochs is None else "epochs", _count, 1)
        self._check("start_factor", validation.number, above=0)
        if self.start_factor > 1:
            raise ValueError(f"start_factor is {self.start_factor}, expected at most 1")

    def rates(self, learning_rate, steps, steps_per_epoch, state=()):
        n = self._length(steps_per_epoch)
        after = self.schedule.rates(learning_rate, np.maximum(steps - n, 0), steps_per_epoch, state)
        share = np.minimum(steps, n) / n
        return (self.start_factor + (1 - self.start_factor) * share) * after

    def length(self, steps_per_epoch):
        after = self.schedule.length(steps_per_epoch)
        return None if after is None else self._length(steps_per_epoch) + after

    def first_state(self):
        return self.schedule.first_state()

    def next_state(self, state, value, steps, steps_per_epoch):
        after = steps - self._length(steps_per_epoch)
        if after <= 0:
            return list(state)
        return self.schedule.next_state(state, value, after, steps_per_epoch)

    def _length(self, steps_per_epoch: int) -> int:
        return (self.steps or 0) + (self.epochs or 0) * steps_per_epoch


def resolve(value, epochs: int) -> Schedule:
    """The schedule of a training of so many epochs, from what the user named it.

    Parameters
    ----------
    value : Schedule, str or None
        None is `Constant()`. A name is the schedule's with its default parameters; "cosine" and
        "one_cycle" take `epochs`.
    epochs : int

    Raises
    ------
    ValueError
        Where no schedule has this name, or the name does not say enough.
    TypeError
        Where `value` is of another type.
    """
    if value is None:
        return Constant()
    if isinstance(value, Schedule):
        return value
    if not isinstance(value, str):
        raise TypeError(
            f"schedule is {validation.kind_of(value)}, expected None, a name or an object such as "
            f"{Cosine(T_max=100)}"
        )
    kind = _CLASSES[validation.one_of(value, "schedule", _CLASSES)]
    if kind in _EXAMPLES:
        raise ValueError(
            f"schedule is {value!r}, which has parameters without a default, expected an object "
            f"such as {_EXAMPLES[kind]}"
        )
    # A training of no epochs needs no rate, but it may name a schedule.
    if kind is Cosine:
        return Cosine(T_max=max(epochs, 1))
    if kind is OneCycle:
        return OneCycle(epochs=max(epochs, 1))
    return kind()


def from_dict(data: Mapping[str, Any]) -> Schedule:
    """The schedule that `as_dict` described, equal to the one that it was.

    Raises
    ------
    ValueError, TypeError
        Where the name or the entries are not a schedule's, and as the schedule itself does.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"schedule is {validation.kind_of(data)}, expected a dict from as_dict")
    values = dict(data)
    kind = _CLASSES[validation.one_of(values.pop("name", None), "schedule", _CLASSES)]
    expected = [field.name for field in fields(kind)]
    if set(values) != set(expected):
        raise ValueError(
            f"schedule {kind.name!r} has the entries {sorted(map(str, values))}, "
            f"expected {sorted(expected)}"
        )
    if kind is WarmUp:
        values["schedule"] = from_dict(values["schedule"])
    return kind(**values)


_CLASSES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        Constant,
        Step,
        MultiStep,
        Exponential,
        Cosine,
        CosineRestarts,
        OneCycle,
        InverseScaling,
        ReduceOnPlateau,
        WarmUp,
    )
}


def _half_cosine(share):
    """From 1 to 0 as the share goes from 0 to 1."""
    return (1 + np.cos(np.pi * share)) / 2


def _blend(start, end, weight):
    """From `end` to `start` as the weight goes from 0 to 1, and exactly these at its ends."""
    return start * weight + end * (1 - weight)


def _power(base, exponent):
    # As Python's; np.power has other last bits on machines with other vector instructions.
    return np.float_power(base, exponent)


def _plain(value):
    if isinstance(value, Schedule):
        return value.as_dict()
    return list(value) if isinstance(value, tuple) else value


def _count(value, name: str, least: int) -> int:
    number = validation.whole_number(value, name, least)
    if number > LARGEST_COUNT:
        raise ValueError(f"{name} is {number}, expected at most {LARGEST_COUNT}")
    return number


def _counts(value, name: str) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"{name} is a {type(value).__name__}, expected a sequence of whole numbers")
    return tuple(sorted(_count(number, f"{name}[{i}]", 0) for i, number in enumerate(value)))


# For those that no name describes.
_EXAMPLES: dict[type[Schedule], Schedule] = {
    type(example): example
    for example in (
        Step(step_size=30),
        MultiStep(milestones=(30, 80)),
        Exponential(gamma=0.95),
        CosineRestarts(T_0=10),
        WarmUp(Constant(), epochs=5),
    )
}
