"""Activations and losses of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# Central differences: the error is step^2 of curvature and eps / step of rounding, both about
# 1e-10 of the function's size here, and less than this unless the derivative is wrong.
STEP = 1e-5
TOLERANCE = 1e-6
# Neither whole nor half numbers, where a function of the user's may well have a kink.
POINTS = np.linspace(-4.13, 4.07, 83)


@dataclass(frozen=True, eq=False)
class Activation:
    """A hidden layer's activation, given by two pairs of functions.

    Parameters
    ----------
    name : str
        How it is shown and named in files.
    function, derivative : function of ndarray
        The activation and its derivative at the logits, elementwise, in NumPy; for the reference
        path. The result has the shape of the argument.
    compiled, compiled_derivative : function, optional
        The same two for one number, each decorated with `numba.njit`; for the compiled path.

    Raises
    ------
    TypeError, ValueError
        Where a function is none, where `derivative` is not the slope of `function` (central
        differences at points from -4 to 4), or where a compiled function differs from its twin.

    Examples
    --------
    >>> cube = Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    >>> cube.name
    'cube'
    """

    name: str
    function: Callable = field(repr=False)
    derivative: Callable = field(repr=False)
    compiled: Callable | None = field(default=None, repr=False)
    compiled_derivative: Callable | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check(self, "activation", (POINTS,))


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss that is a function of one output and its target; the mean over outputs is taken.

    Parameters
    ----------
    name : str
        How it is shown and named in files.
    function, derivative : function of (a, target), each ndarray
        The loss of each output activation, and its derivative by the activation, elementwise, in
        NumPy; for the reference path.
    compiled, compiled_derivative : function of (a, target), optional
        The same two for one output, each decorated with `numba.njit`; for the compiled path.

    Raises
    ------
    TypeError, ValueError
        As for `Activation`; outputs and targets from 0.02 to 0.98 are tried.
    """

    name: str
    function: Callable = field(repr=False)
    derivative: Callable = field(repr=False)
    compiled: Callable | None = field(default=None, repr=False)
    compiled_derivative: Callable | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        grid = np.meshgrid(np.linspace(0.023, 0.977, 9), np.linspace(0.031, 0.969, 8))
        _check(self, "loss", tuple(part.ravel() for part in grid))


def _check(chosen, kind: str, arguments: tuple[np.ndarray, ...]) -> None:
    """Raise unless the functions are functions and agree with each other."""
    if not isinstance(chosen.name, str) or not chosen.name:
        raise TypeError(f"name of the {kind} is {chosen.name!r}, expected some text")
    label = f"{kind} {chosen.name!r}"
    for name in ("function", "derivative", "compiled", "compiled_derivative"):
        value = getattr(chosen, name)
        is_optional = name.startswith("compiled")
        if not callable(value) and not (is_optional and value is None):
            raise TypeError(f"{name} of {label} is a {type(value).__name__}, expected a function")
    if (chosen.compiled is None) != (chosen.compiled_derivative is None):
        raise ValueError(f"{label} has one compiled function, expected both or none")
    x, *others = arguments
    values, slopes = (
        _evaluated(getattr(chosen, name), label, name, arguments)
        for name in ("function", "derivative")
    )
    above, below = (chosen.function(x + side, *others) for side in (STEP, -STEP))
    difference = (above - below) / (2 * STEP)
    wrong = ~(np.abs(difference - slopes) <= TOLERANCE * (1 + np.abs(values) + np.abs(slopes)))
    if wrong.any():
        place = int(wrong.argmax())
        at = ", ".join(f"{argument[place]:.4g}" for argument in arguments)
        raise ValueError(
            f"derivative of {label} is {slopes[place]:.6g} at {at}, "
            f"expected the slope of its function there, {difference[place]:.6g}"
        )
    for name, expected in (("compiled", values), ("compiled_derivative", slopes)):
        scalar = getattr(chosen, name)
        if scalar is not None:
            if not hasattr(scalar, "py_func"):
                raise TypeError(f"{name} of {label} is not compiled, expected @numba.njit on it")
            computed = np.array([scalar(*point) for point in zip(*arguments, strict=True)])
            if not np.allclose(computed, expected, rtol=1e-9, atol=1e-12):
                place = int(np.abs(computed - expected).argmax())
                raise ValueError(
                    f"{name} of {label} gives {computed[place]:.10g} where its twin in NumPy "
                    f"gives {expected[place]:.10g}, expected the same"
                )


def _evaluated(function, label, name, arguments) -> np.ndarray:
    given = [argument.copy() for argument in arguments]
    values = np.asarray(function(*given))
    if not np.array_equal(given, arguments):
        raise ValueError(f"{name} of {label} writes into its argument, expected a new array")
    if values.shape != arguments[0].shape or values.dtype.kind != "f":
        raise ValueError(
            f"{name} of {label} gives {values.dtype} of shape {values.shape} for "
            f"{arguments[0].shape}, expected floats of the same shape"
        )
    return values
