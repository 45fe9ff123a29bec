"""What a kernel is given to be compared, and how far from exact its result may be.

The bounds follow from the arithmetic: eps, the length of the sums, and the magnitudes that enter
them (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .kernels import catalog
from .plan import Layer, Plan

LEARNING_RATE = 0.1


@dataclass
class Check:
    """A kernel, its arguments, and the bound of each array that it writes.

    bounds : function of the same arguments after an exact run, in the wider type; gives
        {place of the argument: bound}, of which 0 means equal to the last bit.
    """

    module: str
    kernel: str
    label: str
    arguments: tuple
    bounds: Callable[..., dict[int, object]]


def kernel_checks(plan: Plan, batch: int, rng: np.random.Generator) -> Iterator[Check]:
    """A check of every kernel, with the shapes that it has in this network."""
    dtype = np.dtype(plan.dtype)

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    for layer in plan.layers:
        yield from _layer_checks(layer, batch, normal, np.finfo(dtype).eps)
    yield from _output_checks(plan, batch, normal, rng)
    yield from _data_checks(plan, batch, normal, rng)


def _layer_checks(layer: Layer, batch: int, normal, eps) -> Iterator[Check]:
    n_in, n_out = layer.n_in, layer.n_out
    a, delta = normal(batch, n_in), normal(batch, n_out)
    weights = normal(n_in + 1, n_out)
    shape = f"{batch}x{n_in}x{n_out}"

    def affine_bound(a, weights, z):
        sums = np.abs(a) @ np.abs(weights[:-1]) + np.abs(weights[-1])
        return {2: eps * (n_in + 2) * sums}

    def gradient_bound(start, a, delta, accumulate, out):
        with_ones = np.hstack([np.abs(a), np.ones_like(a[:, :1])])
        sums = with_ones.T @ np.abs(delta) + (np.abs(start) if accumulate else 0)
        return {3: eps * (batch + 2) * sums}

    def delta_bound(delta, weights, out):
        return {2: eps * (n_out + 1) * (np.abs(delta) @ np.abs(weights[:-1]).T)}

    yield Check("layers", "affine", shape, (a, weights, normal(batch, n_out)), affine_bound)
    for accumulate in (False, True):
        out = normal(n_in + 1, n_out)
        label = f"{shape} accumulate" if accumulate else shape
        yield Check(
            "layers",
            "weight_gradient",
            label,
            (a, delta, accumulate, out),
            lambda *wide, start=out: gradient_bound(start, *wide),
        )
    yield Check("layers", "input_delta", shape, (delta, weights, normal(batch, n_in)), delta_bound)
    # Wide enough to reach both tails.
    z = 20 * normal(batch, n_out)
    for name in catalog.ACTIVATIONS:
        label = f"{batch}x{n_out}"
        bound = _in(z.dtype, _ACTIVATION_BOUNDS[name])
        yield Check("activations", name, label, (z, normal(batch, n_out)), bound)
        if name in catalog.HIDDEN_ACTIVATIONS:
            arguments = (z, normal(batch, n_out), delta)
            yield Check("activations", f"{name}_backward", label, arguments, _exact(2))


def _output_checks(plan: Plan, batch: int, normal, rng) -> Iterator[Check]:
    n_out = plan.layer_sizes[-1]
    dtype = np.dtype(plan.dtype)
    z = 5 * normal(batch, n_out)
    one_hot = np.eye(n_out, dtype=dtype)[rng.integers(0, n_out, batch)]
    probabilities = rng.random((batch, n_out)).astype(dtype)
    for name in catalog.LOSSES:
        target = one_hot if name == "cross_entropy" else probabilities
        scale = dtype.type(1 / batch)
        arguments = (z, target, scale, normal(batch, n_out), normal(batch))
        bound = _in(dtype, _LOSS_BOUNDS[name])
        yield Check("losses", name, f"{batch}x{n_out}", arguments, bound)


def _data_checks(plan: Plan, batch: int, normal, rng) -> Iterator[Check]:
    n_in, n_out = plan.layer_sizes[0], plan.layer_sizes[-1]
    rows = rng.permutation(batch)
    labels = rng.integers(0, n_out, batch)
    parameters, numbers = normal(plan.size), np.array([LEARNING_RATE])
    eps = np.finfo(plan.dtype).eps

    def sgd_bound(gradient, numbers, updated):
        # Three roundings: of the rate, the product and the sum.
        moved = LEARNING_RATE * np.abs(gradient)
        return {2: 2 * eps * (np.abs(updated) + moved)}

    yield Check(
        "batches",
        "gather_rows",
        f"{batch}x{n_in}",
        (normal(batch, n_in), rows, normal(batch, n_in)),
        _exact(2),
    )
    yield Check(
        "batches",
        "gather_labels",
        f"{batch}x{n_out}",
        (labels, rows, normal(batch, n_out)),
        _exact(2),
    )
    yield Check("shuffling", "shuffle", f"{batch}", (7, 3, rows), _exact(2))
    yield Check(
        "optimizers", "sgd", f"{plan.size}", (normal(plan.size), numbers, parameters), sgd_bound
    )


def _exact(place):
    """Not a bit may differ."""
    return lambda *wide: {place: 0}


def _in(dtype, bound):
    """The bound for this dtype; told, because the wide type does not always show the narrow."""
    return lambda *wide: bound(np.finfo(dtype), *wide)


def _relu_bound(narrow, z, exact):
    return {1: 0}


def _sigmoid_bound(narrow, z, exact):
    """4 units in the last place."""
    return {1: 4 * np.spacing(np.abs(exact).astype(narrow.dtype)).astype(exact.dtype)}


def _softmax_bound(narrow, z, exact):
    # The rounding of z - max moves exp by that much; then exp, the sum and the quotient.
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    return {1: narrow.eps * (z.shape[1] + 8 + shift) * exact + narrow.smallest_subnormal}


_ACTIVATION_BOUNDS = {
    "relu": _relu_bound,
    "sigmoid": _sigmoid_bound,
    "softmax": _softmax_bound,
}


def _binary_cross_entropy_bound(narrow, z, target, scale, delta, losses):
    eps, n = narrow.eps, z.shape[1]
    terms = np.abs(z) * (1 + target) + np.log1p(np.exp(-np.abs(z)))
    share = scale / n
    return {3: 8 * eps * share * (1 + target), 4: eps * (n + 8) * terms.mean(axis=1)}


def _offset_binary_cross_entropy_bound(narrow, z, target, scale, delta, losses):
    eps, n = narrow.eps, z.shape[1]
    p = delta / scale + target
    log_p, log_q = (np.log(x + catalog.PROBABILITY_OFFSET) for x in (p, 1 - p))
    # 1 - p + offset is as wrong as its parts of size 1 and is divided by where log is taken.
    lost = 4 / (1 - p + catalog.PROBABILITY_OFFSET)
    terms = target * (np.abs(log_p) + 8) + (1 - target) * (np.abs(log_q) + lost)
    return {3: 8 * eps * scale * (1 + target), 4: eps * (n + 8) * terms.mean(axis=1)}


def _cross_entropy_bound(narrow, z, target, scale, delta, losses):
    eps, n = narrow.eps, z.shape[1]
    p = delta / scale + target
    shift = np.abs(z - z.max(axis=1, keepdims=True))
    # The logarithm is of a sum of at least 1: its error is one of size 1, however small it is.
    terms = np.abs(losses) + 1
    return {
        3: eps * scale * ((n + 8 + shift) * p + 4 * target),
        4: 2 * eps * (n + 8) * terms,
    }


_LOSS_BOUNDS = {
    "binary_cross_entropy": _binary_cross_entropy_bound,
    "offset_binary_cross_entropy": _offset_binary_cross_entropy_bound,
    "cross_entropy": _cross_entropy_bound,
}
