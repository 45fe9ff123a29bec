"""What each kernel is given to be compared, with the shapes that it has in a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..kernels import catalog
from ..optimizers import SGD, Adagrad, Adam, AdamW, Lion, NAdam, Optimizer, RMSprop, Rprop
from ..plan import Layer, Plan

LEARNING_RATE = 0.1
KEY = 7
# By then a mean of factor 0.999 has seen enough for its correction to lose no digits.
STEP = 300
DROPPED = 0.3
QUANTILES = (0.1, 0.9)

_OPTIMIZERS: tuple[Optimizer, ...] = (
    SGD(LEARNING_RATE),
    SGD(LEARNING_RATE, 0.9),
    SGD(LEARNING_RATE, 0.9, nesterov=True),
    RMSprop(LEARNING_RATE, momentum=0.9),
    RMSprop(LEARNING_RATE, momentum=0.9, centered=True),
    Adagrad(LEARNING_RATE, lr_decay=0.1),
    Adam(LEARNING_RATE),
    Adam(LEARNING_RATE, amsgrad=True),
    AdamW(LEARNING_RATE),
    NAdam(LEARNING_RATE),
    Lion(LEARNING_RATE, weight_decay=0.01),
    Rprop(LEARNING_RATE),
)
# One of each kernel, with no number that switches a part of it off.
OPTIMIZERS = {optimizer.kernel: optimizer for optimizer in _OPTIMIZERS}


@dataclass
class Check:
    """A kernel and its arguments; its bound is in `bounds`."""

    module: str
    kernel: str
    label: str
    arguments: tuple


class Draws:
    """Random arguments of a dtype."""

    def __init__(self, dtype: str, rng: np.random.Generator) -> None:
        self.dtype, self.rng = np.dtype(dtype), rng

    def normal(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        return self.rng.uniform(low, high, shape).astype(self.dtype)

    def signed(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Of sizes from low to high, and of either sign."""
        return self.uniform(low, high, *shape) * self.choice((-1, 1), *shape)

    def choice(self, values: tuple[int, ...], *shape: int) -> np.ndarray:
        return self.rng.choice(values, shape).astype(self.dtype)


def kernel_checks(plan: Plan, batch: int, rng: np.random.Generator) -> Iterator[Check]:
    """A check of every kernel, with the shapes that it has in this network."""
    draws = Draws(plan.dtype, rng)
    for layer in plan.layers:
        yield from _layer_checks(layer, batch, draws)
        yield from _activation_checks(batch, layer.n_out, draws)
    yield from _loss_checks(batch, plan.layer_sizes[-1], draws)
    yield from _optimizer_checks(plan.size, draws)
    yield from _update_checks(plan, draws)
    yield from _batch_checks(batch, plan.layer_sizes[0], plan.layer_sizes[-1], draws)


def _layer_checks(layer: Layer, batch: int, draws: Draws) -> Iterator[Check]:
    n_in, n_out = layer.n_in, layer.n_out
    a, delta = draws.normal(batch, n_in), draws.normal(batch, n_out)
    weights = draws.normal(n_in + 1, n_out)
    shape = f"{batch}x{n_in}x{n_out}"
    for name in ("affine", "affine_relu"):
        yield Check("layers", name, shape, (a, weights, draws.normal(batch, n_out)))
    for accumulate in (False, True):
        label = f"{shape} accumulate" if accumulate else shape
        arguments = (a, delta, accumulate, draws.normal(n_in + 1, n_out))
        yield Check("layers", "weight_gradient", label, arguments)
    yield Check("layers", "input_delta", shape, (delta, weights, draws.normal(batch, n_in)))


def _activation_checks(batch: int, n_out: int, draws: Draws) -> Iterator[Check]:
    # Wide enough to reach both tails.
    z = 20 * draws.normal(batch, n_out)
    probabilities = draws.uniform(0, 1, batch, n_out)
    label = f"{batch}x{n_out}"
    for name in catalog.ACTIVATIONS:
        yield Check("activations", name, label, (z, draws.normal(batch, n_out)))
        # What a is, only softmax reads.
        arguments = (z, probabilities, draws.signed(0.1, 2, batch, n_out))
        yield Check("activations", f"{name}_backward", label, arguments)
    for name in catalog.ACTIVATIONS_WITH_SLOPE:
        yield Check("activations", f"{name}_with_slope", label, (z, draws.normal(batch, n_out)))
    slope, delta = draws.uniform(0, 1, batch, n_out), draws.signed(0.1, 2, batch, n_out)
    yield Check("activations", "slope_backward", label, (slope, probabilities, delta))


