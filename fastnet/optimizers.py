"""Optimizers, as the user chooses them and as their kernels are told.

The formulas are those of PyTorch 2.13, to the place of eps and of the corrections for the first
steps. In them w are the parameters, g their gradient, t the number of the step from 1, and r the
learning rate; averages, sums and velocities begin at 0. All of it is in the network's dtype, but
for the factors that do not depend on the parameter, which are worked out in float64.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np

from . import validation
from .kernels import catalog
from .kernels.memory import aligned_zeros


@dataclass(frozen=True)
class Optimizer(ABC):
    """What an optimizer is told. Two are equal if they are of one class and hold the same numbers.

    Numbers become floats and pairs become tuples when an object is made.

    Raises
    ------
    ValueError, TypeError
        In one sentence, where a number is out of range or none.
    """

    full_batch: ClassVar[bool] = False
    """Whether it needs the gradient of all rows at every step."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _checked(getattr(self, field.name), field.name)
            object.__setattr__(self, field.name, value)

    @property
    def kernel(self) -> str:
        """The name of its kernel, a key of `catalog.OPTIMIZERS`."""
        return type(self).__name__.lower()

    @abstractmethod
    def numbers(self) -> np.ndarray:
        """What its kernel is told: a new float64 vector, laid out as `catalog.OPTIMIZERS` says."""

    def first_state(self, n: int, dtype) -> np.ndarray:
        """What it keeps for n parameters before the first step: (slots, n) of their dtype."""
        return aligned_zeros((len(catalog.OPTIMIZER_STATE[self.kernel]), n), dtype)

    def as_dict(self) -> dict[str, object]:
        """The object as JSON can hold it; see `from_dict`."""
        described: dict[str, object] = {"name": type(self).__name__}
        for field in fields(self):
            value = getattr(self, field.name)
            described[field.name] = list(value) if isinstance(value, tuple) else value
        return described


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: w <- w - r v with the velocity v <- momentum v + g.

    With `nesterov`, w <- w - r (g + momentum v).

    Parameters
    ----------
    learning_rate, momentum : float
        At least 0. Without momentum v is g.
    nesterov : bool
        Only with a momentum.

    B. T. Polyak, USSR Computational Mathematics and Mathematical Physics 4, 1964; Y. Nesterov,
    Soviet Mathematics Doklady 27, 1983; both as in `torch.optim.SGD`.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov is True with momentum 0.0, expected a momentum above 0")

    @property
    def kernel(self) -> str:
        if not self.momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def numbers(self) -> np.ndarray:
        momentum = [self.momentum] if self.momentum else []
        return np.array([self.learning_rate, *momentum])


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Steps by the size of recent gradients: w <- w - r v, v <- momentum v + g / (sqrt(s) + eps).

    s <- alpha s + (1 - alpha) g^2. If `centered`, the variance s - m^2 stands for s, with the
    average m <- alpha m + (1 - alpha) g; where rounding leaves less than 0 of it, it is 0.

    Parameters
    ----------
    learning_rate, eps, momentum : float
        At least 0.
    alpha : float
        From 0 to 1.
    centered : bool

    T. Tieleman and G. Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012; centered:
    A. Graves, arXiv:1308.0850, 2013, equations 38 to 41; both as in `torch.optim.RMSprop`.
    """

    learning_rate: float = 0.01
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    @property
    def kernel(self) -> str:
        return "rmsprop_centered" if self.centered else "rmsprop"

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, self.alpha, self.eps, self.momentum])


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Steps by the size of all gradients so far: w <- w - r_t g / (sqrt(s) + eps), s <- s + g^2.

    r_t = r / (1 + (t - 1) lr_decay).

    Parameters
    ----------
    learning_rate, lr_decay, eps : float
        At least 0.
    initial_accumulator_value : float
        What s is before the first step; at least 0.

    J. Duchi, E. Hazan, Y. Singer, Journal of Machine Learning Research 12, 2011, as in
    `torch.optim.Adagrad`.
    """

    learning_rate: float = 0.01
    lr_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, self.lr_decay, self.eps])

    def first_state(self, n: int, dtype) -> np.ndarray:
        return np.full((1, n), self.initial_accumulator_value, dtype)


