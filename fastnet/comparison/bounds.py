"""How far from exact the result of a kernel may be.

The bounds follow from the arithmetic: eps, the length of the sums, and the magnitudes that enter
them (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.5).

Each function here is of (info, before, after): `info` is the `numpy.finfo` of the dtype, told
because the wider type does not always show the narrow, and the others are the arguments of the
reference before and after an exact run, in the wider type. It gives {place of an argument that is
written: bound}, of which 0 means equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..backend import load
from ..kernels import catalog

Bound = Callable[[np.finfo, tuple, tuple], dict[int, object]]

# What is computed in float64 for every dtype.
DOUBLE = np.finfo(np.float64)


def _exact(place: int) -> Bound:
    return lambda info, before, after: {place: 0}


def _roundings(count: float, *places: int) -> Bound:
    """So many roundings of the result itself."""
    return lambda info, before, after: {
        place: count * info.eps * np.abs(after[place]) for place in places
    }


# ------------------------------------------------------------------------- layers


def _affine(info, before, after):
    a, weights, _ = before
    sums = np.abs(a) @ np.abs(weights[:-1]) + np.abs(weights[-1])
    return {2: info.eps * (a.shape[1] + 2) * sums}


def _weight_gradient(info, before, after):
    a, delta, accumulate, start = before
    with_ones = np.hstack([np.abs(a), np.ones_like(a[:, :1])])
    sums = with_ones.T @ np.abs(delta) + (np.abs(start) if accumulate else 0)
    return {3: info.eps * (len(a) + 2) * sums}


def _input_delta(info, before, after):
    delta, weights, _ = before
    sums = np.abs(delta) @ np.abs(weights[:-1]).T
    return {2: info.eps * (delta.shape[1] + 1) * sums}


# ------------------------------------------------------------------------- activations


def _activation(info, before, after):
    return {1: 4 * _spacing(info, after[1])}


def _activation_backward(info, before, after):
    # 4 units of the derivative, and the rounding of its product with delta.
    delta = before[2]
    return {2: 4 * _spacing(info, after[2] / delta) * np.abs(delta) + _spacing(info, after[2])}


def _with_slope(info, before, after):
    return {place: 4 * _spacing(info, after[place]) for place in (0, 1)}


def _spacing(info, x):
    """A unit in the last place of the narrow type."""
    return np.spacing(np.abs(x).astype(info.dtype)).astype(x.dtype)


def _softmax(info, before, after):
    # The rounding of z - max moves exp by that much; then exp, the sum and the quotient.
    z, a = after
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    return {1: info.eps * (z.shape[1] + 8 + shift) * a + info.smallest_subnormal}


def _softmax_backward(info, before, after):
    _, a, delta = before
    sums = np.abs(delta) + np.abs(a * delta).sum(axis=1, keepdims=True)
    return {2: info.eps * (a.shape[1] + 4) * a * sums}


# ------------------------------------------------------------------------- losses
# Sums over n outputs; exp and log are within 4 units in the last place.


def _mean(info, terms):
    """Of a loss that is a mean of terms of these magnitudes."""
    return info.eps * (terms.shape[1] + 8) * terms.mean(axis=1) + info.smallest_subnormal


def _share(scale, z):
    return scale[:, None] / z.shape[1]


def _binary_cross_entropy(info, before, after):
    z, target, _, scale, *_ = before
    terms = np.abs(z) * (1 + target) + np.log1p(np.exp(-np.abs(z)))
    return {4: 8 * info.eps * _share(scale, z) * (1 + target), 5: _mean(info, terms)}


def _offset_binary_cross_entropy(info, before, after):
    z, target, _, scale, *_ = before
    p = 1 / (1 + np.exp(-z))
    log_p, log_q = (np.log(x + catalog.PROBABILITY_OFFSET) for x in (p, 1 - p))
    # 1 - p + offset is as wrong as its parts of size 1 and is divided by where log is taken.
    lost = 4 / (1 - p + catalog.PROBABILITY_OFFSET)
    terms = target * (np.abs(log_p) + 8) + (1 - target) * (np.abs(log_q) + lost)
    return {4: 8 * info.eps * scale[:, None] * (1 + target), 5: _mean(info, terms)}


def _cross_entropy(info, before, after):
    z, target, _, scale, _, losses = after
    n = z.shape[1]
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    p = np.exp(-shift) / np.exp(-shift).sum(axis=1, keepdims=True)
    return {
        4: info.eps * scale[:, None] * ((n + 8 + shift) * p + 4 * target),
        # The logarithm is of a sum of at least 1: its error is one of size 1, however small it is.
        5: 2 * info.eps * (n + 8) * (losses + 1),
    }


def _poisson_of_logarithm(info, before, after):
    z, target, _, scale, *_ = before
    rate = np.exp(z)
    terms = rate + target * np.abs(z)
    return {4: 8 * info.eps * _share(scale, z) * (rate + target), 5: _mean(info, terms)}


def _poisson_of_softplus(info, before, after):
    z, target, _, scale, *_ = before
    rate, slope = np.logaddexp(0, z), 1 / (1 + np.exp(-z))
    # The logarithm moves by as many units of 1 as the rate is relatively off.
    terms = rate + target * (np.abs(np.log(rate)) + 8)
    slopes = slope + target * slope / rate
    gradient = 16 * info.eps * _share(scale, z) * slopes + 4 * info.smallest_subnormal
    return {4: gradient, 5: _mean(info, terms)}


def _mse(info, before, after):
    a, target, *_ = before
    return {4: 4 * info.eps * np.abs(after[4]), 5: _mean(info, (a - target) ** 2)}


def _mae(info, before, after):
    a, target, *_ = before
    return {4: 4 * info.eps * np.abs(after[4]), 5: _mean(info, np.abs(a - target))}


def _huber(info, before, after):
    n, losses = before[0].shape[1], after[5]
    return {4: 4 * info.eps * np.abs(after[4]), 5: info.eps * (n + 8) * losses}


def _quantile(info, before, after):
    # Of q and 1 - q one may be small, and as wrong as the other.
    a, target, _, scale, *_ = before
    return {4: 4 * info.eps * _share(scale, a), 5: _mean(info, np.abs(a - target))}


# ------------------------------------------------------------------------- optimizers


def _optimizer(kernel: str) -> Bound:
    """A few roundings of the parameters and of all that enters their update.

    Its magnitude is what the optimizer makes of sizes instead of numbers, where nothing cancels.
    """

    def bound(info, before, after):
        gradient, numbers, step, state, parameters = before
        sizes, moved = np.abs(state), np.zeros_like(parameters)
        getattr(load("reference", "optimizers"), kernel)(
            np.abs(gradient), numbers.copy(), step, sizes, moved
        )
        return {
            # The last of them is a product that nadam keeps.
            1: np.append(0 * numbers[1:], 8 * DOUBLE.eps * numbers[-1]),
            3: 8 * info.eps * sizes,
            4: info.eps * (4 * np.abs(parameters) + 16 * np.abs(moved)),
        }

    return bound


def _penalize(info, before, after):
    l1, l2, weights, gradient, _ = before
    terms = np.abs(gradient) + l1 + l2 * np.abs(weights)
    return {3: 4 * info.eps * terms, 4: DOUBLE.eps * (len(weights) + 8) * after[4]}


def _clip_norm(info, before, after):
    gradient = after[1]
    return {1: (2 * info.eps + len(gradient) * DOUBLE.eps) * np.abs(gradient)}


def _max_norm(info, before, after):
    weights = after[1]
    return {1: (2 * info.eps + (len(weights) + 4) * DOUBLE.eps) * np.abs(weights)}


def _average(info, before, after):
    _, _, parameters, averaged = before
    return {3: 4 * info.eps * (np.abs(parameters) + np.abs(averaged))}


# ------------------------------------------------------------------------- noise


def _gaussian_noise(info, before, after):
    _, _, deviation, a = before
    noise = after[3] - a
    # In float64, a rounding of 2 pi v in cos, and the largest sqrt(-2 log u) there is: 8.6. The
    # reference has no more than that, in any type.
    drawn = 2 * DOUBLE.eps * (2 * np.pi + 8) * 8.6 * deviation
    return {3: drawn + info.eps * (np.abs(a) + 2 * np.abs(noise))}


BOUNDS: dict[str, Bound] = {
    **dict.fromkeys(("affine", "affine_relu"), _affine),
    "weight_gradient": _weight_gradient,
    "input_delta": _input_delta,
    **dict.fromkeys(catalog.HIDDEN_ACTIVATIONS, _activation),
    **{f"{name}_backward": _activation_backward for name in catalog.HIDDEN_ACTIVATIONS},
    **{f"{name}_with_slope": _with_slope for name in catalog.ACTIVATIONS_WITH_SLOPE},
    "slope_backward": _roundings(1, 2),
    **dict.fromkeys(("identity", "relu"), _exact(1)),
    **dict.fromkeys(("identity_backward", "relu_backward"), _exact(2)),
    "softmax": _softmax,
    "softmax_backward": _softmax_backward,
    "binary_cross_entropy": _binary_cross_entropy,
    "offset_binary_cross_entropy": _offset_binary_cross_entropy,
    "cross_entropy": _cross_entropy,
    "poisson_of_logarithm": _poisson_of_logarithm,
    "poisson_of_softplus": _poisson_of_softplus,
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "quantile": _quantile,
    **{name: _optimizer(name) for name in catalog.OPTIMIZERS},
    "gather_rows": _exact(2),
    "gather_labels": _exact(2),
    "smooth_targets": _roundings(4, 2),
    "shuffle": _exact(2),
    "dropout": _roundings(2, 3, 4),
    "dropout_backward": _roundings(1, 1),
    "gaussian_noise": _gaussian_noise,
    "penalize": _penalize,
    "clip_value": _roundings(1, 1),
    "clip_norm": _clip_norm,
    "max_norm": _max_norm,
    "average": _average,
}