def _loss_checks(batch: int, n_out: int, draws: Draws) -> Iterator[Check]:
    shape = (batch, n_out)
    scale = draws.uniform(0.1, 1, batch) / draws.dtype.type(batch)
    probabilities, counts = draws.uniform(0, 1, *shape), draws.rng.poisson(2, shape)
    one_hot = np.eye(n_out)[draws.rng.integers(0, n_out, batch)]
    targets = {
        "cross_entropy": one_hot,
        "binary_cross_entropy": probabilities,
        "offset_binary_cross_entropy": probabilities,
        "poisson_of_logarithm": counts,
        "poisson_of_softplus": counts,
    }
    numbers = {"huber": [0.7], "quantile": np.resize(QUANTILES, n_out)}
    for name in catalog.LOSS_KERNELS:
        arguments = (
            # The logarithms of some rates are their logits.
            (40 if name == "poisson_of_softplus" else 5) * draws.normal(*shape),
            np.asarray(targets.get(name, draws.normal(*shape)), draws.dtype),
            np.array(numbers.get(name, [])),
            scale,
            draws.normal(*shape),
            draws.normal(batch),
        )
        yield Check("losses", name, f"{batch}x{n_out}", arguments)


def _optimizer_checks(n: int, draws: Draws) -> Iterator[Check]:
    for name, optimizer in OPTIMIZERS.items():
        # No sum of a tenth of the gradient and nine of the mean is near 0, where a rounding would
        # decide its sign.
        gradient = draws.signed(1, 2, n) * draws.choice((1, 30), n)
        state = optimizer.first_state(n, draws.dtype)
        for slot, values in zip(catalog.OPTIMIZER_STATE[name], state, strict=True):
            values[:] = _slot(slot, n, draws)
        arguments = (gradient, optimizer.numbers(), STEP, state, draws.normal(n))
        yield Check("optimizers", name, f"{n}", arguments)


def _slot(name: str, n: int, draws: Draws) -> np.ndarray:
    """What a slot of an optimizer's state might hold."""
    if name == "step_sizes":
        # Beyond the smallest and the largest step.
        return 10 ** draws.uniform(-7, 3, n)
    if name == "mean":
        # So small that its square does not cancel the mean of the squares.
        return draws.signed(0.1, 0.2, n)
    if name in ("velocity", "first_moment", "previous_gradient"):
        values = draws.signed(1, 2, n)
        values[::5] = 0
        return values
    return draws.uniform(1, 2, n)


def _update_checks(plan: Plan, draws: Draws) -> Iterator[Check]:
    """What is done to the gradient and the parameters around the optimizer."""
    n, layer = plan.size, plan.layers[0]
    norm_of_all, norm_of_unit = float(np.sqrt(n)), float(np.sqrt(layer.n_in))
    yield Check(
        "penalties",
        "penalize",
        f"{n}",
        (0.01, 0.1, draws.normal(n), draws.normal(n), np.array([0.5])),
    )
    yield Check("clipping", "clip_value", f"{n}", (0.7, draws.normal(n)))
    # About half of the norm of numbers whose squares float32 cannot hold, and of small ones,
    # where 1e-6 counts; and more than the norm.
    for size, share in ((1e25, 0.5), (1e-3, 0.5), (1, 10)):
        gradient = draws.dtype.type(size) * draws.normal(n)
        limit = share * size * norm_of_all
        yield Check("clipping", "clip_norm", f"{n} to {limit:.3g}", (limit, gradient))
    yield Check(
        "constraints",
        "max_norm",
        f"{layer.n_in}x{layer.n_out}",
        (norm_of_unit, draws.normal(layer.n_in, layer.n_out)),
    )
    for step in (1, 2):
        vectors = draws.normal(n), draws.normal(n)
        yield Check("averaging", "average", f"{n} step {step}", (0.9, step, *vectors))


def _batch_checks(batch: int, n_in: int, n_out: int, draws: Draws) -> Iterator[Check]:
    rng = draws.rng
    inputs, targets = f"{batch}x{n_in}", f"{batch}x{n_out}"
    order = rng.permutation(batch)
    # Of the network's dtype row by row, and of another column by column.
    columns = np.asfortranarray(rng.integers(0, 256, (batch, n_in), np.uint8))
    for source in (draws.normal(batch, n_in), columns):
        arguments = (source, order, draws.normal(batch, n_in))
        yield Check("batches", "gather_rows", f"{inputs} {source.dtype}", arguments)
    labels = rng.integers(0, n_out, batch)
    yield Check("batches", "gather_labels", targets, (labels, order, draws.normal(batch, n_out)))
    yield Check(
        "batches", "smooth_targets", targets, (0.9, 0.1 / n_out, draws.uniform(0, 1, batch, n_out))
    )
    yield Check("shuffling", "shuffle", f"{batch}", (KEY, 3, order))
    a = draws.normal(batch, n_in)
    # As if another chunk of the batch came before.
    yield Check("dropout", "dropout", inputs, (KEY, 64, DROPPED, draws.normal(batch, n_in), a))
    mask = np.where(rng.random((batch, n_in)) < DROPPED, 0, 1 / (1 - DROPPED)).astype(draws.dtype)
    yield Check("dropout", "dropout_backward", inputs, (mask, draws.normal(batch, n_in)))
    yield Check("noise", "gaussian_noise", inputs, (KEY, 64, 0.5, a))