@dataclass(frozen=True)
class Adam(Optimizer):
    """w <- w - r m / (1 - b1^t) / (sqrt(s / (1 - b2^t)) + eps), with averages of g and g^2.

    m <- b1 m + (1 - b1) g and s <- b2 s + (1 - b2) g^2. With `amsgrad` the largest s so far
    stands for s.

    Parameters
    ----------
    learning_rate, eps : float
        At least 0.
    betas : pair of float
        b1 and b2, each at least 0 and below 1.
    amsgrad : bool

    D. P. Kingma and J. Ba, ICLR 2015, algorithm 1; amsgrad: S. J. Reddi, S. Kale, S. Kumar,
    ICLR 2018, algorithm 2, with Adam's corrections; both as in `torch.optim.Adam`.
    """

    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False

    @property
    def kernel(self) -> str:
        return "amsgrad" if self.amsgrad else "adam"

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, *self.betas, self.eps])


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam after w <- w - r weight_decay w, which leaves the averages alone; biases included.

    Parameters
    ----------
    learning_rate, eps, weight_decay : float
        At least 0.
    betas : pair of float
        As in `Adam`.

    I. Loshchilov and F. Hutter, ICLR 2019, algorithm 2, as in `torch.optim.AdamW`.
    """

    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, *self.betas, self.eps, self.weight_decay])


@dataclass(frozen=True)
class NAdam(Optimizer):
    """Adam with Nesterov's momentum: w <- w - (r_g g + r_m m) / (sqrt(s / (1 - b2^t)) + eps).

    m and s as in `Adam`. With u_t = b1 (1 - 0.96^(t momentum_decay) / 2) and U_t = u_1 ... u_t,
    r_g = r (1 - u_t) / (1 - U_t) and r_m = r u_(t+1) / (1 - U_(t+1)).

    Parameters
    ----------
    learning_rate, eps, momentum_decay : float
        At least 0.
    betas : pair of float
        As in `Adam`.

    T. Dozat, ICLR workshop 2016, as in `torch.optim.NAdam`.
    """

    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum_decay: float = 4e-3

    def numbers(self) -> np.ndarray:
        first_product = 1.0
        return np.array(
            [self.learning_rate, *self.betas, self.eps, self.momentum_decay, first_product]
        )


@dataclass(frozen=True)
class Lion(Optimizer):
    """Steps of one size: w <- w - r (sign(b1 m + (1 - b1) g) + weight_decay w).

    Then m <- b2 m + (1 - b2) g. The decay takes all parameters, biases included.

    Parameters
    ----------
    learning_rate, weight_decay : float
        At least 0.
    betas : pair of float
        b1 and b2, each at least 0 and below 1.

    X. Chen and others, Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, algorithm 2.
    """

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, *self.betas, self.weight_decay])


@dataclass(frozen=True)
class Rprop(Optimizer):
    """Steps by the signs of two gradients: w <- w - d sign(g), each parameter with a d of its own.

    d is multiplied by the larger of `etas` where g has the sign of the step before, and by the
    smaller where the sign has changed; there g counts as 0, in this step and as the next one's
    past. d begins at the learning rate, which says no more than that, and stays in `step_sizes`.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    etas : pair of float
        Between 0 and 1, and above 1.
    step_sizes : pair of float
        The smallest and the largest d, at least 0.

    M. Riedmiller and H. Braun, IEEE International Conference on Neural Networks, 1993, in the
    form of C. Igel and M. Hüsken, Neural Computation 2000, iRprop-, as in `torch.optim.Rprop`.
    """

    learning_rate: float = 0.01
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50.0)

    full_batch: ClassVar[bool] = True

    def numbers(self) -> np.ndarray:
        return np.array([self.learning_rate, *self.etas, *self.step_sizes])

    def first_state(self, n: int, dtype) -> np.ndarray:
        state = super().first_state(n, dtype)
        state[1] = self.learning_rate
        return state


_CLASSES: dict[str, type[Optimizer]] = {
    kind.__name__: kind for kind in (SGD, RMSprop, Adagrad, Adam, AdamW, NAdam, Lion, Rprop)
}

_NAMED: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": partial(SGD, momentum=0.9),
    "nesterov": partial(SGD, momentum=0.9, nesterov=True),
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "adam": Adam,
    "amsgrad": partial(Adam, amsgrad=True),
    "adamw": AdamW,
    "nadam": NAdam,
    "lion": Lion,
    "rprop": Rprop,
}
# What `resolve` knows by name.
NAMES = tuple(_NAMED)


def resolve(value, learning_rate: float) -> Optimizer:
    """The optimizer itself, or the one of this name with this learning rate.

    Parameters
    ----------
    value : Optimizer or str
        A name is one of `NAMES`; all numbers but the learning rate are its class's defaults,
        and a momentum is 0.9.
    learning_rate : float
        Only for a name.

    Raises
    ------
    ValueError
        Where no optimizer has this name.
    TypeError
        Where `value` is neither.
    """
    if isinstance(value, Optimizer):
        return value
    if not isinstance(value, str):
        came, listed = validation.kind_of(value), ", ".join(map(repr, NAMES))
        raise TypeError(f"optimizer is {came}, expected an optimizer or one of {listed}")
    return _NAMED[validation.one_of(value, "optimizer", NAMES)](learning_rate=learning_rate)


def from_dict(described: dict[str, object]) -> Optimizer:
    """The optimizer that `as_dict` described; equal to the one that it was.

    Raises
    ------
    ValueError, TypeError
        Where it names no optimizer or a field that the optimizer does not have, and as the
        optimizer itself does.
    """
    if not isinstance(described, dict):
        raise TypeError(f"optimizer is a {type(described).__name__}, expected a dict")
    name = described.get("name")
    if not isinstance(name, str):
        raise TypeError(f"optimizer has the name {name!r}, expected a str")
    kind = _CLASSES[validation.one_of(name, "optimizer", _CLASSES)]
    known = [field.name for field in fields(kind)]
    values = {key: value for key, value in described.items() if key != "name"}
    for key in values:
        validation.one_of(key, f"a field of {name}", known)
    return kind(**values)


def _checked(value, name: str):
    if name in ("nesterov", "centered", "amsgrad"):
        return validation.flag(value, name)
    convert, expected, is_in_range = _RANGES.get(name, _AT_LEAST_0)
    checked = convert(value, name, expected)
    if not is_in_range(checked):
        raise ValueError(f"{name} is {checked}, expected {expected}")
    return checked


def _number(value, name: str, expected: str) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is a {type(value).__name__}, expected {expected}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _pair(value, name: str, expected: str) -> tuple[float, float]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"{name} is a {type(value).__name__}, expected {expected}")
    if len(value) != 2:
        raise ValueError(f"{name} has {len(value)} values, expected {expected}")
    first, second = (_number(item, f"{name}[{i}]", expected) for i, item in enumerate(value))
    return first, second


_AT_LEAST_0: tuple[Callable, str, Callable] = (
    _number,
    "a finite number of at least 0",
    lambda x: 0 <= x < math.inf,
)
_RANGES: dict[str, tuple[Callable, str, Callable]] = {
    "alpha": (_number, "a number from 0 to 1", lambda x: 0 <= x <= 1),
    "betas": (
        _pair,
        "two numbers of at least 0 and below 1",
        lambda pair: all(0 <= beta < 1 for beta in pair),
    ),
    "etas": (
        _pair,
        "two finite numbers, the first between 0 and 1, the second above 1",
        lambda pair: 0 < pair[0] < 1 < pair[1] < math.inf,
    ),
    "step_sizes": (
        _pair,
        "two finite numbers of at least 0, the smallest and the largest",
        lambda pair: 0 <= pair[0] <= pair[1] < math.inf,
    ),
}
